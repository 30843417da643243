"""A part that use wears down to a limit: what is left in mm, and by when it must be replaced.

Shared by brake pads, tyres and the 12 V battery of cars without a starter: work of trips wears
(:mod:`diagnostics.prognosis.anchored`), measurements anchor, the vehicle's own days tell how fast work is done
(:mod:`diagnostics.prognosis.dose`), and the limit is reached when :mod:`diagnostics.prognosis.crossing` says. Two
advices, both by probability, so that a part that nobody ever measured must be nearly certain to be due before anyone is
asked to look: *measure* and *worn*.

Parameters of a part, each after its prefix: ``new_mm``, ``new_sd_mm`` of a new part; ``start_mm``, ``start_sd_mm`` of
one of unknown age; ``mm_per_km`` to guess the age of the first from the kilometre counter; ``limit_mm``;
``mm_per_work`` and ``rate_part``, its spread as a part of it; ``measured_sd_mm``; ``walk_mm2`` that a unit of work adds
by chance; ``work_a_day`` of a usual car; ``measure_days``, ``worn_days`` and the probabilities ``measure_p``,
``worn_p`` that raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats, integers
from diagnostics.detector import Judgement, Later, at_rest, latch, latched
from diagnostics.prognosis import anchored, book, dose
from diagnostics.prognosis.crossing import Z_90, days_until, probability_within, still_ahead

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

MEASURE, WORN = range(2)
NAMES = (
    "new_mm", "new_sd_mm", "start_mm", "start_sd_mm", "mm_per_km", "limit_mm", "mm_per_work", "rate_part",
    "measured_sd_mm", "walk_mm2", "work_a_day", "measure_days", "measure_p", "worn_days", "worn_p",
)  # fmt: skip
AGE_DOUBT = 0.8
"""Doubt about wear that is guessed from kilometres, as a part of it (our choice)."""
FIRST_SET = 0.6
"""Up to this part of its wear a part is taken for the car's first one (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """A trip's use of a part ``(n,)``: ``work`` done, NaN not observable; ``measured`` mm, NaN not measured.

    ``aged``: work that was done before the part was first seen, where the service book tells its day, NaN untold; with
    it nothing is said of a part that was neither measured nor dated.
    """

    work: Floats
    measured: Floats
    aged: Floats | None = None


def parameters(prefix: str) -> tuple[str, ...]:
    """Names of a part's parameters."""
    return tuple(f"{prefix}_{name}" for name in NAMES)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No work, no measurement."""
    counts: dict[str, Floats | Integers] = {
        "km": np.zeros(n_vehicles),
        "new": np.zeros(n_vehicles),
        "measured_n": np.zeros(n_vehicles, dtype=np.int64),
    }
    seen = anchored.initial(n_vehicles) | dose.initial(n_vehicles)
    return counts | seen | book.initial(n_vehicles) | latched(n_vehicles)


def renewed(state: State, at_ms: Floats) -> dict[str, Floats | Integers]:
    """The state when new ones were fitted: habits and the rate of wear belong to the car and stay."""
    kept = {name: floats(state[name]) for name in (*dose.initial(0), *book.initial(0))}
    return anchored.renewed(state) | kept | {"new": np.ones(len(at_ms))}


def step(
    trips: Trips, worn: Worn, state: State, p: Parameters, prefix: str,
    *, forget: float = dose.FORGET, usual_days: float = dose.USUAL_DAYS, hidden: bool = False,
) -> tuple[Judgement, dict[str, Floats | Integers]]:  # fmt: skip
    """What a trip did to the part and what is left of it.

    ``forget`` as of :func:`dose.add`, ``usual_days`` as of :func:`dose.towards_usual`;
    ``hidden``: that the limit is passed does not show in use.
    """
    mine = {name: p[f"{prefix}_{name}"] for name in NAMES}
    work = filled(worn.work)
    new, measured_n = floats(state["new"]) > 0.0, integers(state["measured_n"])
    told = measured_n + ~np.isnan(worn.measured)
    observable = ~np.isnan(worn.work) | ~np.isnan(worn.measured)
    if worn.aged is not None:
        observable &= (told > 0) | new | ~np.isnan(worn.aged)
    left, after = anchored.wear(
        work, worn.measured, {name: state[name] for name in anchored.PARTS},
        _prior(trips, worn, mine, new), measured_sd=mine["measured_sd_mm"], walk=mine["walk_mm2"],
        sure=measured_n > 0,
    )  # fmt: skip
    before = {name: np.asarray(state[name], dtype=np.float64) for name in dose.initial(0)}
    counted, days = dose.add(work, trips["ended_ms"], before, forget)
    daily = dose.towards_usual(counted, mine["work_a_day"], usual_days, forget)
    young = daily.days < p["rate_days"]
    left, past = _with_book(left, daily, worn, state, mine, ~young)
    after |= {"rate": left.rate, "rate_var": left.rate_var, "together": left.together}
    rul, measure, due = _ends(left, daily, told > 0, mine, hidden=hidden) if observable.any() else _unasked(len(trips))
    gone = left.amount < mine["limit_mm"]
    bad = np.where(due > mine["worn_p"], WORN, np.where(measure > mine["measure_p"], MEASURE, -1))
    bad = np.where(observable & ~young, bad, -1)
    good = observable & (left.renewed | (measure < mine["measure_p"] / 3.0))
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=np.ones(len(trips)))
    km = floats(state["km"]) + filled(trips["km"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.clip(np.where(bad == WORN, due, measure), 0.05, 0.99),
        health=np.where(observable, _health(left, mine), np.nan),
        rul_days=np.where((young & ~gone)[:, None], np.nan, rul),
        numbers=Later(lambda: _numbers(left, rul, worn, km, told, mine)),
    )
    counts: dict[str, Floats | Integers] = {"km": km, "new": floats(state["new"]), "measured_n": told.astype(np.int64)}
    return judgement, counts | after | days | past | latch_state


def _with_book(
    left: anchored.Left, daily: dose.Dose, worn: Worn, state: State, mine: Parameters, ready: Flags
) -> tuple[anchored.Left, dict[str, Floats]]:
    """What is left with the wear that the service book tells of, and the book's part of the state."""
    noted = book.noted(mine["new_mm"] - worn.measured, mine["new_mm"] - mine["limit_mm"], state)
    lost_sd = np.hypot(mine["new_sd_mm"], mine["measured_sd_mm"])
    return book.learned(left, daily, noted, lost_sd, ready)


