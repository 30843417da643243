"""Collection campaigns: what cars shall collect, which have taken it, and what they sent."""
