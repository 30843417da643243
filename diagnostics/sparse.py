"""Detectors that most trips say nothing to: they are asked only about the others.

A traction battery's insulation is nothing to a petrol car, and a tyre's cold pressure nothing to a second drive of the
day. Picking the trips that tell, judging these and putting the answers back costs far less than judging all.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import chosen, numbers, picked
from diagnostics.detector import Judgement, Later

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

    Step: TypeAlias = Callable[[Trips, State, Parameters], tuple[Judgement, dict[str, Floats | Integers]]]


def where_told(step: Step, features: Sequence[str]) -> Step:
    """The same step, not asked about trips in which none of the features is told: these change no later judgement.

    Of some detectors a running mean of a spread or a level would have begun earlier, at the usual value.
    """

    @wraps(step)
    def sparse(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
        told = np.zeros(len(trips), dtype=bool)
        for name in features:
            told |= ~np.isnan(trips[name])
        if told.all():
            return step(trips, state, p)
        rows = np.flatnonzero(told)
        if not len(rows):
            return _nothing(len(trips)), {name: numbers(values) for name, values in state.items()}
        judgement, after = step(trips.only(rows), picked(state, rows), chosen(p, rows))
        return _spread(judgement, rows, len(trips)), _put(after, rows, state)

    return sparse


def _nothing(n: int) -> Judgement:
    """What is said of trips that tell nothing."""
    no, never = np.zeros(n, dtype=bool), np.full(n, np.nan)
    return Judgement(
        observable=no, raised=np.full(n, -1, dtype=np.int64), cleared=no, since_ms=never, found_ms=never,
        confidence=never, health=never,
    )  # fmt: skip


def _spread(judgement: Judgement, rows: Integers, n: int) -> Judgement:
    """The judgement of some trips among all; the others are not observable."""

    def of(values: Floats) -> Floats:
        whole = np.full((n, *values.shape[1:]), np.nan)
        whole[rows] = values
        return whole

    def flags(values: Flags) -> Flags:
        whole = np.zeros(n, dtype=bool)
        whole[rows] = values
        return whole

    raised = np.full(n, -1, dtype=np.int64)
    raised[rows] = judgement.raised
    return Judgement(
        observable=flags(judgement.observable),
        raised=raised,
        cleared=flags(judgement.cleared),
        since_ms=of(judgement.since_ms),
        found_ms=of(judgement.found_ms),
        confidence=of(judgement.confidence),
        health=of(judgement.health),
        rul_days=None if judgement.rul_days is None else of(judgement.rul_days),
        numbers=Later(lambda: {name: of(values) for name, values in judgement.numbers.items()}),
    )


def _put(after: dict[str, Floats | Integers], rows: Integers, state: State) -> dict[str, Floats | Integers]:
    whole: dict[str, Floats | Integers] = {}
    for name, values in after.items():
        whole[name] = numbers(state[name]).copy()
        whole[name][rows] = values
    return whole
