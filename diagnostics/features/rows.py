"""Rows of samples, and of each signal what was read, what is new, what still holds; made when it is asked for.

A fact of real logs shapes this (measured on a recorded Toyota, 82 h): a "1 Hz" log repeats 73 to 95 % of its values,
because a poll of 27 PIDs takes 1.8 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.columns import SIGNALS
from diagnostics.features.spans import HOLD_MS, TRIP_GAP_MS
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from diagnostics.arrays import Flags, Floats, Integers, State

CHUNK_ROWS = 20_000
"""Rows that are looked at together: few enough for the cache of a core, enough to outweigh the calls."""
FEW = 8
"""Less than one row in so many is looked up one by one (measured: a search takes as long as eight copies)."""
PLACE = {path: place for place, path in enumerate(SIGNALS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Samples of many vehicles, sorted by vehicle, then strictly by time.

    ``vehicle`` ``(m,)`` row of each vehicle in the state arrays; ``time_ms`` ``(m,)``; ``values`` ``(m, n_signals)`` in
    the order of ``signals``, NaN where nothing was read; float32 or float64. Signals that no matter reads are ignored.
    """

    vehicle: Integers
    time_ms: Integers
    values: Floats
    signals: tuple[str, ...] = SIGNALS

    def chunks(self, size: int = CHUNK_ROWS) -> Iterator[tuple[int, int, list[Rows]]]:
        """First vehicle, last vehicle + 1 and rows of vehicles that follow each other, numbered from 0, about ``size``.

        Every vehicle from 0 to the last must have rows. The rows of a single vehicle that has more come in pieces.
        """
        starts = np.flatnonzero(np.diff(self.vehicle, prepend=-1))
        wanted = np.searchsorted(starts, np.arange(size, len(self.vehicle), size))
        cuts = np.unique([0, *wanted.tolist(), len(starts)])
        edges = np.append(starts, len(self.vehicle))
        for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            low, high = int(edges[first]), int(edges[last])
            step = size if last - first == 1 else high - low
            yield first, last, [self._piece(at, min(at + step, high), first) for at in range(low, high, step)]

    def _piece(self, low: int, high: int, first: int) -> Rows:
        return replace(
            self,
            vehicle=self.vehicle[low:high] - first,
            time_ms=self.time_ms[low:high],
            values=self.values[low:high],
        )


class Reading:
    """One signal over all rows, heads included.

    ``values`` ``(m,)`` as read in each row, NaN not. ``at`` ``(k,)`` rows that changed what is known, heads among them;
    ``known`` and ``known_ms`` ``(k,)`` what was known from then on, and when it was read. ``told``: anything is known.
    """

    def __init__(self, values: Floats, at: Integers, known: Floats, known_ms: Integers, *, told: bool) -> None:
        self.values, self.at, self.known, self.known_ms, self.told = values, at, known, known_ms, told

    def last(self, rows: Integers | None) -> tuple[Floats, Integers]:
        """What was known last at some rows or all, and when it was read, -1 never."""
        place = self._place if rows is None else self._place_of(rows)
        return self.known[place], self.known_ms[place]

    def before(self, rows: Integers | None) -> tuple[Floats, Integers]:
        """What was known before some rows or all; at a head it means nothing."""
        if rows is None:
            place = np.concatenate([self._place[:1], self._place[:-1]])
        else:
            place = self._place_of(np.maximum(rows - 1, 0))
        return self.known[place], self.known_ms[place]

    @cached_property
    def _place(self) -> Integers:
        """Of every row, where in ``known`` stands what is known then."""
        lasts = np.diff(self.at, append=len(self.values))
        return np.repeat(np.arange(len(self.at)), lasts)

    def _place_of(self, rows: Integers) -> Integers:
        if "_place" in self.__dict__ or len(rows) * FEW > len(self.values):
            return self._place[rows]
        return np.searchsorted(self.at, rows, side="right") - 1


