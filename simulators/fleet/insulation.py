"""Insulation of the high-voltage system against the body: moist air and spray widen what leaks.

A sound car has megohms; a leak is added as a conductance that grows by three decades from sound to the limit of the
rules, 100 ohm for each volt. While a car charges, the post's own insulation lies beside the car's. How far moisture
goes is our choice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats
    from simulators.fleet.traction_battery import BatteryBuild, BatteryCondition, BatteryState

WET_S, DRY_S = 1_500.0, 20_000.0
POST_SIEMENS = 7e-7
LIMIT_OHM_PER_V = 100.0
MEAN_CELL_V = 3.7
DECADES = 3.0


def wetted(wetness: Floats, wet: Floats, speed_mps: Floats, dt_s: float) -> Floats:
    """Spray soaks plugs and cases while driving in the rain; the air dries them."""
    soaked = wet * (speed_mps > 1.0)
    rate = soaked * np.float32(dt_s / WET_S) + (1.0 - soaked) * np.float32(dt_s / DRY_S)
    wetter: Floats = wetness + (soaked - wetness) * np.minimum(rate, np.float32(1.0))
    return wetter


def isolation_ohm(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Insulation of the high-voltage system against the body."""
    moist = np.exp(1.8 * (state.humidity - 0.5) + 0.4 * state.wetness)
    worst = 1.0 / (LIMIT_OHM_PER_V * build.series * MEAN_CELL_V)
    leak = worst * np.exp(DECADES * math.log(10.0) * (condition.leak - 1.0)) * (0.85 + 0.3 * moist)
    return floats(1.0 / (build.dry_siemens * moist + leak + POST_SIEMENS * state.charging))
