"""From damage and its rate to remaining life as a distribution."""
