"""What a matter sees: rows with the car's clock and doings, and of each signal what it asks for.

Arrays are shared between matters and must not be changed. Rows of heads are among them: there nothing is read, fresh,
running, driving, charging or resting, and no time has passed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.spans import SOAK_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from diagnostics.arrays import Flags, Floats, Integers, Parameters
    from diagnostics.features.matter import Matter
    from diagnostics.features.stretches import Prepared


class Selection:
    """Some rows, ``rows`` ``(k,)`` in order with all heads among them, or all (None); what was made of them is kept."""

    def __init__(self, prepared: Prepared, rows: Integers | None, p: Parameters) -> None:
        self.prepared, self.rows, self.p = prepared, rows, p
        self.made: dict[tuple[str, str], NDArray[np.generic]] = {}

    def of(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """What an array of all rows has at these."""
        return values if self.rows is None else values[self.rows]

    def __len__(self) -> int:
        """How many rows."""
        return len(self.prepared.head if self.rows is None else self.rows)

    @cached_property
    def heads(self) -> Integers:
        """Where the heads are among these rows."""
        whole = self.prepared.samples.heads
        return whole if self.rows is None else np.searchsorted(self.rows, whole)

    @cached_property
    def part(self) -> Integers:
        """Number of the part of each row."""
        return np.asarray(self.of(self.prepared.part), dtype=np.int64)

    @cached_property
    def stretch(self) -> Integers:
        """Number of the stretch of each row."""
        return self.prepared.part_stretch[self.part]


def select(prepared: Prepared, on: tuple[str, ...], p: Parameters) -> Selection:
    """Rows in which one of these signals was read, and heads; all rows where none is named."""
    if not on:
        return Selection(prepared, None, p)
    read = prepared.head.copy()
    for path in on:
        if prepared.samples.reading(path).told:
            read |= ~np.isnan(prepared.samples.reading(path).values)
    return Selection(prepared, np.flatnonzero(read), p)


class View:
    """Rows as a matter sees them; every array ``(m,)``, floats of the kind that the samples had (float32 or float64).

    ``carried`` by name ``(n_vehicles,)``: the matter's sums and what else it carries, as they stood before the rows.
    """

    def __init__(self, selection: Selection, matter: Matter, carried: Mapping[str, Floats]) -> None:
        self._selection, self._matter, self._carried = selection, matter, carried
        self._prepared, self._samples = selection.prepared, selection.prepared.samples

    def __len__(self) -> int:
        """How many rows."""
        return len(self._selection)

    def value(self, path: str) -> Floats:
        """What stands in the row, written down again or read anew; NaN where nothing does."""
        return self._of("value", path, lambda: self._selection.of(self._samples.reading(path).values))

    def fresh(self, path: str) -> Flags:
        """Where a value was read anew."""
        return np.asarray(self._of("fresh", path, lambda: self._selection.of(self._samples.fresh(path))), dtype=bool)

    def read(self, path: str, where: Flags | None = None) -> Floats:
        """What was read anew, where ``where`` holds; else NaN."""
        fresh = self.fresh(path)
        return self.only(fresh if where is None else fresh & where, self.value(path))

    def held(self, path: str) -> Floats:
        """The last value, if it is not older than 15 s; else NaN."""
        return self._of("held", path, lambda: self._selection.of(self._samples.held(path)))

    def known(self, path: str) -> Floats:
        """The last value since the stretch began; else NaN."""

        def made() -> Floats:
            value, at_ms = self._samples.reading(path).last(self._selection.rows)
            begun = self._prepared.begun_ms[self._selection.stretch]
            return np.where(at_ms >= begun, value, np.nan)

        return self._of("known", path, made)

    def known_ms(self, path: str) -> Integers:
        """When the last value was read, -1 never."""
        made = self._of("known_ms", path, lambda: self._samples.reading(path).last(self._selection.rows)[1])
        return np.asarray(made, dtype=np.int64)

    def before(self, path: str) -> Floats:
        """The last value before the row, however old."""
        return self._of("before", path, lambda: self._samples.reading(path).before(self._selection.rows)[0])

    def before_ms(self, path: str) -> Integers:
        """When it was read, -1 never."""
        made = self._of("before_ms", path, lambda: self._samples.reading(path).before(self._selection.rows)[1])
        return np.asarray(made, dtype=np.int64)

    def told(self, path: str) -> bool:
        """Whether anything at all is known of a signal: read in any row, or carried over."""
        return self._samples.reading(path).told

    @property
    def sample(self) -> Flags:
        """Rows that are no heads."""
        return self._flags("sample", lambda: ~self._prepared.head)

    @property
    def running(self) -> Flags:
        """Engine on; in a car without one, ready to drive."""
        return self._flags("running", lambda: self._prepared.running)

    @property
    def driving(self) -> Flags:
        """In motion, by engine or not."""
        return self._flags("driving", lambda: self._prepared.driving)

    @property
    def charging(self) -> Flags:
        """At the plug."""
        return self._flags("charging", lambda: self._prepared.charging)

    @property
    def resting(self) -> Flags:
        """Everything off for three hours at least, before the start."""
        return self._flags("resting", lambda: self._still & (self._rested >= SOAK_MS))

    @property
    def still(self) -> Flags:
        """Nothing was active since the part began: the key-on second, cranking, or parked."""
        return self._flags("still", lambda: self._still)

    @property
    def rested_ms(self) -> Integers:
        """How long everything has been off, -1 unknown."""
        made = self._of("rested_ms", "", lambda: self._selection.of(self._rested))
        return np.asarray(made, dtype=np.int64)

    @property
    def passed_ms(self) -> Floats:
        """Time since the row before by the car's own clock, 15 s at most, 180 s while charging."""
        return self._of("passed_ms", "", lambda: self._selection.of(self._prepared.passed_ms))

    @property
    def missed_ms(self) -> Floats:
        """Time since the row before, within the part, that is longer than the row stands for: nothing arrived."""
        return self._of("missed_ms", "", lambda: self._selection.of(self._prepared.missed_ms))

    @property
    def elapsed_ms(self) -> Integers:
        """Running or charging time since the part began, up to and with the row."""
        made = self._of("elapsed_ms", "", lambda: self._selection.of(self._prepared.elapsed_ms))
        return np.asarray(made, dtype=np.int64)

    @property
    def time_ms(self) -> Integers:
        """Time of the row."""
        made = self._of("time_ms", "", lambda: self._selection.of(self._samples.time_ms))
        return np.asarray(made, dtype=np.int64)

    @property
    def polled(self) -> Flags:
        """No mere repetition of the row before."""
        return self._flags("polled", lambda: ~self._samples.stood_still & ~self._prepared.head)

    def parameter(self, name: str) -> Floats:
        """A parameter of the row's vehicle."""

        def made() -> Floats:
            values = self._selection.p[name].astype(self._samples.dtype)
            if bool((values == values[0]).all()):
                return np.broadcast_to(values[0], (len(self),))
            return values[np.asarray(self._selection.of(self._samples.vehicle), dtype=np.int64)]

        return self._of("parameter", name, made)

    def only(self, where: Flags, values: Floats | float = 1.0) -> Floats:
        """``values`` where ``where`` holds, else NaN; much faster than :func:`numpy.where`."""
        return self.gate(where) + values

    def gate(self, where: Flags) -> Floats:
        """0 where ``where`` holds, else NaN: to be added to what shall count there only."""
        with np.errstate(invalid="ignore"):
            return np.divide(0.0, where, dtype=self._samples.dtype)

    def carried(self, name: str) -> Floats:
        """A sum or carried value of this matter as it stood before the rows, ``(n_vehicles,)``, in order of the heads.

        It belongs to the part (or stretch) that the head belongs to.
        """
        return self._carried[name]

    def first(self, values: Floats, name: str) -> Floats:
        """The first of ``values`` that is no NaN in each row's part (or stretch), which rows before it get too.

        ``name`` is the sum of this matter that keeps it.
        """
        filled = values.copy()
        filled[self._selection.heads] = self._carried[name]
        beyond = len(filled)
        places = np.where(np.isnan(filled), beyond, np.arange(beyond))
        begins = self._begins
        first = np.minimum.reduceat(places, np.flatnonzero(begins))
        numbers = np.cumsum(begins) - 1
        found: Floats = np.append(filled, np.nan)[first][numbers].astype(filled.dtype, copy=False)
        return found

    def streak(self, counts: Flags, ends: Flags, name: str) -> Floats:
        """Rows that count since the last that ends the streak or began a part; ``name`` is what carries it on."""
        heads = self._selection.heads
        added = counts.astype(np.int64)
        added[heads] = self._carried[name]
        total = np.cumsum(added)
        base = np.where(ends, total, 0)
        base = np.where(self._begins, total - added, base)
        return (total - np.maximum.accumulate(base)).astype(np.float64)

    @cached_property
    def _begins(self) -> Flags:
        """Where a part begins; of a matter that wakes, a stretch."""
        numbers = self._selection.stretch if self._matter.wakes else self._selection.part
        begins: Flags = np.diff(numbers, prepend=-1) != 0
        return begins

    @cached_property
    def _rested(self) -> Integers:
        active_ms = self._prepared.active_ms
        return np.where(active_ms >= 0, self._samples.time_ms - active_ms, -1)

    @cached_property
    def _still(self) -> Flags:
        prepared = self._prepared
        idle = ~(prepared.running | prepared.driving | prepared.charging | prepared.head)
        still: Flags = idle & (prepared.elapsed_ms == 0)
        return still

    def _flags(self, kind: str, make: Callable[[], Flags]) -> Flags:
        return np.asarray(self._of(kind, "", lambda: self._selection.of(make())), dtype=bool)

    def _of(self, kind: str, path: str, make: Callable[[], NDArray[np.generic]]) -> Floats:
        made = self._selection.made
        if (kind, path) not in made:
            made[kind, path] = make()
        return made[kind, path]  # type: ignore[return-value]
