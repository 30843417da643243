"""One file a matter, each with a constant ``MATTER``; a new file is found without being registered."""