def _prior(trips: Trips, worn: Worn, mine: Parameters, new: Flags) -> anchored.Prior:
    """A part of unknown age is half worn; that of a young car is its first, worn by what its counter shows.

    One that the service book dates has lost what its age takes, and of which the workshop told that it was fitted is
    ``new``.
    """
    by_km = filled(trips["odometer_km"], 1e9) * mine["mm_per_km"]
    first = by_km < FIRST_SET * (mine["new_mm"] - mine["limit_mm"])
    by_age = np.full(len(new), np.nan) if worn.aged is None else worn.aged * mine["mm_per_work"]
    lost = np.where(new, 0.0, np.where(np.isnan(by_age), by_km, by_age))
    doubt = np.where(np.isnan(by_age), AGE_DOUBT, np.hypot(mine["rate_part"], book.HABITS_DIFFER))
    dated = new | first | ~np.isnan(by_age)
    return anchored.Prior(
        amount=np.where(dated, np.maximum(mine["new_mm"] - lost, 0.0), mine["start_mm"]),
        amount_sd=np.where(
            dated, np.hypot(mine["new_sd_mm"], doubt * np.minimum(lost, mine["new_mm"])), mine["start_sd_mm"]
        ),
        rate=mine["mm_per_work"],
        rate_sd=mine["mm_per_work"] * mine["rate_part"],
        new=mine["new_mm"],
        new_sd=mine["new_sd_mm"],
    )


