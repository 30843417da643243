"""What is left of a part that work wears down, anchored by measurements: amount and wear per work, learned together.

State of each vehicle is normal: ``amount`` left (mm) and ``rate`` (mm per unit of work), with their covariance. Work
lowers the amount by the rate and so makes the two depend on each other; a workshop's measurement of the amount then
corrects the rate as well. The prior is that of the platform, so the first measurement weighs against what all its cars
taught, the second against what this car has shown (hierarchical Bayes in its conjugate, Kalman, form). A measurement
far above what can be left tells of a new part: the amount starts anew, what the car taught about its rate stays. One
far below moves it by so many standard deviations only: another car's sheet or a slip of the pen is likelier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

NEW_PART_SD = 4.0
"""So many standard deviations above what is expected, a measurement means a new part (our choice)."""
SLIP_SD = 3.0
"""So many below, it is taken for a slip and moves the amount no further (our choice)."""
LEAST_RATE = 0.1
"""Measurements do not make a rate less than this part of the usual (our choice)."""
PARTS = ("amount", "rate", "amount_var", "rate_var", "together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """After a trip ``(n,)``: ``amount`` left, wear ``rate`` per work, their variances and covariance, ``renewed``."""

    amount: Floats
    rate: Floats
    amount_var: Floats
    rate_var: Floats
    together: Floats
    renewed: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed before anything is seen ``(n,)``; ``new`` is the amount of a new part, ``new_sd`` its spread."""

    amount: Floats
    amount_sd: Floats
    rate: Floats
    rate_sd: Floats
    new: Floats
    new_sd: Floats


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen: the prior is filled in at the first trip, since it depends on the platform."""
    return {name: np.full(n_vehicles, np.nan) for name in PARTS}


def wear(
    work: Floats, measured: Floats, state: State, prior: Prior, *, measured_sd: Floats, walk: Floats, sure: Flags
) -> tuple[Left, dict[str, Floats | Integers]]:
    """Wears each part by ``work`` and takes in what was ``measured`` (NaN where nothing was).

    ``walk`` is the variance that a unit of work adds to the amount beyond the rate's uncertainty; ``sure`` where the
    amount was measured before, so that a measurement far below it may be a slip; where it was only guessed, or said
    to be new, the measurement refutes that.
    """
    amount, rate, amount_var, rate_var, together = _begun(state, prior)
    amount, amount_var, together = worked(work, (amount, rate, amount_var, rate_var, together), walk)
    told = ~np.isnan(measured)
    if not told.any():
        kept = (amount, np.maximum(rate, LEAST_RATE * prior.rate), amount_var, rate_var, together)
        return _left(kept, told)
    spread = np.sqrt(amount_var + measured_sd**2)
    renewed = told & (measured - amount > NEW_PART_SD * spread)
    refuted = told & ~sure & (measured - amount < -SLIP_SD * spread)
    amount = np.where(renewed, prior.new, np.where(refuted, measured, amount))
    amount_var = np.where(renewed, prior.new_sd**2, np.where(refuted, measured_sd**2, amount_var))
    together = np.where(renewed | refuted, 0.0, together)
    gain = np.where(told, 1.0 / (amount_var + measured_sd**2), 0.0)
    missed = np.where(told, np.maximum(measured - amount, -SLIP_SD * spread), 0.0)
    values = (
        amount + amount_var * gain * missed,
        np.maximum(rate + together * gain * missed, LEAST_RATE * prior.rate),
        amount_var - amount_var**2 * gain,
        rate_var - together**2 * gain,
        together - amount_var * together * gain,
    )
    return _left(values, renewed)


def worked(work: Floats, before: tuple[Floats, ...], walk: Floats) -> tuple[Floats, Floats, Floats]:
    """Amount, its variance and the covariance after ``work``, of :data:`PARTS` before it."""
    amount, rate, amount_var, rate_var, together = before
    return (
        amount - rate * work,
        amount_var - 2.0 * work * together + work**2 * rate_var + walk * work,
        together - work * rate_var,
    )


def _left(values: tuple[Floats, ...], renewed: Flags) -> tuple[Left, dict[str, Floats | Integers]]:
    """What is left, and the state, of :data:`PARTS` each ``(n,)``."""
    named = dict(zip(PARTS, values, strict=True))
    after: dict[str, Floats | Integers] = {**named}
    return Left(renewed=renewed, **named), after


def renewed(state: State) -> dict[str, Floats | Integers]:
    """The state when a new part was fitted: its amount is the prior's, what the car taught about its rate stays."""
    unknown = np.full(len(floats(state["rate"])), np.nan)
    kept = {name: floats(state[name]) for name in ("rate", "rate_var")}
    return {**kept, "amount": unknown, "amount_var": unknown, "together": unknown}


def _begun(state: State, prior: Prior) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The state, or the prior where nothing was seen yet."""
    amount, rate, amount_var, rate_var, together = (floats(state[name]) for name in PARTS)
    none, untaught = np.isnan(amount), np.isnan(rate)
    if not (none | untaught).any():
        return amount, rate, amount_var, rate_var, together
    return (
        np.where(none, prior.amount, amount),
        np.where(untaught, prior.rate, rate),
        np.where(none, prior.amount_sd**2, amount_var),
        np.where(untaught, prior.rate_sd**2, rate_var),
        np.where(none, 0.0, together),
    )
