"""A fleet of cars at once: physics of many vehicles as arrays, one block of one kind of powertrain at a time."""
