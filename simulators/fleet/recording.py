"""Rows of true values as a run goes on: before sensors, bus and telematics have done their worst."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simulators.fleet.stepping import readings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.stepping import Cars

WAKING, KEY_ON, STARTING, DRIVING, KEY_OFF, CHARGING = range(6)
"""What kind of row: parked wake-up, key on before the start, captured start, driving, key off, charging."""
SPARE = 2
"""Place for rows, as a multiple of those in windows; memory that is not written to costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """``kind``, ``vehicle`` (index in the block), ``time_ms`` ``(k,)``; ``values`` ``(k, signals)``, NaN = not given.

    Sorted by vehicle, then by time. Values lie where they were recorded, as one more copy of all of them costs as much
    as what sensors and bus do to them: ``place`` ``(k,)`` is each row's in ``values``; none: they are in order.
    """

    kind: npt.NDArray[np.int8]
    vehicle: Indices
    time_ms: Indices
    values: Floats
    signals: tuple[str, ...]
    place: Indices | None = None

    def __len__(self) -> int:
        return len(self.kind)

    def column(self, path: str) -> Floats:
        """A signal in each row, ``(k,)``."""
        at = self.signals.index(path)
        return self.values[:, at] if self.place is None else self.values[self.place, at]

    def copied(self, which: Indices, out: Floats | None = None) -> Floats:
        """All signals of the rows ``which``, ``(rows, signals)``; into ``out`` where it is given."""
        place = which if self.place is None else self.place[which]
        return np.take(self.values, place, axis=0, out=out, mode="clip")


