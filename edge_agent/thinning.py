"""Fewer rows of a batch that waits: what was read in ten rows stands in one, so that a slow course is still seen. Pure.

A row holds what was read anew since the row before it. One that stands for ten holds the last of what was read anew in
them, at the time of the last, so that it means the same on a coarser grid, and no signal goes that is read seldom.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vehicle.errors import WireError
from vehicle.wire import decode_envelope, encode_telemetry, open_batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vehicle.batch import Batch
    from vehicle.signal_set import SignalSet

ONE_IN = 10
"""Of so many rows one is left (our choice): a second's grid becomes one of ten seconds."""


def thinned(batch: Batch) -> Batch:
    """``batch`` with one row in :data:`ONE_IN`, at least one."""
    count = len(batch.times_ms)
    lasts = [min(begin + ONE_IN, count) - 1 for begin in range(0, count, ONE_IN)]
    times_ms = tuple(batch.times_ms[last] for last in lasts)
    return replace(
        batch,
        times_ms=times_ms,
        columns=tuple(tuple(_latest(column, last) for last in lasts) for column in batch.columns),
        monotonic_ms=batch.monotonic_ms + times_ms[0] - batch.times_ms[0],
    )


def _latest(column: tuple[int | None, ...], last: int) -> int | None:
    group = column[last - last % ONE_IN : last + 1]
    return next((value for value in reversed(group) if value is not None), None)


def thinned_message(payload: bytes, sets: Mapping[str, SignalSet]) -> tuple[bytes, int]:
    """A telemetry message with its batch thinned, under the same identity, and how many rows went.

    One that cannot be read, or whose signal set is not among ``sets``, stays as it is.
    """
    try:
        envelope = decode_envelope(payload)
        packed = open_batch(envelope.body)
        batch = packed.unpack(sets[packed.signal_set_id])
    except (WireError, KeyError):
        return payload, 0
    few = thinned(batch)
    made = encode_telemetry(epoch=envelope.epoch, sequence=envelope.sequence, lane=envelope.lane, batch=few)
    return made, len(batch.times_ms) - len(few.times_ms)
