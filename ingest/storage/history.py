"""Writing the inbox's telemetry to Parquet, a few seconds behind; pruning, compaction and retention.

A file becomes visible to readers only by its row in ``history_files``, which is written in the same transaction that
marks the inbox rows as being in history: a kill at any point neither skips nor repeats a sample. What a killed writer
left behind without a row is removed at the next start.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from ingest.storage import tables as t
from ingest.storage.cursors import slowest
from ingest.storage.database import reading, transaction
from ingest.storage.frames import frame_of, signal_columns
from ingest.storage.inbox import known_sets
from ingest.storage.telemetry import stored_row, telemetry_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

BUCKETS = 16
"""Vehicles are spread over so many folders a day (our choice for up to some thousand vehicles)."""
ROWS_A_RUN = 4000
MANY_FILES = 24
"""A day's bucket with more files than this is compacted into one (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """A Parquet file and what it holds; ``path`` is relative to the history folder."""

    path: str
    day: str
    bucket: int
    rows: int
    first_ms: int
    last_ms: int


def bucket_of(vehicle_id: str) -> int:
    """The folder that a vehicle's samples are kept in, the same on every machine."""
    return zlib.crc32(vehicle_id.encode()) % BUCKETS


def write_run(engine: sa.Engine, folder: Path, *, limit: int = ROWS_A_RUN) -> int:
    """Moves the samples of up to ``limit`` inbox rows to history; the number of rows moved."""
    with reading(engine) as connection:
        sets = known_sets(connection)
        query = telemetry_rows().where(t.inbox.c.in_history.is_(False)).order_by(t.inbox.c.id).limit(limit)
        rows = [stored_row(row) for row in connection.execute(query)]
    if not rows:
        return 0
    frame = frame_of(rows, sets)
    name = f"{rows[0].inbox_id:012d}-{rows[-1].inbox_id:012d}"
    files = write_frame(folder, frame, name)
    ids = [row.inbox_id for row in rows]
    with transaction(engine) as connection:
        _register(connection, files)
        # Rows become visible in order of id, but those of another worker may lie between: mark ours one by one.
        for start in range(0, len(ids), 500):
            ours = t.inbox.c.id.in_(ids[start : start + 500])
            connection.execute(t.inbox.update().where(ours).values(in_history=True))
    return len(rows)


def write_frame(folder: Path, frame: pl.DataFrame, name: str) -> list[HistoryFile]:
    """Writes a frame as one durable file a day and bucket."""
    buckets = {vehicle: bucket_of(vehicle) for vehicle in frame["vehicle_id"].unique()}
    placed = frame.with_columns(
        pl.col("time").dt.strftime("%Y-%m-%d").alias("day"),
        pl.col("vehicle_id").replace_strict(buckets, return_dtype=pl.Int64).alias("bucket"),
    )
    return [
        _write_file(folder, day, bucket, name, part.drop("day", "bucket"))
        for (day, bucket), part in placed.partition_by("day", "bucket", as_dict=True).items()
    ]


def _write_file(folder: Path, day: Any, bucket: Any, name: str, part: pl.DataFrame) -> HistoryFile:
    relative = f"day={day}/bucket={bucket:02d}/{name}.parquet"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    used = [column for column in signal_columns(part) if part[column].null_count() < part.height]
    whole = part.select("vehicle_id", "device_id", "time", "epoch", "sequence", "inbox_id", *used)
    whole = whole.sort("vehicle_id", "device_id", "time", "epoch", "sequence")
    temporary = path.with_suffix(".tmp")
    whole.write_parquet(temporary, compression="zstd", compression_level=6, statistics=True)
    _make_durable(temporary)
    temporary.replace(path)
    _make_durable(path.parent)
    stamps = whole["time"].dt.timestamp("ms")
    first_ms, last_ms = int(stamps.min() or 0), int(stamps.max() or 0)  # type: ignore[arg-type]  # integers, never empty
    return HistoryFile(path=relative, day=day, bucket=bucket, rows=whole.height, first_ms=first_ms, last_ms=last_ms)


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _register(connection: sa.Connection, files: Sequence[HistoryFile]) -> None:
    rows = [{name: getattr(file, name) for name in HistoryFile.__dataclass_fields__} for file in files]
    if rows:
        connection.execute(t.history_files.insert(), rows)


def remove_orphans(engine: sa.Engine, folder: Path) -> int:
    """Removes files that a killed writer left without their row; to be called before writing. How many there were."""
    with reading(engine) as connection:
        known = set(connection.execute(sa.select(t.history_files.c.path)).scalars())
    found = [path for pattern in ("*.parquet", "*.tmp") for path in folder.glob(f"day=*/bucket=*/{pattern}")]
    orphans = [path for path in found if path.relative_to(folder).as_posix() not in known]
    for path in orphans:
        path.unlink()
    return len(orphans)


def prune(engine: sa.Engine) -> int:
    """Removes telemetry from the inbox that is in history and that every consumer has dealt with."""
    with transaction(engine) as connection:
        behind = slowest(connection)
        done = t.inbox.delete().where(t.inbox.c.in_history.is_(True))
        if behind is not None:
            done = done.where(t.inbox.c.id <= behind)
        return connection.execute(done).rowcount


def compact(engine: sa.Engine, folder: Path) -> int:
    """Joins the many small files of a day's bucket into one; the number of files that went."""
    with reading(engine) as connection:
        crowded = _crowded(connection)
    return sum(_join(engine, folder, day, bucket) for day, bucket in crowded)


def _crowded(connection: sa.Connection) -> list[tuple[str, int]]:
    c = t.history_files.c
    query = sa.select(c.day, c.bucket).group_by(c.day, c.bucket).having(sa.func.count() > MANY_FILES)
    return [(row.day, row.bucket) for row in connection.execute(query)]


def _join(engine: sa.Engine, folder: Path, day: str, bucket: int) -> int:
    c = t.history_files.c
    with reading(engine) as connection:
        query = sa.select(c.path).where(c.day == day, c.bucket == bucket).order_by(c.path)
        paths = list(connection.execute(query).scalars())
    frames = [pl.read_parquet(folder / path, hive_partitioning=False) for path in paths]
    first, last = paths[0].split("/")[-1].split("-")[0], paths[-1].split("-")[-1].removesuffix(".parquet")
    name = f"{first}-{last}-c{len(paths)}"
    files = [_write_file(folder, day, bucket, name, pl.concat(frames, how="diagonal"))]
    with transaction(engine) as connection:
        connection.execute(t.history_files.delete().where(c.path.in_(paths)))
        _register(connection, files)
    _unlink(folder, paths)
    return len(paths)


def forget_before(engine: sa.Engine, folder: Path, day: datetime) -> int:
    """Removes whole days before ``day`` from history; the number of files that went."""
    c = t.history_files.c
    with transaction(engine) as connection:
        old = c.day < day.astimezone(UTC).strftime("%Y-%m-%d")
        paths = list(connection.execute(sa.select(c.path).where(old)).scalars())
        connection.execute(t.history_files.delete().where(old))
    _unlink(folder, paths)
    return len(paths)


def _unlink(folder: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (folder / path).unlink(missing_ok=True)
