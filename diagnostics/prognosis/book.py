"""What the service book adds: a part that was fitted then and is so thin now has lost so much in that time.

Work before the first trip was not seen. If the car was used then as it is used now, the loss over the days since the
part was fitted, by the work of one of its days, is its wear per work, and tells more of it than the platform does: cars
differ by a factor in how they wear pads (driver, load, make of the pads), years of driving average that out. Taken in
once, on the logarithm, as rates differ by factors, as soon as the car's habits are known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State
    from diagnostics.prognosis.anchored import Left
    from diagnostics.prognosis.dose import Dose

HABITS_DIFFER = 0.35
"""Relative spread of a day's work before the first trip against after it (our choice)."""
LEAST_DAYS = 90.0
"""A part that was fitted later than this before it was measured tells too little (our choice)."""
LEAST_PART = 0.25
"""So does one that has lost less than this part of what it may lose (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No book: in how many days before the first trip a part lost how much."""
    return {name: np.full(n_vehicles, np.nan) for name in ("past_mm", "past_days")}


def fitted(_state: State, days: Floats) -> dict[str, Floats | Integers]:
    """The state of parts that had been in the car for ``days`` when they were measured before the first trip."""
    return {"past_days": days}


def noted(lost_mm: Floats, usable_mm: Floats, state: State) -> dict[str, Floats]:
    """What was lost until the first measurement (NaN: none now), of parts that lost enough in enough time to tell."""
    days, before = floats(state["past_days"]), floats(state["past_mm"])
    told = ~np.isnan(lost_mm) & np.isnan(before) & ~np.isnan(days)
    if not told.any():
        return {"past_mm": before, "past_days": days}
    tells = told & (days >= LEAST_DAYS) & (lost_mm >= LEAST_PART * usable_mm)
    return {
        "past_mm": np.where(tells, lost_mm, before),
        "past_days": np.where(told & ~tells, np.nan, days),
    }


def learned(left: Left, daily: Dose, past: State, lost_sd: Floats, ready: Flags) -> tuple[Left, dict[str, Floats]]:
    """Wear per work corrected by the past where habits are ``ready`` to be told, and what is still to be taken in.

    ``lost_sd`` is the standard deviation of what was lost, mm ``(n,)``.
    """
    lost, days = floats(past["past_mm"]), floats(past["past_days"])
    now = ready & ~np.isnan(lost) & (daily.rate > 0.0)
    if not now.any() and (left.rate > 0.0).all():
        return left, {"past_mm": lost, "past_days": days}
    work = np.where(now, daily.rate * days, 1.0)
    told = np.where(now, lost / work, left.rate)
    doubt = HABITS_DIFFER**2 + (lost_sd / np.where(now, lost, 1.0)) ** 2
    doubt = doubt + daily.variance / (np.maximum(daily.days, 1.0) * np.where(now, daily.rate, 1.0) ** 2)
    before = left.rate_var / left.rate**2
    gain = np.where(now, before / (before + doubt), 0.0)
    factor = np.exp(gain * np.log(told / left.rate))
    kept = 1.0 - gain
    corrected = replace(
        left,
        rate=left.rate * factor,
        rate_var=left.rate_var * factor**2 * kept,
        together=left.together * factor * kept,
    )
    return corrected, {name: np.where(now, np.nan, floats(past[name])) for name in ("past_mm", "past_days")}
