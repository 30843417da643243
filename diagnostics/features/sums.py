"""What is kept of a trip while it lasts: sums, extremes, firsts and a histogram, extended row by row.

Extending by one batch or by the same rows in many batches gives the same bits: sums are added in the order of the
rows,
beginning with what was carried over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.measures import BINS, FIRST, LARGEST, LAST, LEAST, SUMMED

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers
    from diagnostics.features.measures import Measures
    from diagnostics.features.rows import Prepared

NAMES: tuple[str, ...] = (*SUMMED, *LARGEST, *LEAST, *FIRST, *LAST)
"""Columns of :attr:`Sums.values`."""
_S = len(SUMMED)
_LARGEST = slice(_S, _S + len(LARGEST))
_LEAST = slice(_LARGEST.stop, _LARGEST.stop + len(LEAST))
_FIRST = slice(_LEAST.stop, _LEAST.stop + len(FIRST))
_LAST = slice(_FIRST.stop, _FIRST.stop + len(LAST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of each trip: ``values`` ``(n, len(NAMES))``, NaN where nothing was measured, and ``volts`` ``(n, BINS)``."""

    values: Floats
    volts: Integers

    def __getitem__(self, name: str) -> Floats:
        """One measure of every trip."""
        return self.values[:, NAMES.index(name)]


def nothing(n_vehicles: int) -> Sums:
    """Before the first row of a trip."""
    values = np.full((n_vehicles, len(NAMES)), np.nan)
    values[:, :_S] = 0.0
    return Sums(values=values, volts=np.zeros((n_vehicles, BINS), dtype=np.int64))


def extend(rows: Prepared, measures: Measures, carried: Sums) -> Sums:
    """Sums of every stretch of the rows; ``carried`` ``(n_heads, ...)`` is what the heads' trips had before."""
    heads = np.flatnonzero(rows.head)
    values = np.stack([measures.values[name] for name in NAMES], axis=1)
    values[heads] = carried.values
    n_trips = int(rows.trip[-1]) + 1
    starts = np.flatnonzero(np.diff(rows.trip, prepend=-1))
    return Sums(values=_reduced(values, rows.trip, starts, n_trips), volts=_counted(rows, measures, carried, n_trips))


def _reduced(values: Floats, trip: Integers, starts: Integers, n_trips: int) -> Floats:
    out = np.empty((n_trips, len(NAMES)))
    for column in range(_S):
        weights = np.nan_to_num(values[:, column], nan=0.0)
        out[:, column] = np.bincount(trip, weights=weights, minlength=n_trips)
    out[:, _LARGEST] = np.fmax.reduceat(values[:, _LARGEST], starts, axis=0)
    out[:, _LEAST] = np.fmin.reduceat(values[:, _LEAST], starts, axis=0)
    out[:, _FIRST] = _firsts(values[:, _FIRST], starts, len(values))
    out[:, _LAST] = _lasts(values[:, _LAST], starts)
    return out


def _firsts(values: Floats, starts: Integers, beyond: int) -> Floats:
    rows = np.arange(beyond)[:, None]
    at = np.minimum.reduceat(np.where(np.isnan(values), beyond, rows), starts, axis=0)
    padded = np.concatenate([values, np.full((1, values.shape[1]), np.nan)])
    return np.take_along_axis(padded, at, axis=0)


def _lasts(values: Floats, starts: Integers) -> Floats:
    rows = np.arange(len(values))[:, None]
    at = np.maximum.reduceat(np.where(np.isnan(values), -1, rows), starts, axis=0)
    padded = np.concatenate([values, np.full((1, values.shape[1]), np.nan)])
    return np.take_along_axis(padded, at, axis=0)


def _counted(rows: Prepared, measures: Measures, carried: Sums, n_trips: int) -> Integers:
    counted = measures.volt_bin >= 0
    cells = rows.trip[counted] * BINS + measures.volt_bin[counted]
    volts = np.bincount(cells, minlength=n_trips * BINS).reshape(n_trips, BINS)
    volts[rows.trip[rows.head]] += carried.volts
    return volts
