"""One file a kind of foreign device, each with a constant ``IMPORTER``; a new file is found by itself."""
