"""Figures of the card, each with its 95 % interval by a bootstrap over vehicles.

A figure is a function of weights, one a vehicle: 1 each for the value, how often a vehicle was drawn for the interval.
What belongs to one vehicle is drawn together, so that its many trips do not count as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorecard.truth import Flags, Floats, Integers

DRAWS = 400
BINS = 10
"""Of predicted probability, by equal counts, for the calibration error."""

Figure = "Callable[[Floats], float]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A figure with its 95 % interval; NaN where there was nothing to count."""

    value: float
    low: float
    high: float


def with_interval(figure: Callable[[Floats], float], n_vehicles: int, seed: int, draws: int = DRAWS) -> Value:
    """The figure over all vehicles, and the 2.5 and 97.5 % quantiles of it over draws of vehicles."""
    value = figure(np.ones(n_vehicles))
    rng = np.random.default_rng([seed, 20])
    drawn = [figure(_weights(n_vehicles, rng)) for _ in range(draws)] if np.isfinite(value) else []
    kept = [each for each in drawn if np.isfinite(each)]
    if not kept:
        return Value(value=value, low=float("nan"), high=float("nan"))
    low, high = np.quantile(kept, [0.025, 0.975])
    return Value(value=value, low=float(low), high=float(high))


def _weights(n_vehicles: int, rng: np.random.Generator) -> Floats:
    return np.bincount(rng.integers(0, n_vehicles, n_vehicles), minlength=n_vehicles).astype(np.float64)


def share(vehicle: Integers, hit: Flags) -> Callable[[Floats], float]:
    """Share of entries that are so."""

    def figure(weights: Floats) -> float:
        weight = weights[vehicle]
        total = float(weight.sum())
        return float(weight[hit].sum()) / total if total > 0 else float("nan")

    return figure


def rate(vehicle: Integers, years: Floats) -> Callable[[Floats], float]:
    """Entries a vehicle-year; ``years`` ``(n_vehicles,)``."""

    def figure(weights: Floats) -> float:
        return float(weights[vehicle].sum()) / float((weights * years).sum())

    return figure


def middle(vehicle: Integers, values: Floats) -> Callable[[Floats], float]:
    """Median of the values that are known."""
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    of, sorted_values = vehicle[known][order], values[known][order]

    def figure(weights: Floats) -> float:
        weight = np.cumsum(weights[of])
        if not len(weight) or weight[-1] <= 0:
            return float("nan")
        return float(sorted_values[np.searchsorted(weight, weight[-1] / 2.0)])

    return figure


def calibration_error(vehicle: Integers, predicted: Floats, came: Flags) -> Callable[[Floats], float]:
    """Expected calibration error: mean distance of predicted and observed share, over bins of equal count."""
    order = np.argsort(predicted, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]

    def figure(weights: Floats) -> float:
        total = float(weights[vehicle].sum())
        far = 0.0
        for part in bins:
            weight = weights[vehicle[part]]
            far += abs(float((weight * (predicted[part] - came[part])).sum()))
        return far / total if total > 0 else float("nan")

    return figure


def brier_skill(vehicle: Integers, predicted: Floats, rival: Floats, came: Flags) -> Callable[[Floats], float]:
    """1 less the ratio of mean squared errors of the two predictions."""
    ours, theirs = (predicted - came) ** 2, (rival - came) ** 2

    def figure(weights: Floats) -> float:
        weight = weights[vehicle]
        worst = float((weight * theirs).sum())
        return 1.0 - float((weight * ours).sum()) / worst if worst > 0 else float("nan")

    return figure


def ratio(ours: Floats, theirs: Floats) -> Callable[[Floats], float]:
    """Sum over sum, less one: relative difference of amounts ``(n_vehicles,)``."""

    def figure(weights: Floats) -> float:
        base = float((weights * theirs).sum())
        return float((weights * ours).sum()) / base - 1.0 if base > 0 else float("nan")

    return figure
