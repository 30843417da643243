"""The traction battery of a hybrid: small, for high power, cooled by air of the cabin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulators.fleet import battery_system, traction_battery

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from simulators.fleet.traction_battery import BatteryBuild

SMALL = {
    "battery_kwh": 1.3, "cells_in_series": 56.0, "battery_ohm": 0.13, "charge_rate": 24.0, "coolant_w_per_k": 26.0,
    "chiller_w": 0.0, "battery_heater_w": 0.0, "held_charge": 0.57, "isolation_ohm": 4.1e6,
}  # fmt: skip
"""Where the platform says nothing."""


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> BatteryBuild:
    """Batteries of hybrids of a platform; nothing but contactors and clocks draws on them at rest."""
    made = traction_battery.build({**SMALL, **platform}, n, rng)
    return replace(made, parked_w=made.parked_w * 0.01)


SUBSYSTEM = replace(battery_system.SUBSYSTEM, build=build)
FAULTS = battery_system.FAULTS
WEAR = battery_system.WEAR
