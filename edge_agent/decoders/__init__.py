"""From the bytes of frames to values of signals; pure."""
