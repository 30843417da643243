"""Faults and wear, put into the physics: a leak, a resistance, a lost current; never into what is measured.

A fault begins on a day, grows over days, and stops growing at its severity: 1 is as bad as the table below says, 0
nothing. The shape is the power of time with which it grows (1 evenly, 2 slowly first).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from simulators.errors import ScenarioError
from simulators.parameters import HEALTHY, as_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulators.parameters import Condition

WORST: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "thermostat_stuck_open": {"thermostat_leak": 0.42},
        "fan_failure": {"fan_factor": 0.0},
        "coolant_loss": {"coolant_fill": 0.32},
        "coolant_sensor_stuck": {"coolant_sensor_ohmic": 0.0},
        "vacuum_leak": {"unmetered_gps": 0.62},
        "weak_injectors": {"injector_gain": 0.76},
        "battery_ageing": {"battery_resistance": 3.1, "battery_capacity": 0.42},
        "parasitic_drain": {"parasitic_a": 0.55},
        "alternator_worn": {"alternator_factor": 0.2},
        "pad_wear": {"pad_wear": 9.0},
        "misfire": {"misfire_rate": 0.09},
    }
)
"""What each fault does to the car at severity 1 (our choice: clearly failed, but still driving)."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault of a scenario; days count from the scenario's start."""

    kind: str
    onset_day: float = 0.0
    growth_days: float = 1.0
    severity: float = 1.0
    shape: float = 1.0

    def level(self, day: float) -> float:
        """How far it has come on a day, 0 to ``severity``."""
        grown = min(1.0, max(0.0, (day - self.onset_day) / max(self.growth_days, 1e-6)))
        return float(self.severity * grown**self.shape)


def check(scenario: str, faults: Iterable[Fault]) -> None:
    """Refuses faults that there are not.

    Raises:
        ScenarioError: an unknown kind.
    """
    for fault in faults:
        if fault.kind not in WORST:
            raise ScenarioError(scenario, f"has a fault {fault.kind!r}; there are {', '.join(WORST)}")


def condition_on(day: float, faults: Iterable[Fault], n_vehicles: int = 1) -> Condition:
    """The state of repair of cars with these faults on a day; faults of one part add up."""
    changed = dict(HEALTHY)
    for fault in faults:
        for name, worst in WORST[fault.kind].items():
            changed[name] += fault.level(day) * (worst - HEALTHY[name])
    return as_new(n_vehicles, **changed)
