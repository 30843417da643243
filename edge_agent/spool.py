"""The store-and-forward queue on disk: what was committed here is delivered, or reported as a numbered gap.

SQLite in WAL mode with full synchronisation. A batch, its sequence and the source's position are one transaction. A
spool that is full first thins old batches that were never sent, and only then drops the oldest.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_agent.errors import SpoolError
from edge_agent.thinning import thinned_message
from vehicle.signal_set import SignalSet
from vehicle.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from vehicle.messages import Ack

LOG = logging.getLogger(__name__)
PAGE_BYTES = 4096
RESERVE_BYTES = 512 * 1024
"""Freed when the disk is full: SQLite cannot even delete without room."""
DROP_SHARE = 10
"""When full, a tenth of the telemetry goes at once, oldest first (our choice)."""
THIN_AT_ONCE = 500
"""At most so many batches are thinned at once (our choice): the commit that they make room for waits for it."""
FULL, THINNED = "the spool was full", "the spool was full: of ten rows one is left"
EVER = (1 << 63) - 1
"""Every sequence may have been sent: there is a connection, or there was one when the agent was killed."""
BUSY_S = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (sequence INTEGER PRIMARY KEY, lane INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS record_by_lane ON record (lane, sequence);
CREATE TABLE IF NOT EXISTS signal_set (id TEXT PRIMARY KEY, entries TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS code (ecu TEXT, code TEXT, state TEXT, PRIMARY KEY (ecu, code, state));
CREATE TABLE IF NOT EXISTS source (
  key TEXT PRIMARY KEY, start_ms INTEGER NOT NULL, rows INTEGER NOT NULL, last_ms INTEGER NOT NULL
);
"""

_CODE_CAME = "INSERT OR IGNORE INTO code VALUES (?, ?, ?)"
_CODE_WENT = "DELETE FROM code WHERE ecu=? AND code=? AND state=?"

CodeChange = tuple[tuple[str, str, str], bool]
"""ECU, code and state; and whether it is there now."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to deliver: its lane, and how it is sealed once epoch and sequence are known."""

    lane: Lane
    seal: Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Gone:
    """What had to make room: first and last sequence, how many batches; of thinned ones ``rows``, how many went."""

    first: int
    last: int
    count: int
    reason: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a finite source has been read: rows taken, the time of its first row, the latest time in it."""

    key: str
    start_ms: int
    rows: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed message that waits for its acknowledgement."""

    sequence: int
    lane: Lane
    payload: bytes

    @property
    def is_event(self) -> bool:
        """Whether it goes on the event topic."""
        return self.lane is Lane.EVENT