def _ends(
    left: anchored.Left, daily: dose.Dose, measured: Flags, mine: Parameters, *, hidden: bool
) -> tuple[Floats, Floats, Floats]:
    """Days left ``(n, 3)``, and the probabilities that the part is due within the days of each advice.

    A part in use has not reached its limit, unless a workshop ``measured`` that it has by more than its error; it may
    have where the limit is ``hidden``, so that advice does not build on that.
    """
    doubt = daily.variance / np.maximum(daily.days, 1.0)
    spread = {
        "distance_var": left.amount_var,
        "rate_var": daily.rate**2 * left.rate_var + left.rate**2 * doubt,
        "together": daily.rate * left.together,
        "daily_var": left.rate**2 * daily.variance,
    }
    distance, rate = left.amount - mine["limit_mm"], left.rate * daily.rate
    due = probability_within(mine["worn_days"], distance, rate, **spread)
    ahead, cut = still_ahead(distance, left.amount_var)
    passed = measured & (distance < -mine["measured_sd_mm"])
    ahead, in_use = np.where(passed, distance, ahead), spread | {"distance_var": np.where(passed, left.amount_var, cut)}
    soon_from, soon_spread = (distance, spread) if hidden else (ahead, in_use)
    soon = probability_within(mine["measure_days"], soon_from, rate, **soon_spread)
    return days_until(ahead, rate, **in_use), soon, due


def passes(trips: Trips, work: Floats, state: State, p: Parameters, prefix: str) -> tuple[Flags, dict[str, Floats]]:
    """Trips without a measurement that only do ``work``, of parts of which nothing is said; and what that changes.

    As :attr:`diagnostics.telling.Repeats.passes`, for a detector that says nothing of parts neither measured nor dated.
    """
    before = tuple(floats(state[name]) for name in anchored.PARTS)
    amount, amount_var, together = anchored.worked(work, before, p[f"{prefix}_walk_mm2"])
    usual = ~np.isnan(before[0]) & (before[1] >= anchored.LEAST_RATE * p[f"{prefix}_mm_per_work"])
    unsaid = (floats(state["new"]) <= 0.0) & (integers(state["measured_n"]) == 0) & np.isnan(floats(state["past_mm"]))
    changes = {
        "amount": amount, "amount_var": amount_var, "together": together,
        "km": floats(state["km"]) + filled(trips["km"]),
        "total": floats(state["total"]) + work, "today": floats(state["today"]) + work,
    }  # fmt: skip
    return at_rest(state) & usual & unsaid & dose.day_goes_on(trips["ended_ms"], state), changes


def _unasked(n: int) -> tuple[Floats, Floats, Floats]:
    """As :func:`_ends` of parts of which nothing is said."""
    return np.full((n, 3), np.nan), np.full(n, np.nan), np.full(n, np.nan)


def _health(left: anchored.Left, mine: Parameters) -> Floats:
    return np.clip((left.amount - mine["limit_mm"]) / (mine["new_mm"] - mine["limit_mm"]), 0.0, 1.0)


def _numbers(
    left: anchored.Left, rul: Floats, worn: Worn, km: Floats, told: Integers, mine: Parameters
) -> dict[str, Floats]:
    return {
        "value": worn.work,
        "expectation": np.full(len(km), np.nan),
        "threshold": np.full(len(km), np.nan),
        "left": np.maximum(left.amount, 0.0),
        "error": np.minimum(Z_90 * np.sqrt(left.amount_var), mine["new_mm"]),
        "limit": mine["limit_mm"],
        "km": km,
        "measurements": told.astype(np.float64),
        "low": np.nan_to_num(rul[:, 0]),
        "high": np.nan_to_num(rul[:, 2]),
    }
