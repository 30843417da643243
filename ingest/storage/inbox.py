"""One transaction for many messages: inbox, what is held, dead letters, counters. The only writer of those tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingest.importing import Imported
from ingest.sequence import Held
from ingest.storage import campaigns, refusals
from ingest.storage import tables as t
from ingest.storage.database import take_turn
from ingest.storage.many import bound, insert_rows, of_names, write_rows
from ingest.storage.received import Key, held_of, held_of_many, keep_held
from ingest.validate import Accepted, Dead, NeedsSet
from vehicle.batch import EventKind
from vehicle.errors import Reason, WireError
from vehicle.messages import Rejected
from vehicle.signal_set import SignalSet
from vehicle.wire import encode_event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from ingest.quarantine import Quarantine

LOOK_BACK = 1000
"""Among so many messages of a foreign device the same content is looked for (our choice)."""
SEEN_EVERY = timedelta(seconds=5)
MAX_SET_TRIES = 5
"""A batch whose set is still unknown when it comes for the fifth time is set apart (our choice)."""

_COUNT = (
    "INSERT INTO counters (device_id, name, count) {rows} "
    "ON CONFLICT (device_id, name) DO UPDATE SET count = counters.count + excluded.count"
)
_ANCHORS = "SELECT device_id, boot_id, offset_ms FROM anchors WHERE device_id IN {names}"
_SEEN = "UPDATE devices SET seen_at = {value} WHERE (seen_at IS NULL OR seen_at < {value}) AND id IN {names}"
_COLUMNS = (
    "device_id", "vehicle_id", "epoch", "sequence", "lane", "content", "first_ms", "last_ms", "shift_ms",
    "suspect_time", "signal_set_id", "digest", "payload",
)  # fmt: skip
_DIGEST_AT = _COLUMNS.index("digest")
_Row = tuple[Any, ...]


@dataclass(slots=True)
class Outcome:
    """What a transaction did, by device and epoch: what is held now, what was refused, which sets are asked for."""

    held: dict[Key, Held] = field(default_factory=dict)
    rejected: dict[Key, list[Rejected]] = field(default_factory=dict)
    need_sets: dict[Key, set[str]] = field(default_factory=dict)


def store(
    connection: sa.Connection,
    verdicts: Sequence[Accepted | Imported | Dead | NeedsSet],
    *,
    now: datetime,
    tries: Mapping[tuple[str, int, int], int],
    quarantine: Quarantine,
    kept: Collection[str] = (),
) -> Outcome:
    """Stores what was judged.

    ``tries`` says how often a batch has come without its set being known, ``kept`` which sets are in the database.
    """
    take_turn(connection)
    work = _Storing(connection, now, quarantine, held_of_many(connection, _keys(verdicts)))
    for verdict in verdicts:
        if isinstance(verdict, Accepted):
            work.accept(verdict)
        elif isinstance(verdict, Imported):
            work.take_in(verdict)
        elif isinstance(verdict, Dead):
            work.bury(verdict)
        elif tries.get((verdict.device_id, verdict.epoch, verdict.sequence), 0) < MAX_SET_TRIES:
            work.ask(verdict)
        else:
            work.bury(refusals.without_set(verdict))
    work.write(kept)
    return work.outcome


def _keys(verdicts: Iterable[Accepted | Imported | Dead | NeedsSet]) -> set[Key]:
    return {(one.device_id, one.epoch) for one in verdicts if one.device_id is not None and one.epoch is not None}


def store_late(connection: sa.Connection, verdict: Accepted, *, now: datetime) -> None:
    """Stores a message whose sequence was counted as handled when it went to dead letters."""
    take_turn(connection)
    store_rows(connection, [verdict], now)
    if _is_capture(verdict):
        campaigns.store_part(connection, verdict, now)
    if verdict.signal_set is not None:
        keep_sets(connection, [verdict.signal_set])
    held = held_of(connection, verdict.device_id, verdict.epoch).add([verdict.sequence])
    keep_held(connection, {(verdict.device_id, verdict.epoch): held})
    add_counts(connection, {(verdict.device_id, name): count for name, count in verdict.counts.items()})


class _Storing:
    """One transaction in the making: what is held is read once a device, what is to be written is gathered."""

    def __init__(
        self, connection: sa.Connection, now: datetime, quarantine: Quarantine, held: Mapping[Key, Held]
    ) -> None:
        self._connection, self._now, self._quarantine, self._before = connection, now, quarantine, held
        self._rows: dict[tuple[str, int, int], _Row] = {}
        self._letters: list[dict[str, Any]] = []
        self._sets: dict[str, SignalSet] = {}
        self._captures: list[Accepted] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._numbered: dict[Key, Held] = {}
        self._contents: dict[tuple[str, bytes], int] = {}
        self.outcome = Outcome()

    def accept(self, verdict: Accepted) -> None:
        """A readable message: new, a duplicate, or in conflict with what is held."""
        key, identity = (verdict.device_id, verdict.epoch), (verdict.device_id, verdict.epoch, verdict.sequence)
        held = self._held(key)
        if verdict.sequence in held:
            earlier = self._digest(identity)
            if earlier is None or earlier == verdict.digest:
                self._counts[verdict.device_id, "duplicate"] += 1
            else:
                self._refuse(refusals.conflict(verdict))
            return
        self.outcome.held[key] = held.with_one(verdict.sequence)
        self._rows[identity] = _row(verdict)
        if _is_capture(verdict):
            self._captures.append(verdict)
        if verdict.signal_set is not None:
            self._sets[verdict.signal_set.id] = verdict.signal_set
        for name, count in verdict.counts.items():
            self._counts[verdict.device_id, name] += count
        if verdict.event is not None and verdict.event.kind == EventKind.UNREADABLE:
            self._keep_letter(refusals.unreadable(verdict))

    def take_in(self, verdict: Imported) -> None:
        """What a foreign device sent: numbered, unless the same came lately; nobody waits for an acknowledgement."""
        accepted, key = verdict.accepted, (verdict.device_id, verdict.epoch)
        held = self._numbered.get(key) or self._before.get(key, Held())
        if self._came_lately(verdict, held.upto):
            self._counts[verdict.device_id, "duplicate"] += 1
            return
        try:
            row = _row(verdict.numbered(held.upto + 1))
        except WireError as error:
            self._keep_letter(verdict.refused(error.reason, error.why))
            return
        self._numbered[key] = held.add([held.upto + 1])
        self._rows[(*key, held.upto + 1)] = row
        self._contents[verdict.device_id, accepted.digest] = accepted.first_ms
        if accepted.signal_set is not None:
            self._sets[accepted.signal_set.id] = accepted.signal_set
        for name, count in accepted.counts.items():
            self._counts[verdict.device_id, name] += count

    def _came_lately(self, verdict: Imported, upto: int) -> bool:
        """Whether equal content is among the last that came of the device, here or in the inbox."""
        digest, begin, c = verdict.accepted.digest, 0, t.inbox.c
        if verdict.repeated_within_ms is not None:
            begin = verdict.accepted.first_ms - verdict.repeated_within_ms
        if self._contents.get((verdict.device_id, digest), -1) >= begin:
            return True
        mine = (c.device_id == verdict.device_id, c.epoch == verdict.epoch, c.sequence > upto - LOOK_BACK)
        same = (c.digest == digest, c.first_ms >= begin)
        return self._connection.execute(sa.select(c.id).where(*mine, *same)).first() is not None

    def bury(self, dead: Dead) -> None:
        """A message that cannot be taken; one that was set apart before is not set apart again."""
        if dead.device_id is None or dead.epoch is None or dead.sequence is None:
            self._keep_letter(dead)
            return
        identity = (dead.device_id, dead.epoch, dead.sequence)
        if dead.reason is Reason.UNKNOWN_DEVICE:
            self._keep_letter(dead)
        elif dead.sequence in self._held(identity[:2]) and self._digest(identity) is None:
            self._counts[dead.device_id, "duplicate"] += 1
            self._tell(*identity, dead.reason)
        else:
            self._refuse(dead)

    def ask(self, verdict: NeedsSet) -> None:
        """A batch whose signal set is unknown: not held, and the device is asked for the set."""
        key = (verdict.device_id, verdict.epoch)
        self._held(key)
        self.outcome.need_sets.setdefault(key, set()).add(verdict.signal_set_id)

    def write(self, kept: Collection[str]) -> None:
        """Writes all of it, of signal sets those that are not ``kept`` already."""
        _insert(self._connection, list(self._rows.values()), self._now)
        for verdict in self._captures:
            campaigns.store_part(self._connection, verdict, self._now)
        if self._letters:
            self._connection.execute(t.dead_letters.insert(), self._letters)
        keep_sets(self._connection, [one for name, one in self._sets.items() if name not in kept])
        settled = {**self.outcome.held, **self._numbered}
        changed = {key: held for key, held in settled.items() if held != self._before.get(key)}
        keep_held(self._connection, changed)
        add_counts(self._connection, self._counts)

    def _refuse(self, dead: Dead) -> None:
        self._keep_letter(dead)
        if dead.device_id is not None and dead.epoch is not None and dead.sequence is not None:
            key = (dead.device_id, dead.epoch)
            self.outcome.held[key] = self._held(key).add([dead.sequence])
            self._tell(dead.device_id, dead.epoch, dead.sequence, dead.reason)

    def _tell(self, device_id: str, epoch: int, sequence: int, reason: Reason) -> None:
        rejected = Rejected(sequence=sequence, reason=reason)
        self.outcome.rejected.setdefault((device_id, epoch), []).append(rejected)

    def _keep_letter(self, dead: Dead) -> None:
        self._counts[dead.device_id or "", f"dead:{dead.reason}"] += 1
        if dead.reason is not Reason.SOURCE:  # what the agent reports is bounded by the agent
            kept = self._quarantine.count(dead.device_id, int(self._now.timestamp() * 1000)) - self._quarantine.most
            if kept > 0:
                self._counts[dead.device_id or "", "dead_not_kept"] += 1
                if kept == 1:
                    self._letters.append(refusals.letter(refusals.too_many(dead, self._quarantine.most), self._now))
                return
        self._letters.append(refusals.letter(dead, self._now))

    def _held(self, key: Key) -> Held:
        if key not in self.outcome.held:
            self.outcome.held[key] = self._before.get(key, Held())
        return self.outcome.held[key]

    def _digest(self, identity: tuple[str, int, int]) -> bytes | None:
        row = self._rows.get(identity)
        return digest_of(self._connection, identity) if row is None else row[_DIGEST_AT]


def _row(verdict: Accepted) -> _Row:
    """The columns :data:`_COLUMNS` of a message."""
    return (
        verdict.device_id,
        verdict.vehicle_id,
        verdict.epoch,
        verdict.sequence,
        int(verdict.lane),
        int(verdict.content),
        verdict.first_ms,
        verdict.last_ms,
        verdict.placement.shift_ms,
        verdict.placement.suspect,
        verdict.signal_set.id if verdict.signal_set is not None else None,
        verdict.digest,
        _stub(verdict) if _is_capture(verdict) else verdict.payload,
    )


def store_rows(connection: sa.Connection, verdicts: Iterable[Accepted], now: datetime) -> None:
    """Adds messages to the inbox as they are; whoever calls has looked that none of them is held.

    Raises:
        sqlalchemy.exc.DBAPIError: one is, or the database refuses.
    """
    _insert(connection, [_row(verdict) for verdict in verdicts], now)


def _insert(connection: sa.Connection, rows: Sequence[_Row], now: datetime) -> None:
    insert_rows(connection, t.inbox, _COLUMNS, rows, common={"received_at": now})


def _is_capture(verdict: Accepted) -> bool:
    return verdict.event is not None and verdict.event.kind == EventKind.CAMPAIGN


def _stub(verdict: Accepted) -> bytes:
    """An event that says which capture came; what it holds is kept apart, and not for every reader of events."""
    if verdict.event is None:
        return verdict.payload
    data = {name: verdict.event.data[name] for name in ("campaign", "version", "capture", "part", "parts")}
    return encode_event(epoch=verdict.epoch, sequence=verdict.sequence, event=replace(verdict.event, data=data))


def add_counts(connection: sa.Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Adds to the counters, by device id ("" where none is known) and name."""
    rows = [(device, name, count) for (device, name), count in sorted(counts.items())]
    write_rows(connection, _COUNT, ("TEXT", "TEXT", "BIGINT"), rows)


