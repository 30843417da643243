"""One file a part that wears, each with a constant ``MODEL``; a new file is found without being registered."""
