"""What can be wrong with a simulation.

SimulatorError
├── ScenarioError    a scenario file or name that cannot be taken
└── EndpointError    an address for a bus or port that cannot be taken
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Root of everything that the simulators refuse."""


class ScenarioError(SimulatorError):
    """A scenario that cannot be taken: names it, and the mend."""

    def __init__(self, scenario: str, why: str) -> None:
        self.scenario = scenario
        super().__init__(f"scenario {scenario!r} {why}")


class EndpointError(SimulatorError):
    """An address for a bus or a port that cannot be taken or opened."""

    def __init__(self, address: str, why: str) -> None:
        self.address = address
        super().__init__(f"{address!r} {why}")
