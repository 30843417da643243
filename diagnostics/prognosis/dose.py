"""Damage that adds up trip by trip: its total, and what a day adds on average and spread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State
    from diagnostics.features.trips import Trips

DAY_MS = 86_400_000.0
FORGET = 0.985
"""Weight of the days before a new one: habits of about two months count. What a car does in a day differs by a
factor of 1.3 from month to month, so one month tells too little of the next ones (our choice, on a development fleet,
seed 16)."""
USUAL_DAYS = 10.0
"""So many days of a car's own count as much as what is usual for its kind (our choice, by the same fleet)."""
LEAST_PART = 0.02
"""Least part of the usual that a car is taken to do in a day, since a logarithm is taken of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """After a trip, each ``(n,)``: ``total`` damage; ``rate`` a day and its ``variance``; ``days`` it rests on."""

    total: Floats
    rate: Floats
    variance: Floats
    days: Floats


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No damage counted yet."""
    zeros: dict[str, Floats | Integers] = {
        name: np.zeros(n_vehicles) for name in ("total", "today", "weight", "mean", "spread")
    }
    return zeros | {"day_ms": np.full(n_vehicles, np.nan), "began_ms": np.full(n_vehicles, np.nan)}


def add(
    damage: Floats, at_ms: Floats, state: State, forget: float = FORGET
) -> tuple[Dose, dict[str, Floats | Integers]]:
    """Adds a trip's damage; days count from the first trip, and one without a trip counts as one without damage.

    ``forget``: weight of the days before a new one.
    """
    old = {name: np.asarray(values, dtype=np.float64) for name, values in state.items()}
    began = np.where(np.isnan(old["began_ms"]), at_ms, old["began_ms"])
    day = np.where(np.isnan(old["day_ms"]), at_ms, old["day_ms"])
    passed = np.floor((at_ms - day) / DAY_MS)
    ends = passed >= 1.0
    idle = np.maximum(passed - 1.0, 0.0)
    weight, mean, spread = old["weight"], old["mean"], old["spread"]
    if ends.any() or not np.isfinite(old["today"]).all():
        weight, mean, spread = _learn(weight, mean, spread, old["today"], ends, idle, forget)
    today = np.where(ends, 0.0, old["today"]) + damage
    total = old["total"] + damage
    after: dict[str, Floats | Integers] = {
        "total": total, "today": today, "weight": weight, "mean": mean, "spread": spread,
        "day_ms": np.where(ends, day + passed * DAY_MS, day), "began_ms": began,
    }  # fmt: skip
    return Dose(total=total, rate=mean, variance=spread, days=weight), after


def day_goes_on(at_ms: Floats, state: State) -> Flags:
    """Where a trip that ended ``at_ms`` belongs to the day of the trip before, so that :func:`add` only adds to it."""
    begun = ~np.isnan(floats(state["began_ms"]))
    same: Flags = begun & (np.floor((at_ms - floats(state["day_ms"])) / DAY_MS) < 1.0)
    return same


def day_begins(trips: Trips, state: State) -> Flags:
    """Trips with which a new day of their vehicle begins, by the state before them: :func:`add` then learns of one.

    Days lie on a grid of 24 h from the first trip on, so that no trip between moves them.
    """
    number = np.floor((trips["ended_ms"] - floats(state["day_ms"])[trips.vehicle]) / DAY_MS)
    same = trips.vehicle[1:] == trips.vehicle[:-1]
    before = np.concatenate([np.zeros(1), np.where(same, number[:-1], 0.0)])[: len(number)]
    begins: Flags = number != before
    return begins


def towards_usual(daily: Dose, usual: Floats, usual_days: float = USUAL_DAYS, forget: float = FORGET) -> Dose:
    """The rate as far as a car's own days tell it: the fewer, the nearer to what is ``usual`` a day ``(n,)``.

    At first ``usual_days`` of its own count about as much as the usual, and once it is known for as long as ``forget``
    lets it be, its own are all. By factors, as that is how cars differ; a car that hardly moves now will move again.
    """
    most = 1.0 / (1.0 - forget)
    own = np.minimum(daily.days * (1.0 + usual_days / most) / (daily.days + usual_days), 1.0)
    return replace(daily, rate=usual * np.maximum(daily.rate / usual, LEAST_PART) ** own)


def _learn(
    weight: Floats, mean: Floats, spread: Floats, day: Floats, ends: Flags, idle: Floats, forget: float
) -> tuple[Floats, Floats, Floats]:
    """Weighted mean and variance of a day, with forgetting: the finished day, then the days without a trip."""
    for value, count in ((day, np.where(ends, 1.0, 0.0)), (np.zeros_like(day), np.where(ends, idle, 0.0))):
        kept = weight * forget**count
        added = np.where(count > 0.0, (1.0 - forget**count) / (1.0 - forget), 0.0)
        whole = kept + added
        share = added / np.where(whole > 0.0, whole, 1.0)
        difference = value - mean
        mean = mean + share * difference
        spread = (1.0 - share) * (spread + share * difference**2)
        weight = whole
    return weight, mean, spread
