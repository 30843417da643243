"""Reading telemetry back: Parquet history and the hot tail in the inbox, seen as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from ingest.storage import tables as t
from ingest.storage.database import reading
from ingest.storage.frames import IDENTITY, Stored, empty_frame, frame_of, signal_columns
from ingest.storage.inbox import known_sets
from vehicle.wire import Content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DISTANT_MS = 1 << 60
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
        with reading(self._engine) as connection:
            sets = known_sets(connection)
            hot = _hot_rows(connection, which, first_ms, last_ms)
            files = _file_paths(connection, first_ms, last_ms)
        frames = [self._read_file(path, which) for path in files]
        whole = pl.concat([*frames, frame_of(hot, sets)], how="diagonal") if frames else frame_of(hot, sets)
        whole = whole.filter(pl.col("time").dt.timestamp("ms").is_between(first_ms, last_ms, closed="left"))
        return _presented(whole, signals)

    def arrivals(self, cursor: int, *, limit: int = 2000) -> Arrivals:
        """Samples of at most ``limit`` inbox rows above ``cursor``, with their identity columns."""
        with reading(self._engine) as connection:
            sets = known_sets(connection)
            query = telemetry_rows().where(t.inbox.c.id > cursor).order_by(t.inbox.c.id).limit(limit)
            rows = [stored_row(row) for row in connection.execute(query)]
        return Arrivals(rows[-1].inbox_id if rows else cursor, frame_of(rows, sets))

    def _read_file(self, path: str, which: dict[str, str | None]) -> pl.DataFrame:
        scan = pl.scan_parquet(self._folder / path, hive_partitioning=False)
        for name, value in which.items():
            if value is not None:
                scan = scan.filter(pl.col(name) == value)
        return scan.collect()


def _presented(whole: pl.DataFrame, signals: Sequence[str] | None) -> pl.DataFrame:
    chosen = list(signals) if signals is not None else signal_columns(whole)
    missing = [pl.lit(None, dtype=pl.Float64).alias(path) for path in chosen if path not in whole.columns]
    frame = whole.sort(*_ORDER).with_columns(missing)
    if signals is None:
        chosen = [path for path in chosen if frame[path].null_count() < frame.height]
    kept = frame.filter(pl.any_horizontal(pl.col(path).is_not_null() for path in chosen)) if chosen else frame.clear()
    return kept.select("time", *chosen)


def telemetry_rows() -> sa.Select[tuple[object, ...]]:
    """Query of the inbox rows that carry telemetry."""
    return sa.select(t.inbox).where(t.inbox.c.content == int(Content.TELEMETRY))


def _hot_rows(connection: sa.Connection, which: dict[str, str | None], first_ms: int, last_ms: int) -> list[Stored]:
    c = t.inbox.c
    query = telemetry_rows().where(c.in_history.is_(False), c.first_ms < last_ms, c.last_ms >= first_ms).order_by(c.id)
    for name, value in which.items():
        if value is not None:
            query = query.where(c[name] == value)
    return [stored_row(row) for row in connection.execute(query)]


def _file_paths(connection: sa.Connection, first_ms: int, last_ms: int) -> list[str]:
    c = t.history_files.c
    query = sa.select(c.path).where(c.first_ms < last_ms, c.last_ms >= first_ms).order_by(c.path)
    return list(connection.execute(query).scalars())


def stored_row(row: sa.Row[tuple[object, ...]]) -> Stored:
    """The samples' part of an inbox row."""
    fields = row._mapping  # noqa: SLF001  SQLAlchemy's documented mapping of a row
    named = {name: fields[name] for name in Stored.__dataclass_fields__ if name != "inbox_id"}
    return Stored(inbox_id=fields["id"], **named)


def _milliseconds(moment: datetime | None, default: int) -> int:
    return default if moment is None else int(moment.astimezone(UTC).timestamp() * 1000)


__all__ = ["IDENTITY", "Arrivals", "TelemetryStore", "empty_frame", "signal_columns"]
