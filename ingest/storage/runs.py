"""A run of inbox rows as the parts of history that they become: raw integers all the way, a frame a day and bucket.

Where a set's scales are the catalogue's, or of signals that it lacks, the integers of the batches are those of the
files. Only rows of any other set go through values in the catalogue's unit, of which some are integers again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ingest.storage import parquet
from ingest.storage.frames import frame_of, identity_of, pieces_of, values_of
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.storage.frames import Piece, Stored
    from ingest.unpacking import Bits, Integers
    from vehicle.signal_set import SignalEntry, SignalSet

BUCKETS = 16
"""Vehicles are spread over so many folders a day (our choice for up to some thousand vehicles)."""
DAY_MS = 24 * 3600 * 1000
_NARROW = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True)
class Part:
    """What a history file is to hold: samples of one UTC day (``YYYY-MM-DD``) and bucket, in the file's columns."""

    day: str
    bucket: int
    frame: pl.DataFrame


def bucket_of(vehicle_id: str) -> int:
    """The folder that a vehicle's samples are kept in, the same on every machine."""
    return zlib.crc32(vehicle_id.encode()) % BUCKETS


def parts_of(rows: Sequence[Stored], sets: Mapping[str, SignalSet]) -> Iterator[Part]:
    """The parts that inbox rows become, the rows of a device behind one another."""
    buckets: dict[int, list[Stored]] = {}
    for row in rows:
        buckets.setdefault(bucket_of(row.vehicle_id), []).append(row)
    for bucket, mine in sorted(buckets.items()):
        mine.sort(key=lambda row: (row.vehicle_id, row.device_id, row.epoch, row.sequence))
        yield from _by_day(bucket, _frame(mine, sets))


def parts_of_frame(frame: pl.DataFrame) -> Iterator[Part]:
    """The parts that samples become: identity columns, then float64 columns by VSS path."""
    ordered = parquet.as_integers(frame)
    buckets = {vehicle: bucket_of(vehicle) for vehicle in ordered["vehicle_id"].unique()}
    placed = ordered.with_columns(pl.col("vehicle_id").replace_strict(buckets, return_dtype=pl.Int64).alias("bucket"))
    for (bucket,), some in placed.partition_by("bucket", as_dict=True, include_key=False).items():
        yield from _by_day(int(bucket), some)


def _by_day(bucket: int, frame: pl.DataFrame) -> Iterator[Part]:
    days = frame["time"].dt.timestamp("ms").to_numpy() // DAY_MS
    first, last = int(days.min()), int(days.max())
    for day in [first] if first == last else np.unique(days).tolist():
        name = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")
        yield Part(name, bucket, frame if first == last else frame.filter(pl.Series(days == day)))


def _frame(rows: Sequence[Stored], sets: Mapping[str, SignalSet]) -> pl.DataFrame:
    by_set: dict[str, list[Stored]] = {}
    for row in rows:
        by_set.setdefault(row.signal_set_id, []).append(row)
    if not all(_is_direct(entry) for set_id in by_set for entry in sets[set_id].entries):
        return parquet.as_integers(frame_of(rows, sets))
    frames = [
        _frame_of_piece(piece, sets[set_id])
        for set_id, some in by_set.items()
        for piece in pieces_of(some, sets[set_id])
    ]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")


def _is_direct(entry: SignalEntry) -> bool:
    """Whether raw values of a column are those of a file."""
    row = CATALOGUE.get(entry.path)
    scale = (entry.numerator, entry.denominator, entry.offset)
    return row is None or (row.numerator, row.denominator, row.offset) == scale


def _frame_of_piece(piece: Piece, signal_set: SignalSet) -> pl.DataFrame:
    there = np.flatnonzero(piece.present.any(axis=(0, 2))).tolist()
    columns = [_column(signal_set.entries[at], piece.raw[:, at], piece.present[:, at].reshape(-1)) for at in there]
    return identity_of(piece).hstack(columns)


def _column(entry: SignalEntry, raw: Integers, present: Bits) -> pl.Series:
    row = CATALOGUE.get(entry.path)
    if row is None:
        return values_of(entry, raw.reshape(-1), present)
    is_narrow = _NARROW.min <= row.raw_minimum and row.raw_maximum <= _NARROW.max
    column = pl.Series(parquet.name_of(row), raw.astype(np.int32 if is_narrow else np.int64).reshape(-1))
    return column if present.all() else column.zip_with(pl.Series(present), column.clear(1))
