"""Rows of true values as a run goes on: before sensors, bus and telematics have done their worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulators.fleet.arrays import Floats, Indices

WAKING, KEY_ON, STARTING, DRIVING, KEY_OFF, CHARGING = range(6)
"""What kind of row: parked wake-up, key on before the start, captured start, driving, key off, charging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """``kind``, ``vehicle`` (index in the block), ``time_ms`` ``(k,)``; ``values`` ``(k, signals)``, NaN = not given.

    Sorted by vehicle, then by time.
    """

    kind: npt.NDArray[np.int8]
    vehicle: Indices
    time_ms: Indices
    values: Floats
    signals: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)


class Recorder:
    """Collects the rows of one phase of a run and gives them out sorted.

    ``vehicle`` are the vehicles of the lanes ``(lanes,)``; a flush holds at most ``windows`` windows of
    ``rows_a_window`` rows each.
    """

    def __init__(self, signals: tuple[str, ...], vehicle: Indices, windows: int, rows_a_window: int) -> None:
        self.signals = signals
        self._vehicle = vehicle
        self._place = {path: at for at, path in enumerate(signals)}
        self._bulk: Floats = np.empty((len(vehicle), windows, rows_a_window, len(signals)), dtype=np.float32)
        self._times: Indices = np.full((len(vehicle), windows, rows_a_window), -1, dtype=np.int64)
        self._window: list[Mapping[str, Floats]] = []
        self._kind = DRIVING
        self._windows, self._filled = windows, 0
        self._extra: list[tuple[int, Indices, Indices, Floats]] = []

    @property
    def is_full(self) -> bool:
        """No further window fits in before a flush."""
        return self._filled >= self._windows

    def row(self, found: Mapping[str, Floats]) -> None:
        """Notes the next row of the window for the lanes at the front; the arrays stay as they are."""
        self._window.append(found)

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
        self._extra.append((kind, vehicle, time_ms, values))

    def flush(self) -> Rows:
        """All rows since the last flush."""
        place, vehicle, times = self._filled_places()
        kind = np.full(len(place), self._kind, dtype=np.int8)
        bulk = self._bulk.reshape(-1, len(self.signals))
        if self._extra:
            more = _sorted(self._extra)
            is_more = _woven(_key(vehicle, times), _key(more[1], more[2]))
            kind, vehicle, times, place = (
                _joined(is_more, *pair)
                for pair in ((kind, more[0]), (vehicle, more[1]), (times, more[2]), (place, np.zeros_like(more[1])))
            )
            values = np.take(bulk, place, axis=0)
            values[is_more] = more[3]
        else:
            values = np.take(bulk, place, axis=0)
        self._times[:] = -1
        self._filled = 0
        self._extra = []
        return Rows(kind=kind, vehicle=vehicle, time_ms=times, values=values, signals=self.signals)

    def _filled_places(self) -> tuple[Indices, Indices, Indices]:
        """Places in the bulk of the rows that there are, sorted by vehicle and time, with both."""
        order, rows = np.argsort(self._vehicle, kind="stable"), self._bulk.shape[2]
        windows = (order * self._bulk.shape[1])[:, None] + np.arange(self._filled)
        place = (windows[:, :, None] * rows + np.arange(rows)).reshape(-1)
        times = self._times[order, : self._filled].reshape(-1)
        vehicle = np.repeat(self._vehicle[order], self._filled * rows)
        there = times >= 0
        return place[there], vehicle[there], times[there]


def _sorted(
    extra: Sequence[tuple[int, Indices, Indices, Floats]],
) -> tuple[npt.NDArray[np.int8], Indices, Indices, Floats]:
    """Single rows by vehicle and time: kind, vehicle, time, values."""
    kind = np.concatenate([np.full(len(each[1]), each[0], dtype=np.int8) for each in extra])
    vehicle, times, values = (np.concatenate([each[at] for each in extra]) for at in (1, 2, 3))
    order = np.lexsort((times, vehicle))
    return kind[order], vehicle[order], times[order], values[order]


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
