"""From rows to batches: columns in the catalogue's order, over the signals that were ever seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vehicle.batch import Batch, TimeQuality
from vehicle.signal_set import SignalSet
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SURE_CELLS = 12_000
"""Rows times columns that fit into a message whatever they hold: ten bytes a value, two bits, a byte a column."""
_ORDER = {path: place for place, path in enumerate(CATALOGUE)}


@dataclass(frozen=True, slots=True)
class Timed:
    """Values read anew at ``time_ms`` (UTC as believed) and ``monotonic_ms`` (boot clock)."""

    time_ms: int
    monotonic_ms: int
    values: Mapping[str, int]


@dataclass(slots=True)
class Columns:
    """The signals seen so far, and the set that they make; the set grows and never shrinks."""

    paths: set[str] = field(default_factory=set)
    chosen: SignalSet = field(default_factory=lambda: SignalSet.of(()))

    def grow(self, rows: Sequence[Timed]) -> bool:
        """Takes in the signals of ``rows``; whether there were new ones."""
        new = {path for row in rows for path in row.values} - self.paths
        if new:
            self.paths |= new
            self.chosen = SignalSet.of(sorted(self.paths, key=_ORDER.__getitem__))
        return bool(new)


def batches(rows: Sequence[Timed], chosen: SignalSet, *, boot_id: int, quality: TimeQuality) -> list[Batch]:
    """``rows`` as batches whose times increase; where a clock was set back or one grows too large, another begins."""
    found: list[Batch] = []
    start = 0
    most = max(1, SURE_CELLS // max(1, len(chosen.entries)))
    for at in range(1, len(rows) + 1):
        if at == len(rows) or at - start == most or rows[at].time_ms <= rows[at - 1].time_ms:
            found.append(_batch(rows[start:at], chosen, boot_id, quality))
            start = at
    return found


def _batch(rows: Sequence[Timed], chosen: SignalSet, boot_id: int, quality: TimeQuality) -> Batch:
    return Batch(
        boot_id=boot_id,
        quality=quality,
        monotonic_ms=rows[0].monotonic_ms,
        signal_set_id=chosen.id,
        times_ms=tuple(row.time_ms for row in rows),
        columns=tuple(tuple(row.values.get(path) for row in rows) for path in chosen.paths),
    )
