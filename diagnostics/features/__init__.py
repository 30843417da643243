"""From samples to features of trips: pure functions on arrays of all vehicles at once."""