class Spool:
    """One device's spool; to be used by one thread at a time."""

    def __init__(self, path: Path, *, max_bytes: int, gap: Callable[[Gone], Entry]) -> None:
        self.path, self._max_bytes, self._gap = path, max_bytes, gap
        path.parent.mkdir(parents=True, exist_ok=True)
        damaged: Path | None = None
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            damaged = self._set_aside(error)
            self._connection = self._open()
        self.epoch = self._meta("epoch", lambda: secrets.randbits(62) + 1)
        self._live_from = self._meta("next", lambda: 1)
        self._meta("thinned", lambda: 0)
        if self._meta("sent", lambda: 0) == EVER:
            self._note_sent(self._live_from - 1)
        if damaged is not None:
            self.append([gap(Gone(0, 0, 0, f"the spool was damaged and set aside as {damaged.name}"))])

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "locking_mode=EXCLUSIVE"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA max_page_count={max(64, self._max_bytes // PAGE_BYTES)}")
            connection.executescript(_SCHEMA)
            self._keep_reserve()
        except sqlite3.DatabaseError as error:
            connection.close()
            if "locked" in str(error):
                raise SpoolError(self.path, "is in use by another agent; end that one first") from error
            raise
        return connection

    def _set_aside(self, error: sqlite3.DatabaseError) -> Path:
        aside = self.path.with_name(f"{self.path.name}.damaged-{secrets.token_hex(4)}")
        LOG.error("spool %s cannot be read (%s); set aside as %s, a new one is begun", self.path, error, aside.name)
        self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        return aside

    @property
    def _reserve(self) -> Path:
        return self.path.with_name(self.path.name + ".reserve")

    def _keep_reserve(self) -> None:
        if not self._reserve.exists():
            self._reserve.write_bytes(bytes(RESERVE_BYTES))

    def _meta(self, name: str, first: Callable[[], int]) -> int:
        with self._transaction() as cursor:
            row = cursor.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
            if row is None:
                row = (first(),)
                cursor.execute("INSERT INTO meta VALUES (?, ?)", (name, row[0]))
        return int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                if self._connection.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def append(
        self, entries: Sequence[Entry], position: Position | None = None, codes: Sequence[CodeChange] = ()
    ) -> None:
        """Commits entries, the source's position and changes of codes together.

        Makes room by thinning and dropping old telemetry where it must.

        Raises:
            SpoolError: there is no room even so.
        """
        self._making_room(lambda effort: self._append(entries, position, codes, effort))

    def _making_room(self, commit: Callable[[int], Gone | None]) -> None:
        """Commits with as much effort as it takes: none, thinning, then dropping ever more tenths of the telemetry."""
        for effort in range(DROP_SHARE + 2):
            try:
                gone = commit(effort)
            except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
                if "full" not in str(error):
                    raise SpoolError(self.path, str(error)) from error
                self._reserve.unlink(missing_ok=True)
                continue
            if gone is not None:
                LOG.warning("%s: %d batches, %d to %d", gone.reason, gone.count, gone.first, gone.last)
                self._keep_reserve()
            return
        raise SpoolError(self.path, "is full and nothing more can be dropped; free the disk or raise spool_bytes")

    def _append(
        self, entries: Sequence[Entry], position: Position | None, codes: Sequence[CodeChange], effort: int = 0
    ) -> Gone | None:
        """Commits entries, and with them what had to go and the gap that says so: none of it without the rest."""
        with self._transaction() as cursor:
            gone = self._make_room(cursor, effort)
            self._insert(cursor, entries)
            if position is not None:
                values = (position.key, position.start_ms, position.rows, position.last_ms)
                cursor.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?)", values)
            for key, present in codes:
                cursor.execute(_CODE_CAME if present else _CODE_WENT, key)
        return gone

    def _insert(self, cursor: sqlite3.Cursor, entries: Sequence[Entry]) -> None:
        (following,) = cursor.execute("SELECT value FROM meta WHERE name='next'").fetchone()
        rows = [
            (following + at, int(entry.lane), entry.seal(self.epoch, following + at))
            for at, entry in enumerate(entries)
        ]
        cursor.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
        cursor.execute("UPDATE meta SET value=? WHERE name='next'", (following + len(rows),))

    def _make_room(self, cursor: sqlite3.Cursor, effort: int) -> Gone | None:
        """Thins or drops, and says so in a gap; None where nothing went."""
        if not effort:
            return None
        gone = self._thin_oldest(cursor) if effort == 1 else self._drop_oldest(cursor, effort - 1)
        if gone is not None:
            self._insert(cursor, [self._gap(gone)])
        return gone

    def _thin_oldest(self, cursor: sqlite3.Cursor) -> Gone | None:
        """Thins the oldest telemetry that is whole and was never sent: under its number nobody has anything else."""
        whole = "FROM record WHERE lane>? AND sequence>?"
        after = (int(Lane.EVENT), max(self._number("sent"), self._number("thinned")))
        (count,) = cursor.execute(f"SELECT count(*) {whole}", after).fetchone()
        chosen = f"SELECT sequence, lane, payload {whole} ORDER BY sequence LIMIT ?"
        found = cursor.execute(chosen, (*after, min(THIN_AT_ONCE, count // 2))).fetchall()
        if not found:
            return None
        sets = {set_id: SignalSet.from_announced(rows) for set_id, rows in self.sets().items()}
        thin = [(sequence, lane, *thinned_message(payload, sets)) for sequence, lane, payload in found]
        # Taken out and put in again: SQLite joins pages that are nearly empty when rows go, not when they shrink.
        cursor.executemany("DELETE FROM record WHERE sequence=?", [(sequence,) for sequence, *_ in thin])
        cursor.executemany("INSERT INTO record VALUES (?, ?, ?)", [row[:3] for row in thin])
        first, last = thin[0][0], thin[-1][0]
        cursor.execute("UPDATE meta SET value=? WHERE name='thinned'", (last,))
        return Gone(first, last, len(thin), THINNED, sum(rows for *_, rows in thin))

    def _drop_oldest(self, cursor: sqlite3.Cursor, tenths: int) -> Gone:
        """Deletes the oldest ``tenths`` of the telemetry."""
        (total,) = cursor.execute("SELECT count(*) FROM record WHERE lane>?", (int(Lane.EVENT),)).fetchone()
        chosen = "SELECT sequence FROM record WHERE lane>? ORDER BY sequence LIMIT ?"
        share = max(1, total * tenths // DROP_SHARE)
        gone = [row[0] for row in cursor.execute(chosen, (int(Lane.EVENT), share))]
        if not gone:
            raise SpoolError(self.path, "is full of events; it drains when the broker is reached")
        cursor.executemany("DELETE FROM record WHERE sequence=?", [(sequence,) for sequence in gone])
        return Gone(gone[0], gone[-1], len(gone), FULL)

    def waiting(self, *, but: Collection[int], limit: int) -> list[Record]:
        """Up to ``limit`` records to send next: events, live, backlog; oldest first, without those in ``but``."""
        found: list[Record] = []
        for record in self._in_order():
            if len(found) >= limit:
                break
            if record.sequence not in but:
                found.append(record)
        return found

    def _in_order(self) -> Iterator[Record]:
        """Everything that waits; what was live before the last connection is backlog, whatever lane it was kept in."""
        columns = "SELECT sequence, payload FROM record WHERE"
        queries = (
            (Lane.EVENT, f"{columns} lane=? ORDER BY sequence", (int(Lane.EVENT),)),
            (Lane.LIVE, f"{columns} lane=? AND sequence>=? ORDER BY sequence", (int(Lane.LIVE), self._live_from)),
            (
                Lane.BACKLOG,
                f"{columns} lane>? AND NOT (lane=? AND sequence>=?) ORDER BY sequence",
                (int(Lane.EVENT), int(Lane.LIVE), self._live_from),
            ),
        )
        for lane, query, values in queries:
            with closing(self._connection.execute(query, values)) as cursor:
                for sequence, payload in cursor:
                    yield Record(sequence, lane, payload)

    def acknowledge(self, ack: Ack) -> int:
        """Deletes what the server holds; how many records went. An acknowledgement of another epoch changes nothing."""
        if ack.epoch != self.epoch:
            return 0
        with self._transaction() as cursor:
            before = cursor.connection.total_changes
            cursor.execute("DELETE FROM record WHERE sequence<=?", (ack.upto,))
            cursor.executemany("DELETE FROM record WHERE sequence BETWEEN ? AND ?", ack.ranges)
            cursor.executemany("DELETE FROM record WHERE sequence=?", [(one.sequence,) for one in ack.rejected])
            return cursor.connection.total_changes - before

    def begin_sending(self) -> None:
        """Makes what is here backlog, so that what comes now is sent before it; from now on any of it may be sent.

        Only numbers that stand there already are changed: in a spool that is full there is no room for more.
        """
        self._live_from = self._number("next")
        self._note_sent(EVER)

    def end_sending(self) -> None:
        """What is appended from now on has not been sent."""
        if self._number("sent") == EVER:
            self._note_sent(self._number("next") - 1)

    def _number(self, name: str) -> int:
        found: int = self._connection.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()[0]
        return found

    def _note_sent(self, upto: int) -> None:
        def commit(_: int) -> None:
            with self._transaction() as cursor:
                cursor.execute("UPDATE meta SET value=? WHERE name='sent'", (upto,))

        self._making_room(commit)

    def bounds(self) -> tuple[int, int, int]:
        """First and last sequence that wait, and how many; zeroes where none do."""
        query = "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0), count(*) FROM record"
        first, last, count = self._connection.execute(query).fetchone()
        return first, last, count

    def position(self, key: str) -> Position | None:
        """How far the source of that key has been read before."""
        row = self._connection.execute("SELECT * FROM source WHERE key=?", (key,)).fetchone()
        return None if row is None else Position(*row)

    def latest_ms(self) -> int | None:
        """The latest time that any finite source had."""
        latest: int | None = self._connection.execute("SELECT max(last_ms) FROM source").fetchone()[0]
        return latest

    def codes(self) -> set[tuple[str, str, str]]:
        """ECU, code and state of the trouble codes that were there at last."""
        return {(ecu, code, state) for ecu, code, state in self._connection.execute("SELECT * FROM code")}

    def keep_set(self, set_id: str, announced: list[list[str | int]]) -> None:
        """Keeps a signal set, to be announced for as long as records may refer to it.

        Raises:
            SpoolError: there is no room for it.
        """

        def commit(effort: int) -> Gone | None:
            with self._transaction() as cursor:
                gone = self._make_room(cursor, effort)
                cursor.execute("INSERT OR IGNORE INTO signal_set VALUES (?, ?)", (set_id, json.dumps(announced)))
            return gone

        self._making_room(commit)

    def sets(self) -> dict[str, list[list[str | int]]]:
        """All signal sets that records may refer to."""
        return {row[0]: json.loads(row[1]) for row in self._connection.execute("SELECT * FROM signal_set")}

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
