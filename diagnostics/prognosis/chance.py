"""How likely a part fails within 30 days: from what detectors say of it, calibrated where failures are known.

For each vehicle and component the log odds are a line in a few quantities: that advice or a booking is open, how far
health has fallen, and the odds that its remaining life ends in time: a lognormal through the stated interval, and a
normal where the interval begins now, since no lognormal does. Each component has an intercept of its own, drawn towards
the common one where few of its kind failed (a normal prior, that is ridge regression). Without anything said the chance
is nearly the component's base rate. The table ``chances.toml`` is fitted by the judge on its development fleet, never
on the one that it reports.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr

from diagnostics.arrays import filled
from diagnostics.prognosis.crossing import FAR_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from diagnostics.arrays import Flags, Floats

WITHIN_DAYS = 30.0
TERMS = ("advised", "booked", "fallen", "fallen_booked", "life", "life_known")
"""What the log odds are a line in, beside the component's intercept."""
BOOKED_MORE = 0.1
"""By how much at least a booking raises the log odds above advice (our choice: a tenth more likely)."""
LIFE = TERMS.index("life")
Z_95 = 1.6449
LEAST_DAYS, LEAST_SPREAD = 0.1, 0.05
"""Least days that are reckoned with, and least spread of their logarithm (our choice)."""
FITTED_AS: Mapping[str, str] = MappingProxyType({"brakes_front": "brakes", "brakes_rear": "brakes"})
"""Components that chances are fitted for under one word, since who knows what failed has one for them."""
LEAST_CHANCE = 1e-4
"""A chance is never stated as smaller: nobody has seen enough cars (our choice)."""
SHRINK_TERMS, SHRINK_COMPONENTS = 0.05, 1.0
"""Precision of the priors on coefficients and on components' intercepts about the common one (our choice)."""
LEAST_LIFE = 0.3
"""Least weight of a stated life's odds (our choice): too few lives end within a month for a fit to tell it from none,
and a part said to end soon must not be taken for as safe as one said to last."""
ENOUGH = 60
"""Failures that weights of a component's own rest on: ten a term (a usual rule for logistic regression)."""
STEPS, LONGEST_STEP = 60, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of one component of each vehicle ``(n,)``; NaN where nothing is stated.

    ``advised``, ``booked``: an alert of that kind is open. ``health``: 0 to 1. ``life_days`` ``(n, 3)``: low, median
    and high of the remaining life, holding 90 %.
    """

    advised: Flags
    booked: Flags
    health: Floats
    life_days: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """The fitted table: an intercept by component, ``other`` for those that it does not know, and a weight by term.

    ``own`` are the weights of components that failed often enough for weights of their own.
    """

    intercepts: Mapping[str, float]
    other: float
    weights: Mapping[str, float]
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def of_life(life_days: Floats) -> Floats:
    """Chance ``(n,)`` that a remaining life ends within 30 days; NaN where none is stated."""
    return ended_within(WITHIN_DAYS, life_days)


def ended_within(days: Floats | float, life_days: Floats) -> Floats:
    """Chance that remaining lives ``(n, 3)`` end within ``days`` > 0, one number or one a life; of one life also many.

    A lognormal through the interval; a normal with its upper half where it begins now, since no lognormal does.
    """
    low, median, high = life_days.T
    by_factor = (np.log(days) - np.log(np.maximum(median, LEAST_DAYS))) / spread_of(life_days)
    by_days = (days - median) * Z_95 / np.maximum(high - median, 1.0)
    chance: Floats = ndtr(np.where((low <= 0.0) & (high < FAR_DAYS), by_days, by_factor))
    return chance


def spread_of(life_days: Floats) -> Floats:
    """Spread ``(n,)`` of the logarithm of remaining lives ``(n, 3)``, by the interval that is stated."""
    low, _, high = np.maximum(life_days, LEAST_DAYS).T
    spread: Floats = np.maximum(np.log(high / low) / (2.0 * Z_95), LEAST_SPREAD)
    return spread


def terms(heard: Heard) -> Floats:
    """The quantities ``(n, len(TERMS))``; what is not stated counts as nothing said."""
    fallen = 1.0 - filled(heard.health, 1.0)
    life = of_life(heard.life_days)
    known = ~np.isnan(life)
    odds = np.where(known, logit(np.clip(filled(life, 0.5), 1e-3, 1.0 - 1e-3)), 0.0)
    columns = (heard.advised, heard.booked, fallen, fallen * heard.booked, odds, known)
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def chances(component: str, heard: Heard, table: Chances) -> Floats:
    """Chance ``(n,)`` that the component fails within 30 days."""
    component = FITTED_AS.get(component, component)
    mine = table.own.get(component, table.weights)
    weights = np.array([mine[name] for name in TERMS])
    line = table.intercepts.get(component, table.other) + terms(heard) @ weights
    found: Floats = np.clip(expit(line), LEAST_CHANCE, 1.0 - LEAST_CHANCE)
    return found


def with_own(table: Chances, components: Sequence[str], x: Floats, came: Flags, of: np.ndarray) -> Chances:
    """The table with weights of their own for components that failed :data:`ENOUGH` times; the rest as for :func:`fit`.

    What advice or a stated life says of the chance differs by component: oil said to end does, pads may last.
    """
    intercepts, own = dict(table.intercepts), {}
    for place, name in enumerate(components):
        mine = of == place
        if int(came[mine].sum()) >= ENOUGH:
            alone = fit([name], x[mine], came[mine], np.zeros(int(mine.sum()), dtype=np.int64))
            intercepts[name], own[name] = alone.intercepts[name], alone.weights
    return replace(table, intercepts=intercepts, own=own)


def fit(components: Sequence[str], x: Floats, came: Flags, of: np.ndarray) -> Chances:
    """Fits the table: ``x`` ``(q, len(TERMS))``, whether it ``came``, and the place ``of`` its component's name.

    Newton's method on the penalised log likelihood, which is concave; steps are held short, since far from the top
    its curvature says nothing. At its bound :data:`LEAST_LIFE` the weight of the life stays, and the others follow.
    """
    n_terms, n_components = len(TERMS), len(components)
    size = n_terms + 1 + n_components
    beta = np.zeros(size)
    beta[n_terms] = logit(np.clip(came.mean(), 1e-5, 0.5))
    penalty = np.concatenate([np.full(n_terms, SHRINK_TERMS), [1e-6], np.full(n_components, SHRINK_COMPONENTS)])
    for _ in range(STEPS):
        chance = expit(x @ beta[:n_terms] + beta[n_terms] + beta[n_terms + 1 :][of])
        gradient = _folded(x, came - chance, of, n_components) - penalty * beta
        curvature = _curvature(x, chance * (1.0 - chance), of, n_components) + np.diag(penalty)
        free = np.ones(size, dtype=np.bool_)
        free[LIFE] = beta[LIFE] > LEAST_LIFE or gradient[LIFE] > 0.0
        step = np.zeros(size)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        before = beta
        beta = beta + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        beta[LIFE] = max(beta[LIFE], LEAST_LIFE)
        if np.abs(beta - before).max() < 1e-8:  # noqa: PLR2004  converged to the last digits that are written
            break
    common = float(beta[n_terms])
    return Chances(
        intercepts={name: common + float(beta[n_terms + 1 + at]) for at, name in enumerate(components)},
        other=common,
        weights=in_order({name: float(beta[at]) for at, name in enumerate(TERMS)}),
    )


def in_order(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights, a booking's no less than :data:`BOOKED_MORE` above advice's.

    Few parts that are booked have not failed yet, and chance among these must not turn it round.
    """
    return {**weights, "booked": max(weights["booked"], weights["advised"] + BOOKED_MORE)}


def _folded(x: Floats, values: Floats, of: np.ndarray, n_components: int) -> Floats:
    """The design's transpose times ``values``."""
    return np.concatenate([x.T @ values, [values.sum()], np.bincount(of, values, n_components)])


def _curvature(x: Floats, weight: Floats, of: np.ndarray, n_components: int) -> Floats:
    """The design's weighted cross products, without ever building the columns of components."""
    n_terms = x.shape[1]
    whole = np.zeros((n_terms + 1 + n_components,) * 2)
    by_component = np.bincount(of, weight, n_components)
    crossed = np.stack([np.bincount(of, weight * x[:, at], n_components) for at in range(n_terms)])
    whole[:n_terms, :n_terms] = (x * weight[:, None]).T @ x
    whole[:n_terms, n_terms] = whole[n_terms, :n_terms] = weight @ x
    whole[:n_terms, n_terms + 1 :] = crossed
    whole[n_terms + 1 :, :n_terms] = crossed.T
    whole[n_terms, n_terms] = weight.sum()
    whole[n_terms, n_terms + 1 :] = whole[n_terms + 1 :, n_terms] = by_component
    whole[n_terms + 1 :, n_terms + 1 :] = np.diag(by_component)
    return whole
