"""Inbox rows as polars frames: time, identity and one column a signal in its unit, decoded many at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from ingest.plausible import raw_bounds
from vehicle import wire
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vehicle.batch import Batch
    from vehicle.signal_set import SignalEntry, SignalSet

_Value = TypeVar("_Value")

TIME = pl.Datetime("ms", "UTC")
IDENTITY: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "vehicle_id": pl.String,
    "device_id": pl.String,
    "time": TIME,
    "epoch": pl.Int64,
    "sequence": pl.Int64,
    "inbox_id": pl.Int64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A telemetry row of the inbox, as far as its samples are concerned."""

    inbox_id: int
    device_id: str
    vehicle_id: str
    epoch: int
    sequence: int
    shift_ms: int
    signal_set_id: str
    payload: bytes


def empty_frame() -> pl.DataFrame:
    """No rows, with the identity columns."""
    return pl.DataFrame(schema=dict(IDENTITY))


def frame_of(rows: Iterable[Stored], sets: Mapping[str, SignalSet]) -> pl.DataFrame:
    """All samples of ``rows``: identity columns, then float64 columns by VSS path; gaps are nulls.

    A raw value outside the catalogue's range is a gap (and was counted when it came).
    """
    by_set: dict[str, list[Stored]] = {}
    for row in rows:
        by_set.setdefault(row.signal_set_id, []).append(row)
    frames = [_frame_of_one_set(found, sets[set_id]) for set_id, found in by_set.items()]
    return pl.concat(frames, how="diagonal") if frames else empty_frame()


def signal_columns(frame: pl.DataFrame) -> list[str]:
    """The columns of a frame that are signals, in the catalogue's order; signals that it lacks come last."""
    order = {path: place for place, path in enumerate(CATALOGUE)}
    found = [name for name in frame.columns if name not in IDENTITY]
    return sorted(found, key=lambda path: (order.get(path, len(order)), path))


def _frame_of_one_set(rows: Sequence[Stored], signal_set: SignalSet) -> pl.DataFrame:
    batches = [_batch_of(row, signal_set) for row in rows]
    sizes = [len(batch.times_ms) for batch in batches]
    times = [time + row.shift_ms for row, batch in zip(rows, batches, strict=True) for time in batch.times_ms]
    identity = pl.DataFrame(
        {
            "vehicle_id": _spread([row.vehicle_id for row in rows], sizes),
            "device_id": _spread([row.device_id for row in rows], sizes),
            "time": times,
            "epoch": _spread([row.epoch for row in rows], sizes),
            "sequence": _spread([row.sequence for row in rows], sizes),
            "inbox_id": _spread([row.inbox_id for row in rows], sizes),
        },
        schema_overrides={"time": pl.Int64},
    ).with_columns(pl.col("time").cast(TIME))
    columns = [
        _values(entry, list(chain.from_iterable(batch.columns[at] for batch in batches)))
        for at, entry in enumerate(signal_set.entries)
    ]
    return identity.hstack(columns)


def _spread(values: Sequence[_Value], sizes: Sequence[int]) -> list[_Value]:
    return list(chain.from_iterable(repeat(value, size) for value, size in zip(values, sizes, strict=True)))


def _batch_of(row: Stored, signal_set: SignalSet) -> Batch:
    if row.payload[:1] == b"{":
        return wire.decode_json_columns(row.payload)[3]
    return wire.decode_batch(wire.decode_envelope(row.payload).body, signal_set)


def _values(entry: SignalEntry, raws: list[int | None]) -> pl.Series:
    low, high = raw_bounds(entry)
    try:
        raw = pl.Series(entry.path, raws, dtype=pl.Int64)
    except (OverflowError, TypeError):  # a value beyond 64 bits
        raw = pl.Series(entry.path, [x if x is not None and low <= x <= high else None for x in raws], dtype=pl.Int64)
    raw = pl.select(pl.when(raw.is_between(low, high)).then(raw).otherwise(None).alias(entry.path)).to_series()
    # Integers first, one division last: the same float as Signal.value gives.
    scaled = raw * entry.numerator + entry.offset
    values = scaled.cast(pl.Float64).to_numpy() / np.float64(entry.denominator)
    return pl.Series(entry.path, values, dtype=pl.Float64).fill_nan(None)
