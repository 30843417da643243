"""Reading telemetry back: Parquet history and the hot tail in the inbox, seen as one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from ingest.storage import parquet
from ingest.storage import tables as t
from ingest.storage.database import reading
from ingest.storage.frames import IDENTITY, Stored, empty_frame, frame_of, signal_columns
from ingest.storage.inbox import known_sets
from ingest.storage.progress import HISTORY, reached
from ingest.storage.retired import opened
from vehicle.wire import Content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DISTANT_MS = 1 << 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = tuple(name for name in Stored.__dataclass_fields__ if name != "inbox_id")
_ORDER = ("time", "device_id", "epoch", "sequence")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Samples of the inbox rows up to ``last_id``, in the order in which they became durable; empty when none came."""

    last_id: int
    frame: pl.DataFrame


class TelemetryStore:
    """The stored history of all vehicles; any number of processes may read while one ingest writes."""

    def __init__(self, engine: sa.Engine, history_folder: Path) -> None:
        self._engine, self._folder = engine, history_folder

    def read(
        self,
        *,
        device_id: str | None = None,
        vehicle_id: str | None = None,
        signals: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """Samples of a device or vehicle from ``start`` up to, not including, ``end``, sorted by time.

        Column ``time`` (UTC, milliseconds), then a float64 column a signal in the catalogue's unit: those of
        ``signals`` in that order, or all that have any value. Rows without any value are left out.
        """
        which = {"device_id": device_id, "vehicle_id": vehicle_id}
        first_ms, last_ms = _milliseconds(start, -DISTANT_MS), _milliseconds(end, DISTANT_MS)
        with contextlib.suppress(FileNotFoundError):  # retention took a day away, which the new list does not have
            return _presented(self._read_all(which, first_ms, last_ms, signals), signals)
        return _presented(self._read_all(which, first_ms, last_ms, signals), signals)

    def holds(self, *, device_id: str, epoch: int, sequence: int, first_ms: int, last_ms: int) -> bool:
        """Whether history has samples of that message, whose times are ``first_ms`` to ``last_ms``."""
        with reading(self._engine) as connection:
            files = _file_paths(connection, first_ms, last_ms + 1)
        of_message = (pl.col("device_id") == device_id, pl.col("epoch") == epoch, pl.col("sequence") == sequence)

        def has_it(file: Path) -> bool:
            return pl.scan_parquet(file, hive_partitioning=False).filter(*of_message).head(1).collect().height > 0

        return any(opened(self._folder / path, has_it) for path in files)

    def arrivals(self, cursor: int, *, limit: int = 2000) -> Arrivals:
        """Samples of at most ``limit`` inbox rows above ``cursor``, with their identity columns."""
        with reading(self._engine) as connection:
            sets = known_sets(connection)
            query = telemetry_rows().where(t.inbox.c.id > cursor).order_by(t.inbox.c.id).limit(limit)
            rows = [stored_row(row) for row in connection.execute(query)]
        return Arrivals(rows[-1].inbox_id if rows else cursor, frame_of(rows, sets))

    def _read_all(
        self, which: dict[str, str | None], first_ms: int, last_ms: int, signals: Sequence[str] | None
    ) -> pl.DataFrame:
        with reading(self._engine) as connection:  # one view: no row in both, none in neither
            sets = known_sets(connection)
            hot = _hot_rows(connection, which, first_ms, last_ms)
            files = _file_paths(connection, first_ms, last_ms)
        frames = [self._read_file(path, which, signals) for path in files]
        whole = pl.concat([*frames, frame_of(hot, sets)], how="diagonal")
        return whole.filter(pl.col("time").dt.timestamp("ms").is_between(first_ms, last_ms, closed="left"))

    def _read_file(self, path: str, which: dict[str, str | None], signals: Sequence[str] | None) -> pl.DataFrame:
        mine = [pl.col(name) == value for name, value in which.items() if value is not None]
        return opened(self._folder / path, partial(parquet.read, signals=signals, where=mine))


def _presented(whole: pl.DataFrame, signals: Sequence[str] | None) -> pl.DataFrame:
    chosen = list(signals) if signals is not None else signal_columns(whole)
    missing = [pl.lit(None, dtype=pl.Float64).alias(path) for path in chosen if path not in whole.columns]
    frame = whole.sort(*_ORDER).with_columns(missing)
    if signals is None:
        chosen = [path for path in chosen if frame[path].null_count() < frame.height]
    kept = frame.filter(pl.any_horizontal(pl.col(path).is_not_null() for path in chosen)) if chosen else frame.clear()
    return kept.select("time", *chosen)


def telemetry_rows() -> sa.Select[tuple[object, ...]]:
    """Query of the inbox rows that carry telemetry, as far as :func:`stored_row` reads them."""
    return sa.select(t.inbox.c.id, *(t.inbox.c[name] for name in _NAMES)).where(
        t.inbox.c.content == int(Content.TELEMETRY)
    )


def _hot_rows(connection: sa.Connection, which: dict[str, str | None], first_ms: int, last_ms: int) -> list[Stored]:
    c = t.inbox.c
    behind = c.id > reached(connection)[HISTORY]
    query = telemetry_rows().where(behind, c.first_ms < last_ms, c.last_ms >= first_ms).order_by(c.id)
    for name, value in which.items():
        if value is not None:
            # By an index it would find all that came in a week; the tail is of a few seconds.
            query = query.where(sa.func.coalesce(c[name], "") == value)
    return [stored_row(row) for row in connection.execute(query)]


def _file_paths(connection: sa.Connection, first_ms: int, last_ms: int) -> list[str]:
    c = t.history_files.c
    query = sa.select(c.path).where(c.first_ms < last_ms, c.last_ms >= first_ms).order_by(c.path)
    return list(connection.execute(query).scalars())


def stored_row(row: sa.Row[Any]) -> Stored:
    """The samples' part of an inbox row."""
    inbox_id, *fields = tuple(row)
    return Stored(inbox_id=inbox_id, **dict(zip(_NAMES, fields, strict=True)))


def _milliseconds(moment: datetime | None, default: int) -> int:
    return default if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)


__all__ = ["IDENTITY", "Arrivals", "TelemetryStore", "empty_frame", "signal_columns"]
