"""Each wheel's speed against that of the others.

Three things are counted. A wheel that stands while the others roll above 10 km/h has lost its signal. A passive
sensor's voltage falls with speed and with the air gap, so a wheel that already reads nothing at a walking pace has a
gap that grows. And the mean of log(wheel / others) on a straight road tells of a toothed ring or of another tyre.
Wheels are polled one after another, so rows in which the car brakes or accelerates hard compare different moments and
are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import every, some
from diagnostics.features.matter import Matter
from diagnostics.features.matters.tyres import CORNERS
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

ROLLING_KPH, STANDING_KPH = 10.0, 2.0
"""One wheel at or below 2 while the others are above 10: criterion of a brake control unit (Hyundai, Kia)."""
WALKING_KPH = (5.0, 15.0)
"""Where the signal of a wide air gap vanishes first; sound ones vanish at 2 to 3 (our choice)."""
CRUISE_KPH = 40.0
"""Above it quantisation of a wheel's speed is below one in a thousand (our choice)."""
STEADY_M_S2 = 0.8
"""Wheels read half a second apart then differ by 1.5 km/h at most (our choice)."""
GAP_MS = 5_000
STRAIGHT = 0.03
"""Left and right differ by less than this on a straight road (our choice: a radius above 50 m)."""
LEAST_CRUISE = 20.0
"""Readings that make a mean (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """By wheel: whether it stands though the others roll, and its ratio to them."""
    wheels = np.stack([view.held(path) for path in s.WHEEL_SPEEDS], axis=1)
    fresh = np.stack([view.fresh(path) for path in s.WHEEL_SPEEDS], axis=1)
    told = every(~np.isnan(wheels)) & some(fresh) & _steady(view)
    values: dict[str, Floats] = {}
    sides = np.abs(wheels[:, [0, 2]].mean(axis=1) - wheels[:, [1, 3]].mean(axis=1))
    middle = np.median(wheels, axis=1)
    cruise = told & (middle > CRUISE_KPH) & (sides < STRAIGHT * np.maximum(middle, 1.0))
    values["wheel_cruise_n"] = view.only(cruise)
    for at, corner in enumerate(CORNERS):
        others = np.median(np.delete(wheels, at, axis=1), axis=1)
        least = np.delete(wheels, at, axis=1).min(axis=1)
        own, judged = wheels[:, at], told & fresh[:, at]
        rolling = judged & (least > ROLLING_KPH)
        walking = judged & (least >= WALKING_KPH[0]) & (others <= WALKING_KPH[1])
        values[f"wheel_{corner}_rolling_n"] = view.only(rolling)
        values[f"wheel_{corner}_drops"] = view.only(rolling & (own <= STANDING_KPH))
        values[f"wheel_{corner}_walking_n"] = view.only(walking)
        values[f"wheel_{corner}_gone"] = view.only(walking & (own <= STANDING_KPH))
        ratio = np.log(np.maximum(own, 1.0) / np.maximum(others, 1.0))
        values[f"wheel_{corner}_log"] = view.only(cruise, ratio)
    return values


def _steady(view: View) -> Flags:
    """Whether the car's own speed hardly changes; where it is not read, wheels alone cannot tell."""
    passed_ms = view.time_ms - view.before_ms(s.SPEED)
    near = (view.before_ms(s.SPEED) >= 0) & (passed_ms > 0) & (passed_ms <= GAP_MS) & view.fresh(s.SPEED)
    change = np.abs(view.value(s.SPEED) - view.before(s.SPEED)) / 3.6
    steady: Flags = near & (change <= STEADY_M_S2 * np.where(near, passed_ms, 1) / 1000.0)
    return steady


def derive(sums: Sums) -> dict[str, Floats]:
    """Counts are 0 where a trip had chances and none happened; NaN where it had no chance."""
    found: dict[str, Floats] = {}
    cruise = sums["wheel_cruise_n"]
    for corner in CORNERS:
        for what, chances in (("drops", "rolling_n"), ("gone", "walking_n")):
            count = sums[f"wheel_{corner}_{chances}"]
            found[f"wheel_{corner}_{chances}"] = count
            found[f"wheel_{corner}_{what}"] = np.where(count > 0.0, sums[f"wheel_{corner}_{what}"], np.nan)
        mean = sums[f"wheel_{corner}_log"] / np.maximum(cruise, 1.0)
        found[f"wheel_{corner}_log"] = np.where(cruise >= LEAST_CRUISE, mean, np.nan)
    return found


_SUMS = ("rolling_n", "drops", "walking_n", "gone", "log")
MATTER = Matter(
    name="wheel_speeds",
    signals=(*s.WHEEL_SPEEDS, s.SPEED),
    measure=measure,
    derive=derive,
    needs=s.WHEEL_SPEEDS,
    on=s.WHEEL_SPEEDS,
    summed=("wheel_cruise_n", *(f"wheel_{corner}_{name}" for corner in CORNERS for name in _SUMS)),
    features=tuple(f"wheel_{corner}_{name}" for corner in CORNERS for name in _SUMS),
)
