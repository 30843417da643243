"""Inbox rows as polars frames: time, identity and one column a signal in its unit, decoded many at once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import zstandard

from ingest.plausible import bounds_of, raw_bounds
from ingest.unpacking import unpack_many
from vehicle import wire
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingest.unpacking import Bits, Integers
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
_PLACES: Mapping[str, int] = MappingProxyType({path: place for place, path in enumerate(CATALOGUE)})


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


@dataclass(frozen=True, slots=True)
class Piece:
    """The samples of ``n`` inbox rows of one set and equal length.

    ``times_ms`` is ``(n, n_rows)``, the clock's shift in it; ``raw`` and ``present`` are ``(n, n_columns, n_rows)``.
    Where nothing is present ``raw`` means nothing.
    """

    rows: Sequence[Stored]
    times_ms: Integers
    raw: Integers
    present: Bits


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
    return sorted((name for name in frame.columns if name not in IDENTITY), key=signal_order)


def signal_order(path: str) -> tuple[int, str]:
    """What signals are sorted by: their place in the catalogue, then their path."""
    return _PLACES.get(path, len(_PLACES)), path


def _frame_of_one_set(rows: Sequence[Stored], signal_set: SignalSet) -> pl.DataFrame:
    """The samples of rows of one set, in the order of the rows."""
    frames = [_frame_of_piece(piece, signal_set) for piece in pieces_of(rows, signal_set)]
    return frames[0] if len(frames) == 1 else pl.concat(frames).sort("inbox_id", maintain_order=True)


def pieces_of(rows: Sequence[Stored], signal_set: SignalSet) -> Iterator[Piece]:
    """The samples of rows of one set, those of equal length together; what lies out of range is not present."""
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
    low, high = bounds_of(signal_set)
    for block in blocks:
        mine = [rows[places[at]] for at in block.which]
        present = block.present & (block.raw >= low) & (block.raw <= high)
        yield Piece(mine, block.times_ms + _shifts(mine), block.raw, present)
    for place, batch in alone.items():
        yield _piece_of_one(rows[place], batch, signal_set)


def _is_json(row: Stored) -> bool:
    return row.payload[:1] == b"{"


def _shifts(rows: Sequence[Stored]) -> Integers:
    return np.array([row.shift_ms for row in rows], np.int64)[:, None]


def _piece_of_one(row: Stored, batch: Batch, signal_set: SignalSet) -> Piece:
    times = np.array([batch.times_ms], np.int64) + row.shift_ms
    raws, presents = np.zeros((2, 1, len(batch.columns), len(batch.times_ms)), np.int64)
    for at, (entry, column) in enumerate(zip(signal_set.entries, batch.columns, strict=True)):
        raws[0, at], presents[0, at] = _as_arrays(entry, column)
    return Piece([row], times, raws, presents.astype(np.bool_))


def _frame_of_piece(piece: Piece, signal_set: SignalSet) -> pl.DataFrame:
    columns = [
        values_of(entry, piece.raw[:, at].reshape(-1), piece.present[:, at].reshape(-1))
        for at, entry in enumerate(signal_set.entries)
    ]
    return identity_of(piece).hstack(columns)


def identity_of(piece: Piece) -> pl.DataFrame:
    """The identity columns of a piece's samples."""
    spread = np.repeat(np.arange(len(piece.rows)), piece.times_ms.shape[1])
    columns = [
        pl.Series("time", piece.times_ms.reshape(-1)).cast(TIME)
        if name == "time"
        else pl.Series(name, [getattr(row, name) for row in piece.rows], dtype=form).gather(spread)
        for name, form in IDENTITY.items()
    ]
    return pl.DataFrame(columns)


def _as_arrays(entry: SignalEntry, column: Sequence[int | None]) -> tuple[Integers, Bits]:
    """A column as raw integers and where they are; what lies out of range, and maybe beyond 64 bits, is nowhere."""
    low, high = raw_bounds(entry)
    present = [raw is not None and low <= raw <= high for raw in column]
    raws = [raw if here and raw is not None else 0 for raw, here in zip(column, present, strict=True)]
    return np.array(raws, np.int64), np.array(present)


def values_of(entry: SignalEntry, raw: Integers, present: Bits) -> pl.Series:
    """A column in the signal's unit, float64; what is not present is null."""
    # Integers first, one division last: the same float as Signal.value gives.
    values = (raw * entry.numerator + entry.offset).astype(np.float64) / np.float64(entry.denominator)
    values[~present] = np.nan
    return pl.Series(entry.path, values).fill_nan(None)
