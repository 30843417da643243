"""The dealers: names, time zone, opening hours, bays."""
