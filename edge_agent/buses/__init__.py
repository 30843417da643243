"""Where readings come from; one file a URI scheme."""
