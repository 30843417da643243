"""Cars in the shop's care."""
