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
        self._window: Floats = np.full((rows_a_window, len(signals), len(vehicle)), np.nan, dtype=np.float32)
        self._kind = DRIVING
        self._windows, self._filled = windows, 0
        self._extra: list[tuple[int, Indices, Indices, Floats]] = []

    @property
    def is_full(self) -> bool:
        """No further window fits in before a flush."""
        return self._filled >= self._windows

    def row(self, row: int, found: Mapping[str, Floats]) -> None:
        """Notes row ``row`` of the window for the lanes at the front."""
        for path, values in found.items():
            self._window[row, self._place[path], : len(values)] = values

    def window(self, kind: int, time_ms: Indices) -> None:
        """Ends a window: ``time_ms`` ``(front lanes, rows)`` are the times of its rows."""
        m = len(time_ms)
        self._bulk[:m, self._filled] = self._window[:, :, :m].transpose(2, 0, 1)
        self._times[:m, self._filled] = time_ms
        self._kind = kind
        self._filled += 1

    def single(self, kind: int, vehicle: Indices, time_ms: Indices, found: Mapping[str, Floats]) -> None:
        """Notes single rows beside the windows; entries of ``found`` are ``(k,)``, signals missing there are NaN."""
        values = np.full((len(vehicle), len(self.signals)), np.nan, dtype=np.float32)
        for path, entries in found.items():
            values[:, self._place[path]] = entries
        self._extra.append((kind, vehicle, time_ms, values))

    def flush(self) -> Rows:
        """All rows since the last flush."""
        order = np.argsort(self._vehicle, kind="stable")
        times = self._times[order, : self._filled].reshape(-1)
        vehicle = np.repeat(self._vehicle[order], self._filled * self._bulk.shape[2])
        values = self._bulk[order, : self._filled].reshape(-1, len(self.signals))
        if (gone := times < 0).any():
            times, vehicle, values = times[~gone], vehicle[~gone], values[~gone]
        rows = _merged(self._kind, vehicle, times, values, self._extra, self.signals)
        self._times[:] = -1
        self._filled = 0
        self._extra = []
        return rows


def _merged(
    kind: int, vehicle: Indices, times: Indices, values: Floats, extra: Sequence[tuple[int, Indices, Indices, Floats]],
    signals: tuple[str, ...],
) -> Rows:  # fmt: skip
    """Rows of windows, sorted, and single rows, unsorted, as one."""
    kinds = np.full(len(vehicle), kind, dtype=np.int8)
    if not extra:
        return Rows(kind=kinds, vehicle=vehicle, time_ms=times, values=values, signals=signals)
    more_kind = np.concatenate([np.full(len(each[1]), each[0], dtype=np.int8) for each in extra])
    more_vehicle, more_times = np.concatenate([e[1] for e in extra]), np.concatenate([e[2] for e in extra])
    order = np.lexsort((more_times, more_vehicle))
    more_key = _key(more_vehicle[order], more_times[order])
    place = np.searchsorted(_key(vehicle, times), more_key) + np.arange(len(order))
    is_more = np.zeros(len(vehicle) + len(order), dtype=np.bool_)
    is_more[place] = True

    def joined(bulk: npt.NDArray[Any], single: npt.NDArray[Any]) -> npt.NDArray[Any]:
        whole = np.empty((len(is_more), *bulk.shape[1:]), dtype=bulk.dtype)
        whole[~is_more], whole[is_more] = bulk, single[order]
        return whole

    return Rows(
        kind=joined(kinds, more_kind),
        vehicle=joined(vehicle, more_vehicle),
        time_ms=joined(times, more_times),
        values=joined(values, np.concatenate([each[3] for each in extra])),
        signals=signals,
    )


def _key(vehicle: Indices, time_ms: Indices) -> Indices:
    """One number that sorts by vehicle, then by time; good until the year 2527."""
    return (vehicle << 44) + time_ms
