"""What can go wrong: changes of physical parameters that grow over days, never of a monitored signal."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The state of decay of ``n`` cars, each of shape ``(n,)``; the defaults are a sound car.

    ``thermostat_leak`` is the share of full flow that passes a closed thermostat; ``unmetered_air_g_s`` enters behind
    the air-mass sensor; ``battery_resistance`` multiplies the internal resistance, ``battery_capacity`` the charge it
    holds; ``alternator_drop_v`` is missing from the regulated voltage; ``coolant_loss`` is the share of coolant and
    radiator flow that is gone; ``fan_dead`` and ``coolant_sensor_stuck`` are 0 or 1; ``brake_drag`` multiplies wear.
    """

    thermostat_leak: Floats
    unmetered_air_g_s: Floats
    battery_resistance: Floats
    battery_capacity: Floats
    alternator_drop_v: Floats
    coolant_loss: Floats
    fan_dead: Floats
    coolant_sensor_stuck: Floats
    brake_drag: Floats
    misfire: Floats


_SOUND = {"battery_resistance": 1.0, "battery_capacity": 1.0, "brake_drag": 1.0}
NAMES = tuple(field.name for field in fields(Faults))


def sound(count: int) -> Faults:
    """``count`` cars without faults."""
    return Faults(**{name: np.full(count, _SOUND.get(name, 0.0)) for name in NAMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one fault grows: from nothing at ``onset_day`` to ``severity`` at ``full_day``, along a smooth S."""

    fault: str
    severity: float
    onset_day: float
    full_day: float

    def share(self, day: float) -> float:
        """How far it has grown: 0 before the onset, 1 from ``full_day`` on."""
        if self.full_day <= self.onset_day:
            return float(day >= self.onset_day)
        progress = min(1.0, max(0.0, (day - self.onset_day) / (self.full_day - self.onset_day)))
        return progress * progress * (3.0 - 2.0 * progress)


def at_day(plans: list[list[Plan]], day: float) -> Faults:
    """The faults of cars whose plans are given, on a day."""
    state = {name: np.full(len(plans), _SOUND.get(name, 0.0)) for name in NAMES}
    for car, planned in enumerate(plans):
        for plan in planned:
            start = _SOUND.get(plan.fault, 0.0)
            state[plan.fault][car] = start + plan.share(day) * (plan.severity - start)
    return Faults(**state)
