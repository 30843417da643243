"""How far the values of a vehicle lie apart by themselves, beside what is usual for its platform.

By the differences of values that follow each other, running: a shift, which is what is looked for, enters them once
only, while a car whose values jump about, for whatever reason, earns a limit of its own. Half the mean square of such
differences is the variance where values are independent; the correlation from trip to trip (0.37 for fuel trims of a
recorded car) makes it too small, by the factor that :data:`CORRELATED` gives back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

CORRELATED = 1.3
"""1 / sqrt(1 - phi) for phi = 0.4."""
REMEMBER = 0.05
"""Weight of the newest difference (our choice)."""
ODD = 4.0
"""A difference counts as so many usual spreads at most, so that one odd trip is no restless car (our choice)."""
FAR_WIDER = 1.7
"""So many usual spreads are no chance of a few readings (our choice)."""


def initial(n_vehicles: int, width: int) -> dict[str, Floats | Integers]:
    """Nothing seen of ``width`` series a vehicle."""
    return {name: np.full((n_vehicles, width), np.nan) for name in ("restless_before", "restless")}


def follow(x: Floats, state: State, usual: Floats, *, odd: float = ODD) -> tuple[Floats, dict[str, Floats | Integers]]:
    """The spread of each series ``(n, width)`` after ``x``, drawn from the ``usual`` one; NaN changes nothing.

    A difference counts as ``odd`` usual spreads at most, which so is the widest that a spread can come out.
    """
    before, restless = floats(state["restless_before"]), floats(state["restless"])
    restless = _remembered(restless, (x - before) ** 2 / 2.0, (usual / CORRELATED) ** 2, odd)
    sd = CORRELATED * np.sqrt(restless)
    return sd, {"restless_before": np.where(np.isnan(x), before, x), "restless": restless}


def halves_apart(run: Floats, told: Flags, state: State, usual: Floats) -> tuple[Floats, dict[str, Floats | Integers]]:
    """How far the halves of runs of trips ``(n, width, k)`` lie apart, as a spread, drawn from the ``usual`` one.

    Half the mean square of the differences of halves: where trips follow each other at 0.7 that is about the spread of
    the run's mean, whatever a single trip's is. ``told`` is where a series has a new trip.
    """
    half = run.shape[2] // 2
    square = (run[:, :, half:].mean(axis=2) - run[:, :, :half].mean(axis=2)) ** 2 / 2.0
    apart = _remembered(floats(state["halves_apart"]), np.where(told, square, np.nan), usual**2)
    return np.sqrt(apart), {"halves_apart": apart}


def _remembered(before: Floats, square: Floats, usual: Floats, odd: float = ODD) -> Floats:
    """The running mean of squares, an odd one cut; it begins with the ``usual`` square, and NaN changes nothing."""
    old = np.where(np.isnan(before), usual, before)
    return np.where(np.isnan(square), old, old + REMEMBER * (np.minimum(square, odd**2 * usual) - old))


def wide(own: Floats, usual: Floats) -> Floats:
    """The spread to reckon with: the ``usual`` one, unless a car's ``own`` is far wider.

    For tests in which waiting costs more than a false alarm: an ordinary car keeps all of their speed.
    """
    return np.where(own > FAR_WIDER * usual, own, usual)