def settle(connection: sa.Connection, device_id: str, epoch: int, first: int) -> Held:
    """What is held of an epoch whose device has nothing before ``first`` any more (0: it has nothing waiting at all).

    What is missing before it was dropped from a full spool and reported as a gap: nobody waits for it.
    """
    take_turn(connection)
    held = held_of(connection, device_id, epoch)
    settled = held.settle(first - 1)
    if settled != held:
        keep_held(connection, {(device_id, epoch): settled})
    return settled


def digest_of(connection: sa.Connection, identity: tuple[str, int, int]) -> bytes | None:
    """Digest of the message that the inbox holds, or held lately, under that identity."""
    c = t.inbox.c
    mine = (c.device_id == identity[0], c.epoch == identity[1], c.sequence == identity[2])
    found: bytes | None = connection.execute(sa.select(c.digest).where(*mine)).scalar()
    return found


def known_sets(connection: sa.Connection) -> dict[str, SignalSet]:
    """All signal sets that were ever announced."""
    return {row.id: SignalSet.from_announced(row.entries) for row in connection.execute(sa.select(t.signal_sets))}


def keep_sets(connection: sa.Connection, sets: Iterable[SignalSet]) -> None:
    """Keeps announced signal sets; those that are known already change nothing."""
    new = {found.id: found for found in sets}
    known = set(connection.execute(sa.select(t.signal_sets.c.id)).scalars()) if new else set()
    for set_id, found in new.items():
        if set_id not in known:
            connection.execute(t.signal_sets.insert().values(id=set_id, entries=found.announced()))