class Recorder:
    """Collects the rows of one phase of a run and gives them out sorted.

    ``vehicle`` are the vehicles of the lanes ``(lanes,)``; there is place for ``windows`` windows of ``rows_a_window``
    rows each. ``store`` are values of an earlier recorder that are done with, written over where they suffice (cars
    that are through may take signals with them): to a run, memory from the system is dearer than memory that it has.
    """

    def __init__(
        self, signals: tuple[str, ...], vehicle: Indices, windows: int, rows_a_window: int, store: Floats | None = None
    ) -> None:
        self.signals = signals
        self._vehicle = vehicle
        self._place = {path: at for at, path in enumerate(signals)}
        self._shape = (len(vehicle), windows, rows_a_window)
        needed = math.prod(self._shape)
        if store is None or store.shape[1] != len(signals) or len(store) < needed:
            store = np.empty((SPARE * needed, len(signals)), dtype=np.float32)
        self._values = store
        self._bulk = store[:needed].reshape(*self._shape, len(signals))
        self._times: Indices = np.full(self._shape, -1, dtype=np.int64)
        self._window: list[Mapping[str, Floats]] = []
        self._kind = DRIVING
        self._windows, self._filled = windows, 0
        self._singles: list[Rows] = []

    @property
    def is_full(self) -> bool:
        """No further window fits in before a flush."""
        return self._filled >= self._windows

    def row(self, cars: Cars) -> None:
        """Notes the next row of the window for the cars of the lanes at the front; the arrays stay as they are."""
        self._window.append(readings(cars))

    def window(self, kind: int, time_ms: Indices) -> None:
        """Ends a window: ``time_ms`` ``(front lanes, rows)`` are the times of its rows."""
        m = len(time_ms)
        self._bulk[:m, self._filled] = self._taken(m).transpose(2, 0, 1)
        self._window = []
        self._times[:m, self._filled] = time_ms
        self._kind = kind
        self._filled += 1

    def _taken(self, m: int) -> Floats:
        """The rows of a window, ``(rows, signals, m)``: at once where all signals are given, as they mostly are."""
        if tuple(self._window[0]) == self.signals:
            every = np.concatenate([values for found in self._window for values in found.values()])
            return every.reshape(len(self._window), len(self.signals), m)
        some = np.full((len(self._window), len(self.signals), m), np.nan, dtype=np.float32)
        for row, found in enumerate(self._window):
            for path, values in found.items():
                some[row, self._place[path]] = values
        return some

    def single(self, kind: int, vehicle: Indices, time_ms: Indices, found: Mapping[str, Floats]) -> None:
        """Notes single rows beside the windows; entries of ``found`` are ``(k,)``, signals missing there are NaN."""
        values = np.full((len(vehicle), len(self.signals)), np.nan, dtype=np.float32)
        for path, entries in found.items():
            values[:, self._place[path]] = entries
        kinds = np.full(len(vehicle), kind, dtype=np.int8)
        self._singles.append(Rows(kind=kinds, vehicle=vehicle, time_ms=time_ms, values=values, signals=self.signals))

    def flush(self) -> Rows:
        """All rows; nothing more can be recorded."""
        place, vehicle, times = self._filled_places()
        kind = np.full(len(place), self._kind, dtype=np.int8)
        if self._singles:
            more = self._placed_singles()
            is_more = _woven(_key(vehicle, times), _key(more[1], more[2]))
            kind, vehicle, times, place = (
                _joined(is_more, *pair)
                for pair in ((kind, more[0]), (vehicle, more[1]), (times, more[2]), (place, more[3]))
            )
        return Rows(kind=kind, vehicle=vehicle, time_ms=times, values=self._values, signals=self.signals, place=place)

    def _placed_singles(self) -> tuple[npt.NDArray[np.int8], Indices, Indices, Indices]:
        """Kind, vehicle, time and place of the single rows, sorted; their values come to lie behind the windows'."""
        kind, vehicle, times = (
            np.concatenate([getattr(each, name) for each in self._singles]) for name in ("kind", "vehicle", "time_ms")
        )
        first, lacking = math.prod(self._shape), math.prod(self._shape) + len(kind) - len(self._values)
        if lacking > 0:
            self._values = np.concatenate([self._values, np.empty((lacking, len(self.signals)), dtype=np.float32)])
        np.concatenate([each.values for each in self._singles], out=self._values[first : first + len(kind)])
        order = np.lexsort((times, vehicle))
        return kind[order], vehicle[order], times[order], first + order

    def _filled_places(self) -> tuple[Indices, Indices, Indices]:
        """Places of the rows of windows that there are, sorted by vehicle and time, with both."""
        order, rows = np.argsort(self._vehicle, kind="stable"), self._shape[2]
        windows = (order * self._shape[1])[:, None] + np.arange(self._filled)
        place = (windows[:, :, None] * rows + np.arange(rows)).reshape(-1)
        times = self._times[order, : self._filled].reshape(-1)
        vehicle = np.repeat(self._vehicle[order], self._filled * rows)
        there = times >= 0
        return place[there], vehicle[there], times[there]


class Unheard:
    """In a recorder's place where nobody asks for rows: cars drive as they would, and no reading is computed."""

    def row(self, cars: Cars) -> None:
        """A row that nobody reads."""

    def window(self, kind: int, time_ms: Indices) -> None:
        """The end of a window that nobody reads."""

    def single(self, kind: int, vehicle: Indices, time_ms: Indices, found: Mapping[str, Floats]) -> None:
        """Single rows that nobody reads."""


AnyRecorder = Recorder | Unheard


def _woven(keys: Indices, more: Indices) -> npt.NDArray[np.bool_]:
    """Which places of two sorted lists put into one are the second's."""
    is_more = np.zeros(len(keys) + len(more), dtype=np.bool_)
    is_more[np.searchsorted(keys, more) + np.arange(len(more))] = True
    return is_more


def _joined(is_more: npt.NDArray[np.bool_], one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    whole = np.empty(len(is_more), dtype=one.dtype)
    whole[~is_more], whole[is_more] = one, other
    return whole


def _key(vehicle: Indices, time_ms: Indices) -> Indices:
    """One number that sorts by vehicle, then by time; good until the year 2527."""
    return (vehicle << 44) + time_ms
