"""What is kept of a trip while it lasts: sums, extremes, firsts, lasts and histograms, extended row by row.

Extending by one batch or by the same rows in many batches gives the same bits: what is added is rounded to a grain
first, so that sums are exact and their order makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.columns import MATTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.arrays import Flags, Floats, Integers
    from diagnostics.features.matter import Matter
    from diagnostics.features.view import Selection

GRAIN = 2.0**-16
"""To which each addend of a sum is rounded. Sums up to 1.3e11, addends up to 3e10, are exact; a measure whose addends
are thousandths or less must be given in a smaller unit."""
_ROUNDER = 1.5 * 2.0**36
"""Added and taken away again, it leaves a float64 rounded to the grain (its last place here is the grain)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a matter's sums are among all: of each name its column, of each histogram its first and last + 1."""

    matter: Matter
    columns: Mapping[str, int]
    cells: Mapping[str, slice]
    all: slice


def places(matters: tuple[Matter, ...] = MATTERS) -> tuple[Place, ...]:
    """Places in the order of the matters."""
    found, at = [], 0
    for matter in matters:
        first = at
        columns = {name: at + number for number, name in enumerate(matter.sums)}
        at += len(columns)
        cells = {}
        for name, many in matter.histograms.items():
            cells[name] = slice(at, at + many)
            at += many
        found.append(Place(matter=matter, columns=columns, cells=cells, all=slice(first, at)))
    return tuple(found)


PLACES = places()
COLUMNS = {name: column for place in PLACES for name, column in place.columns.items()}
CELLS = {name: cells for place in PLACES for name, cells in place.cells.items()}
WIDTH = PLACES[-1].all.stop
_ZERO = np.array(
    [column for place in PLACES for name, column in place.columns.items()
     if name in place.matter.summed or name in place.matter.carried]
    + [cell for cells in CELLS.values() for cell in range(cells.start, cells.stop)], dtype=np.int64
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of each trip: ``values`` ``(n, WIDTH)``, NaN where nothing was measured."""

    values: Floats

    def __getitem__(self, name: str) -> Floats:
        """One sum of every trip."""
        return self.values[:, COLUMNS[name]]

    def histogram(self, name: str) -> Floats:
        """Counts by cell ``(n, n_cells)``."""
        return self.values[:, CELLS[name]]

    def mean(self, total: str, count: str, least: float = 1.0) -> Floats:
        """``total`` by ``count`` where that is ``least`` or more, else NaN."""
        counted = self[count]
        return np.where(counted >= least, self[total] / np.maximum(counted, 1.0), np.nan)

    def __len__(self) -> int:
        """How many trips."""
        return len(self.values)


def nothing(n: int) -> Floats:
    """Before the first row of a trip: ``(n, WIDTH)``."""
    values = np.full((n, WIDTH), np.nan)
    values[:, _ZERO] = 0.0
    return values


def extend(
    out: Floats, place: Place, measured: Mapping[str, Floats], selection: Selection, carried: Floats, last: Integers
) -> None:
    """Puts a matter's sums of each part into ``out`` ``(n_parts, WIDTH)``, which holds nothing yet.

    ``carried`` ``(n_vehicles, WIDTH)`` is what the heads' parts had before; ``last`` each vehicle's last row among the
    selection's.
    """
    prepared, matter = selection.prepared, place.matter
    numbers = selection.stretch if matter.wakes else selection.part
    groups = Groups(numbers, selection.heads, carried)
    kept = np.repeat(out[:1], int(prepared.part_stretch[-1]) + 1, axis=0) if matter.wakes else out
    kept[groups.of_heads, place.all] = carried[:, place.all]
    for name, values in measured.items():
        if name in place.cells:
            groups.count(values, place.cells[name], kept)
        else:
            groups.reduce(_kind(matter, name), values, place.columns[name], kept, last)
    if matter.wakes:
        out[:, place.all] = kept[prepared.part_stretch, place.all]


def _kind(matter: Matter, name: str) -> str:
    return next(kind for kind in ("summed", "largest", "least", "first", "last", "carried")
                if name in getattr(matter, kind))  # fmt: skip


class Groups:
    """Rows by the part or stretch they belong to; a head stands for what was carried."""

    def __init__(self, numbers: Integers, heads: Integers, carried: Floats) -> None:
        self._numbers, self._heads, self._carried = numbers, heads, carried
        self._starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        self._ids = numbers[self._starts]
        self.of_heads = numbers[heads]

    def reduce(self, kind: str, values: Floats, column: int, out: Floats, last: Integers) -> None:
        """Reduces one measure into a column of ``out``."""
        if kind == "carried":
            out[self._numbers[last], column] = values[last]
            return
        filled = values.astype(np.float64) if kind == "summed" else values.copy()
        if kind == "summed":
            filled += _ROUNDER
            filled -= _ROUNDER
        filled[self._heads] = self._carried[:, column]
        if kind in ("largest", "least"):
            extreme = np.fmax if kind == "largest" else np.fmin
            out[self._ids, column] = extreme.reduceat(filled, self._starts)
            return
        told = ~np.isnan(filled)
        if kind == "summed" and bool(told.all()):
            out[self._ids, column] = np.add.reduceat(filled, self._starts)
            return
        self._sparse(kind, filled, told, column, out)

    def _sparse(self, kind: str, filled: Floats, told: Flags, column: int, out: Floats) -> None:
        at = np.flatnonzero(told)
        upto = np.append(np.searchsorted(at, self._starts), len(at))
        some = upto[1:] > upto[:-1]
        first, beyond, ids = upto[:-1][some], upto[1:][some], self._ids[some]
        if len(ids) == 0:
            return
        if kind == "summed":
            out[ids, column] = np.add.reduceat(filled[at], first)
        else:
            out[ids, column] = filled[at[first if kind == "first" else beyond - 1]]

    def count(self, cells: Floats, columns: slice, out: Floats) -> None:
        """Counts the cells of a histogram into columns of ``out``; -1 or NaN is no cell."""
        width = columns.stop - columns.start
        at = np.flatnonzero(cells >= 0)
        flat = self._numbers[at] * width + cells[at].astype(np.int64)
        out[:, columns] += np.bincount(flat, minlength=len(out) * width).reshape(len(out), width)
