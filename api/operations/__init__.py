"""For those who run the service: readiness, live changes, what could not be read."""
