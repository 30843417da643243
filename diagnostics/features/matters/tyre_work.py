"""What tyres rub off: metres weighted by accelerations along and across.

The rubber that a tyre loses goes with the energy of its slip; force times slip grows with the square of the force, so
a metre costs 1 + kx ax^2 + ky ay^2 (a rolling tyre loses some too). Acceleration along is the difference of two
readings of speed, across is measured, or speed times yaw rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import covering
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

GAP_MS = 4_000
"""Longest time between two readings of speed whose difference is an acceleration (our choice: two slow polls)."""
MOST_M_S2 = 8.0
"""More than a road tyre transmits on dry asphalt, about 0.8 g: a corrupt reading."""


def measure(view: View) -> dict[str, Floats]:
    """Weighted metres of each row."""
    speed = view.value(s.SPEED) / 3.6
    before = view.before(s.SPEED) / 3.6
    passed_ms = view.time_ms - view.before_ms(s.SPEED)
    near = view.fresh(s.SPEED) & (view.before_ms(s.SPEED) >= 0) & (passed_ms > 0) & (passed_ms <= GAP_MS)
    seconds = np.where(near, passed_ms, 1) / 1000.0
    along = np.clip((speed - before) / seconds, -MOST_M_S2, MOST_M_S2)
    across = view.held(s.LATERAL_ACCELERATION)
    turned = speed * np.deg2rad(view.held(s.YAW_RATE))
    across = np.clip(np.where(np.isnan(across), turned, across), -MOST_M_S2, MOST_M_S2)
    told = near & ~np.isnan(across)
    usual = view.parameter("tyre_usual_across")
    harm = 1.0 + view.parameter("tyre_kx") * along**2
    harm = harm + view.parameter("tyre_ky") * np.where(told, across, 0.0) ** 2 + np.where(told, 0.0, usual)
    metres = (speed + before) / 2.0 * seconds
    return {
        "tyre_work_m": view.only(near, metres * harm),
        "tyre_seen_ms": view.only(near & (view.running | view.driving), passed_ms.astype(np.float64)),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Weighted kilometres; NaN where speed was not read."""
    km = covering.whole_of(sums, "tyre_work_m", "tyre_seen_ms") / 1000.0
    return {"tyre_work_km": np.where(sums["speed_n"] > 0.0, km, np.nan)}


MATTER = Matter(
    name="tyre_work",
    signals=(s.SPEED, s.LATERAL_ACCELERATION, s.YAW_RATE),
    measure=measure,
    derive=derive,
    needs=(s.SPEED,),
    on=(s.SPEED,),
    summed=("tyre_work_m", "tyre_seen_ms"),
    features=("tyre_work_km",),
    parameters=("tyre_kx", "tyre_ky", "tyre_usual_across"),
)