class Samples:
    """Rows with what was carried over: each vehicle's first row, its head, is no sample but stands for that.

    ``vehicle``, ``time_ms``, ``head`` ``(m,)``; ``heads`` ``(n_vehicles,)`` where they are. ``state`` holds
    ``seen_ms``, ``row_run_time``, ``known`` and ``known_ms``.
    """

    def __init__(self, rows: Rows, state: State) -> None:
        starts = np.flatnonzero(np.diff(rows.vehicle, prepend=-1))
        ids = rows.vehicle[starts]
        self._rows, self._state, self._ids = rows, state, ids
        self._columns = {path: place for place, path in enumerate(rows.signals)}
        self._read: dict[str, Reading] = {}
        self._fresh: dict[str, Flags] = {}
        self._held: dict[tuple[str, int], Floats] = {}
        self.heads: Integers = starts + np.arange(len(starts))
        self.last_rows: Integers = np.append(self.heads[1:], len(rows.vehicle) + len(starts)) - 1
        self.head: Flags = np.zeros(len(rows.vehicle) + len(starts), dtype=bool)
        self.head[self.heads] = True
        self._samples = np.flatnonzero(~self.head)
        self.vehicle = self._spread(rows.vehicle, ids)
        self.time_ms = self._spread(rows.time_ms, np.asarray(state["seen_ms"][ids], dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the values."""
        return self._rows.values.dtype

    def __len__(self) -> int:
        """How many rows, heads included."""
        return len(self.head)

    @cached_property
    def silent(self) -> Flags:
        """Rows that come so long after the one before that a trip has ended."""
        silent: Flags = np.diff(self.time_ms, prepend=self.time_ms[:1]) > TRIP_GAP_MS
        return silent

    @cached_property
    def run_time(self) -> Floats:
        """The ECU's run time as it stands in each row, s."""
        return self._column(s.RUN_TIME, np.asarray(self._state["row_run_time"][self._ids], dtype=self.dtype))

    @cached_property
    def stood_still(self) -> Flags:
        """Where the ECU's run time is that of the row before: an equal value was written down again, not read again."""
        still = self.run_time == np.concatenate([self.run_time[:1], self.run_time[:-1]])
        still[self.head] = False
        stood: Flags = still
        return stood

    def reading(self, path: str) -> Reading:
        """What was read of a signal."""
        if path not in self._read:
            self._read[path] = self._made(path)
        return self._read[path]

    def fresh(self, path: str) -> Flags:
        """Where a value was read anew."""
        if path not in self._fresh:
            self._fresh[path] = self._made_fresh(path)
        return self._fresh[path]

    def held(self, path: str, hold_ms: int = HOLD_MS) -> Floats:
        """The last value where it is not older than ``hold_ms``, else NaN."""
        if (path, hold_ms) not in self._held:
            known, known_ms = self.reading(path).last(None)
            self._held[path, hold_ms] = np.where(self.time_ms - known_ms <= hold_ms, known, np.nan)
        return self._held[path, hold_ms]

    def known_after(self) -> tuple[Floats, Integers]:
        """What is to be carried over, ``(n_vehicles, n_signals)`` in the order of ``SIGNALS``; and when it was read."""
        known = np.array(self._state["known"][self._ids], dtype=np.float64)
        known_ms = np.array(self._state["known_ms"][self._ids], dtype=np.int64)
        for path in SIGNALS:
            if path in self._columns or path == s.RUN_TIME:
                known[:, PLACE[path]], known_ms[:, PLACE[path]] = self.reading(path).last(self.last_rows)
        return known, known_ms

    def _spread(self, samples: NDArray[np.generic], carried: NDArray[np.generic]) -> Integers:
        out = np.empty(len(self.head), dtype=np.int64)
        out[self._samples], out[self.heads] = samples, carried
        return out

    def _column(self, path: str, carried: Floats | float) -> Floats:
        out = np.empty(len(self.head), dtype=self.dtype)
        at = self._columns.get(path)
        out[self._samples] = np.nan if at is None else self._rows.values[:, at]
        out[self.heads] = carried
        return out

    def _made(self, path: str) -> Reading:
        """A run time from before a silence is forgotten.

        The silence has begun a trip already. Were the old run time kept, the new one, read some seconds after the
        key, would begin a second trip in the middle of the start.
        """
        place = PLACE[path]
        carried = np.asarray(self._state["known"][self._ids, place], dtype=self.dtype)
        seen = self._column(path, carried)
        counts = ~np.isnan(seen) | self.head
        if path == s.RUN_TIME:
            counts |= self.silent
        at = np.flatnonzero(counts)
        known, known_ms = seen[at], self.time_ms[at]
        known_ms[np.searchsorted(at, self.heads)] = self._state["known_ms"][self._ids, place]
        seen[self.heads] = np.nan
        told = len(at) > len(self.heads) or not bool(np.isnan(carried).all())
        return Reading(seen, at, known, known_ms, told=told)

    def _made_fresh(self, path: str) -> Flags:
        reading = self.reading(path)
        fresh = ~np.isnan(reading.values)
        if len(self._still):
            before, _ = reading.before(self._still)
            fresh[self._still[reading.values[self._still] == before]] = False
        return fresh

    @cached_property
    def _still(self) -> Integers:
        return np.flatnonzero(self.stood_still)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of vehicles of which nothing was seen."""
    width = len(SIGNALS)
    return {
        "seen_ms": np.full(n_vehicles, -1, dtype=np.int64),
        "row_run_time": np.full(n_vehicles, np.nan),
        "known": np.full((n_vehicles, width), np.nan),
        "known_ms": np.full((n_vehicles, width), -1, dtype=np.int64),
    }
