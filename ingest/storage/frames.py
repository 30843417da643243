"""Inbox rows as polars frames: time, identity and one column a signal in its unit, decoded many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import zstandard

from ingest.plausible import raw_bounds
from ingest.unpacking import unpack_many
from vehicle import wire
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.unpacking import Block
    from vehicle.batch import Batch
    from vehicle.signal_set import SignalEntry, SignalSet

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
    """The samples of rows of one set, in the order of the rows."""
    zstd = zstandard.ZstdDecompressor()
    packed = {
        place: wire.open_batch(wire.decode_envelope(row.payload).body, zstd)
        for place, row in enumerate(rows)
        if not _is_json(row)
    }
    places = list(packed)
    blocks, odd = unpack_many(list(packed.values()), signal_set)
    alone = {places[at]: packed[places[at]].unpack(signal_set) for at in odd}
    alone |= {place: wire.decode_json_columns(row.payload)[3] for place, row in enumerate(rows) if _is_json(row)}
    frames = [_of_block([rows[places[at]] for at in block.which], block, signal_set) for block in blocks]
    frames += [_of_batch(rows[place], batch, signal_set) for place, batch in alone.items()]
    return frames[0] if len(frames) == 1 else pl.concat(frames).sort("inbox_id", maintain_order=True)


def _is_json(row: Stored) -> bool:
    return row.payload[:1] == b"{"


def _of_block(rows: Sequence[Stored], block: Block, signal_set: SignalSet) -> pl.DataFrame:
    shifts = np.array([row.shift_ms for row in rows], np.int64)
    columns = [
        _values(entry, block.raw[:, at].reshape(-1), block.present[:, at].reshape(-1))
        for at, entry in enumerate(signal_set.entries)
    ]
    return _identity(rows, block.times_ms + shifts[:, None]).hstack(columns)


def _of_batch(row: Stored, batch: Batch, signal_set: SignalSet) -> pl.DataFrame:
    times = np.array([batch.times_ms], np.int64) + row.shift_ms
    columns = [
        _values(entry, *_as_arrays(entry, column))
        for entry, column in zip(signal_set.entries, batch.columns, strict=True)
    ]
    return _identity([row], times).hstack(columns)


def _identity(rows: Sequence[Stored], times_ms: NDArray[np.int64]) -> pl.DataFrame:
    """Identity columns of rows whose times are ``(n, n_rows)``."""
    each = times_ms.shape[1]
    names = pl.DataFrame(
        {name: [getattr(row, name) for row in rows] for name in IDENTITY if name != "time"},
        schema={name: form for name, form in IDENTITY.items() if name != "time"},
    )
    spread = names[np.repeat(np.arange(len(rows)), each)]
    time = pl.Series("time", times_ms.reshape(-1)).cast(TIME)
    return spread.with_columns(time).select(*IDENTITY)


def _as_arrays(entry: SignalEntry, column: Sequence[int | None]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A column as raw integers and where they are; what lies out of range, and maybe beyond 64 bits, is nowhere."""
    low, high = raw_bounds(entry)
    present = [raw is not None and low <= raw <= high for raw in column]
    raws = [raw if here and raw is not None else 0 for raw, here in zip(column, present, strict=True)]
    return np.array(raws, np.int64), np.array(present)


def _values(entry: SignalEntry, raw: NDArray[np.int64], present: NDArray[np.bool_]) -> pl.Series:
    low, high = raw_bounds(entry)
    inside = present & (raw >= low) & (raw <= high)
    # Integers first, one division last: the same float as Signal.value gives.
    values = (raw * entry.numerator + entry.offset).astype(np.float64) / np.float64(entry.denominator)
    values[~inside] = np.nan
    return pl.Series(entry.path, values).fill_nan(None)
