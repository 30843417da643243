"""The traction battery of a hybrid: small, for high power, cooled by air of the cabin, so that it tells no coolant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import battery_system, traction_battery
from vehicle.signals import TRACTION_COOLANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.arrays import Floats
    from simulators.fleet.traction_battery import BatteryBuild, BatteryCondition, BatteryState

SMALL = {
    "battery_kwh": 1.3, "cells_in_series": 56.0, "battery_ohm": 0.13, "charge_rate": 24.0, "coolant_w_per_k": 26.0,
    "chiller_w": 0.0, "battery_heater_w": 0.0, "held_charge": 0.57, "isolation_ohm": 4.1e6,
}  # fmt: skip
"""Where the platform says nothing."""


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> BatteryBuild:
    """Batteries of hybrids of a platform; nothing but contactors and clocks draws on them at rest."""
    made = traction_battery.build({**SMALL, **platform}, n, rng)
    return replace(made, parked_w=made.parked_w * 0.01)


def readings(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> dict[str, Floats]:
    """What the battery management tells."""
    told = battery_system.readings(state, build, condition)
    return told | {TRACTION_COOLANT: np.full_like(state.coolant_c, np.nan)}


SUBSYSTEM = replace(battery_system.SUBSYSTEM, build=build, readings=readings)
FAULTS = battery_system.FAULTS
WEAR = battery_system.WEAR
