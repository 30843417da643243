"""Cars that obey physics and wear out, their ECU, their bus and their ELM327 port."""
