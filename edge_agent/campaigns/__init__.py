"""Collection campaigns in the car: conditions watched on the bus, and what happened around them, recorded."""