def known_anchors(connection: sa.Connection, device_ids: Collection[str] | None = None) -> dict[Key, int]:
    """Offset from boot clock to UTC, in milliseconds, by device and boot; of these devices, or of all."""
    if device_ids is None:
        rows = list(connection.execute(sa.select(t.anchors.c.device_id, t.anchors.c.boot_id, t.anchors.c.offset_ms)))
    else:
        rows = list(of_names(connection, _ANCHORS, device_ids))
    return {(device, boot): offset_ms for device, boot, offset_ms in rows}


def keep_anchor(connection: sa.Connection, device_id: str, boot_id: int, offset_ms: int) -> None:
    """Keeps a boot's first anchor; later ones of the same boot differ by travel time only."""
    c = t.anchors.c
    mine = (c.device_id == device_id, c.boot_id == boot_id)
    if connection.execute(sa.select(c.offset_ms).where(*mine)).first() is None:
        connection.execute(t.anchors.insert().values(device_id=device_id, boot_id=boot_id, offset_ms=offset_ms))


def set_presence(connection: sa.Connection, device_id: str, *, online: bool, now: datetime) -> None:
    """Notes that a device came or went."""
    values: dict[str, Any] = {"online": online} | ({"seen_at": now} if online else {})
    connection.execute(t.devices.update().where(t.devices.c.id == device_id).values(values))


def note_listen_only(connection: sa.Connection, device_id: str, *, listen_only: bool) -> None:
    """Notes whether a device sends nothing to its car; that stays so until it says otherwise, also while it is away."""
    c = t.devices.c
    changed = t.devices.update().where(c.id == device_id, c.listen_only != listen_only)
    connection.execute(changed.values(listen_only=listen_only))


def forget_presence(connection: sa.Connection) -> None:
    """Notes that no device is known to be there, until it says so again."""
    connection.execute(t.devices.update().where(t.devices.c.online).values(online=False))


def note_seen(connection: sa.Connection, device_ids: Collection[str], now: datetime) -> None:
    """Notes that devices have sent something, to the precision of :data:`SEEN_EVERY`."""
    moments = [bound(connection, t.devices.c.seen_at, moment) for moment in (now, now - SEEN_EVERY)]
    of_names(connection, _SEEN, device_ids, *moments)
