"""The plain JSON form of telemetry, for a first message by hand and for devices that cannot compress."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vehicle.batch import Batch, TimeQuality
from vehicle.errors import Reason, SignalRangeError, UnknownSignalError, WireError
from vehicle.signal_set import SignalSet
from vehicle.signals import Signal, signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAX_ROWS = 10_000


def to_batch(times_ms: Sequence[int], columns: Mapping[str, Sequence[float | None]]) -> tuple[SignalSet, Batch]:
    """Signal set and batch of physical values on a grid of times; a value out of its range becomes a gap.

    Raises:
        WireError: no rows or too many, times that don't increase, a column of another length, an unknown signal.
    """
    _check_times(times_ms)
    for path, column in columns.items():
        if len(column) != len(times_ms):
            why = f"column {path} has {len(column)} values for {len(times_ms)} times"
            raise WireError(Reason.DECODE, why)
    try:
        chosen = SignalSet.of(columns)
    except UnknownSignalError as error:
        raise WireError(Reason.UNKNOWN_SCHEMA, str(error)) from error
    batch = Batch(
        boot_id=0,
        quality=TimeQuality.RECORDED,
        monotonic_ms=0,
        signal_set_id=chosen.id,
        times_ms=tuple(times_ms),
        columns=tuple(_raws(signal(path), column) for path, column in columns.items()),
    )
    return chosen, batch


def _check_times(times_ms: Sequence[int]) -> None:
    if not 0 < len(times_ms) <= _MAX_ROWS:
        raise WireError(Reason.DECODE, f"{len(times_ms)} rows, 1 to {_MAX_ROWS} are taken")
    if any(later <= earlier for earlier, later in pairwise(times_ms)):
        raise WireError(Reason.DECODE, "the times of its rows do not increase")


def _raws(row: Signal, column: Sequence[float | None]) -> tuple[int | None, ...]:
    return tuple(None if value is None else _raw_or_gap(row, value) for value in column)


def _raw_or_gap(row: Signal, value: float) -> int | None:
    try:
        return row.raw(value)
    except SignalRangeError:
        return None
