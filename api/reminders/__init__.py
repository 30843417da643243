"""Messages to owners, when they are due."""
