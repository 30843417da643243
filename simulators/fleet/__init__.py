"""A fleet of cars at once: physics of many vehicles as arrays, one block of one kind of powertrain at a time."""

from simulators.fleet.blocks import BlockRun, Chunk, simulate, together

__all__ = ["BlockRun", "Chunk", "simulate", "together"]
