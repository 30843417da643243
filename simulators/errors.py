"""What the simulators refuse.

SimulatorError
├── ScenarioError   a scenario that does not exist or cannot be read
└── PortError       an address that cannot be listened on
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Root of everything that the simulators refuse."""


class ScenarioError(SimulatorError):
    """A scenario that does not exist or cannot be read."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(f"scenario {name!r} {why}")


class PortError(SimulatorError):
    """An address that cannot be listened on."""

    def __init__(self, address: str, why: str) -> None:
        self.address = address
        super().__init__(f"{address} {why}")
