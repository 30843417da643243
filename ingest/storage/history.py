"""Writing the inbox's telemetry to Parquet, a few seconds behind; pruning, compaction and retention.

A file becomes visible to readers only by its row in ``history_files``, which is written in the same transaction that
notes up to which inbox row samples are in history: a kill at any point neither skips nor repeats a sample. What a
killed writer left behind without a row is removed at the next start.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.storage import parquet
from ingest.storage import tables as t
from ingest.storage.cursors import slowest
from ingest.storage.database import reading, transaction
from ingest.storage.inbox import known_sets
from ingest.storage.progress import FORGOTTEN, HISTORY, SPENT, advance, reached
from ingest.storage.retired import opened, remove_retired, retire
from ingest.storage.runs import Part, parts_of, parts_of_frame
from ingest.storage.telemetry import stored_row, telemetry_rows
from vehicle.wire import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import polars as pl


ROWS_A_RUN = 12_000
"""Inbox rows in one run, which are in memory packed; unpacked are those of one bucket at a time (our choice)."""
MANY_FILES = 24
"""Of a day's bucket with more small files than this some are joined (our choice)."""
JOINED_ROWS = 1 << 18
"""So many rows a joined file has at most, some 70 car-hours: more would be much to hold in memory at once (our choice).
One that has half as many is large enough, and is not joined again."""
ALIKE = 2
"""A file is joined with smaller ones that have half its samples together, or more (our choice)."""
LATE = timedelta(days=1)
"""A day that is over for so long is joined whatever it has; a week's backlog still comes in few files (our choice)."""
ORPHAN_AGE = timedelta(minutes=10)
"""A file without a row that is older was left by a killed writer; a younger one may be another writer's, at work."""
CONFLICT_DAYS = 7
"""For so long after its samples went to history a message's digest is kept, to tell a duplicate from a conflict."""
ROWS_A_PRUNING = 100_000
"""Rows that are emptied, and that are removed, in one transaction, so that it stays short (our choice)."""
EMPTY = 0
"""Content of an inbox row whose samples are in history: only its identity and digest are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFile:
    """A Parquet file and what it holds; ``path`` is relative to the history folder."""

    path: str
    day: str
    bucket: int
    rows: int
    first_ms: int
    last_ms: int


def write_run(engine: sa.Engine, folder: Path, *, limit: int = ROWS_A_RUN) -> int:
    """Moves the samples of up to ``limit`` inbox rows to history; the number of rows moved."""
    with reading(engine) as connection:
        sets, before = known_sets(connection), reached(connection)[HISTORY]
        query = telemetry_rows().where(t.inbox.c.id > before).order_by(t.inbox.c.id).limit(limit)
        rows = [stored_row(row) for row in connection.execute(query)]
    if not rows:
        return 0
    name = f"{rows[0].inbox_id:012d}-{rows[-1].inbox_id:012d}"
    files = write_parts(folder, parts_of(rows, sets), name)
    with transaction(engine) as connection:
        if not _mark(connection, before=before, to=rows[-1].inbox_id):
            return 0
        _register(connection, files)
    return len(rows)


def put_frame(engine: sa.Engine, folder: Path, frame: pl.DataFrame, name: str) -> int:
    """Puts samples that never were messages straight into history; ``name`` is the files' and must be new.

    ``frame`` has the identity columns, then float64 columns by VSS path. Gives the number of rows.
    """
    if frame.is_empty():
        return 0
    files = write_parts(folder, parts_of_frame(frame), name)
    with transaction(engine) as connection:
        _register(connection, files)
    return frame.height


def _mark(connection: sa.Connection, *, before: int, to: int) -> bool:
    """Marks inbox rows as being in history; False, with nothing marked, where another writer was quicker."""
    return advance(connection, HISTORY, before=before, to=to)


def waiting(connection: sa.Connection) -> int:
    """How many messages are not in history yet."""
    mine = (t.inbox.c.id > reached(connection)[HISTORY], t.inbox.c.content == int(Content.TELEMETRY))
    return int(connection.execute(sa.select(sa.func.count()).select_from(t.inbox).where(*mine)).scalar() or 0)


def write_parts(folder: Path, parts: Iterable[Part], name: str, *, thorough: bool = False) -> list[HistoryFile]:
    """Writes each part as one durable file; ``thorough`` as in :func:`ingest.storage.parquet.write`."""
    return [_write_file(folder, part, name, thorough=thorough) for part in parts]


def _write_file(folder: Path, part: Part, name: str, *, thorough: bool = False) -> HistoryFile:
    relative = f"day={part.day}/bucket={part.bucket:02d}/{name}.parquet"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    parquet.write(part.frame, temporary, thorough=thorough)
    _make_durable(temporary)
    temporary.replace(path)
    _make_durable(path.parent)
    times_ms = part.frame["time"].dt.timestamp("ms").to_numpy()
    first_ms, last_ms = int(times_ms.min()), int(times_ms.max())
    return HistoryFile(
        path=relative, day=part.day, bucket=part.bucket, rows=part.frame.height, first_ms=first_ms, last_ms=last_ms
    )


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


def remove_orphans(engine: sa.Engine, folder: Path, *, now: datetime, age: timedelta = ORPHAN_AGE) -> int:
    """Removes files older than ``age`` that a killed writer left without their row; how many there were."""
    found = [path for pattern in ("*.parquet", "*.tmp") for path in folder.glob(f"day=*/bucket=*/{pattern}")]
    with reading(engine) as connection:
        known = set(connection.execute(sa.select(t.history_files.c.path)).scalars())
    orphans = [path for path in found if path.relative_to(folder).as_posix() not in known]
    old = [path for path in orphans if _written(path) <= now - age]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _written(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:  # its writer has renamed or removed it
        return datetime.max.replace(tzinfo=UTC)


def prune(engine: sa.Engine, *, now: datetime) -> int:
    """Empties the inbox of telemetry that is in history and that every consumer has dealt with; how many rows.

    The rows themselves go ``CONFLICT_DAYS`` later.
    """
    with reading(engine) as connection:
        at, behind = reached(connection), slowest(connection)
        spent = min(at[HISTORY], at[HISTORY] if behind is None else behind, at[SPENT] + ROWS_A_PRUNING)
        gone = min(_old(connection, at, now - timedelta(days=CONFLICT_DAYS)), at[FORGOTTEN] + ROWS_A_PRUNING)
    _forget(engine, at[FORGOTTEN], gone)
    return _spend(engine, at[SPENT], spent)


def _spend(engine: sa.Engine, before: int, to: int) -> int:
    if to <= before:
        return 0
    c = t.inbox.c
    with transaction(engine) as connection:
        if not advance(connection, SPENT, before=before, to=to):
            return 0
        mine = (c.id > before, c.id <= to, c.content == int(Content.TELEMETRY))
        return connection.execute(t.inbox.update().where(*mine).values(content=EMPTY, payload=b"")).rowcount


def _old(connection: sa.Connection, at: Mapping[str, int], before: datetime) -> int:
    """The last of the emptied rows that came before a moment, as all do before the first that did not."""
    c = t.inbox.c
    spent = (c.id > at[FORGOTTEN], c.id <= at[SPENT])
    later = connection.execute(sa.select(c.id).where(*spent, c.received_at >= before).order_by(c.id).limit(1)).scalar()
    return at[SPENT] if later is None else int(later) - 1


def _forget(engine: sa.Engine, before: int, to: int) -> None:
    if to <= before:
        return
    c = t.inbox.c
    with transaction(engine) as connection:
        if advance(connection, FORGOTTEN, before=before, to=to):
            connection.execute(t.inbox.delete().where(c.id > before, c.id <= to, c.content == EMPTY))


def compact(engine: sa.Engine, folder: Path, *, now: datetime, most: int | None = None) -> int:
    """Joins the many small files of a day's bucket, and any of a day that is over; the number of files that went.

    With ``most`` not more than so many joins, of at most ``JOINED_ROWS`` samples each.
    """
    over = (now - LATE).strftime("%Y-%m-%d")
    with reading(engine) as connection:
        crowded = _crowded(connection, over=over)
    gone = joins = 0
    for day, bucket in crowded:
        while most is None or joins < most:
            went = _join(engine, folder, day, bucket, is_over=day < over)
            gone, joins = gone + went, joins + 1
            if not went:
                break
    return gone


def _crowded(connection: sa.Connection, *, over: str) -> list[tuple[str, int]]:
    """Days and buckets with many small files, or with several on a day that is over."""
    c = t.history_files.c
    many = sa.or_(sa.func.count() > MANY_FILES, sa.and_(c.day < over, sa.func.count() > 1))
    small = sa.select(c.day, c.bucket).where(c.rows < JOINED_ROWS // 2)
    return [(row.day, row.bucket) for row in connection.execute(small.group_by(c.day, c.bucket).having(many))]


def _join(engine: sa.Engine, folder: Path, day: str, bucket: int, *, is_over: bool) -> int:
    """Joins some files of a day's bucket; how many, 0 where there is nothing to be joined or another was quicker."""
    c = t.history_files.c
    with reading(engine) as connection:
        mine = (c.day == day, c.bucket == bucket, c.rows < JOINED_ROWS // 2)
        query = sa.select(c.path, c.rows).where(*mine).order_by(c.rows, c.path)
        paths = _worth_joining([(row.path, row.rows) for row in connection.execute(query)], is_over=is_over)
    if not paths:
        return 0
    part = Part(day, bucket, parquet.joined([opened(folder / path, parquet.read_stored) for path in paths]))
    # Of no other files, so that none that is there is overwritten.
    name = "joined-" + hashlib.blake2b("\n".join(paths).encode(), digest_size=12).hexdigest()
    files = write_parts(folder, [part], name, thorough=True)
    with transaction(engine) as connection:
        gone = connection.execute(t.history_files.delete().where(c.path.in_(paths))).rowcount
        if gone < len(paths):  # another keeper joined or forgot some meanwhile
            connection.rollback()
            return 0
        _register(connection, files)
    retire(folder, paths)
    return len(paths)


def _worth_joining(files: Sequence[tuple[str, int]], *, is_over: bool) -> list[str]:
    """Of small files and their rows, fewest first, those to become one: none much larger than the others together.

    So a sample is written again a few times, not each time that something is added to its day; and once a day is over
    whatever fits goes together. None where too few are there, or no two go together.
    """
    taken: list[str] = []
    samples = 0
    for path, rows in files:
        is_alike = is_over or len(taken) < 1 or rows <= ALIKE * samples
        if not is_alike or samples + rows > JOINED_ROWS:
            break
        taken.append(path)
        samples += rows
    return taken if len(taken) > 1 and (is_over or len(files) > MANY_FILES) else []


def forget_before(engine: sa.Engine, folder: Path, day: datetime) -> int:
    """Removes whole days before ``day`` from history; the number of files that went."""
    c = t.history_files.c
    with transaction(engine) as connection:
        old = c.day < day.astimezone(UTC).strftime("%Y-%m-%d")
        paths = list(connection.execute(sa.select(c.path).where(old)).scalars())
        connection.execute(t.history_files.delete().where(old))
    for path in paths:
        (folder / path).unlink(missing_ok=True)
    remove_retired(folder, now=datetime.now(UTC), age=timedelta(0))
    return len(paths)
