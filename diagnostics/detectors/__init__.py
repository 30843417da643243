"""One file a detector, each with a constant ``DETECTOR``; a new file is found without being registered."""
