"""One transaction for many messages: inbox, what is held, dead letters, counters. The only writer of those tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingest.sequence import Held
from ingest.storage import tables as t
from ingest.validate import Accepted, Dead, NeedsSet
from vehicle.errors import Reason
from vehicle.messages import Rejected
from vehicle.signal_set import SignalSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

Key = tuple[str, int]
MAX_DEAD_BYTES = 256 * 1024
"""Of a larger message only the beginning is kept; no broker of ours lets one through."""
MAX_SET_TRIES = 5
"""A batch whose set is still unknown when it comes for the fifth time is set apart (our choice)."""


@dataclass(slots=True)
class Outcome:
    """What a transaction did, by device and epoch: what is held now, what was refused, which sets are asked for."""

    held: dict[Key, Held] = field(default_factory=dict)
    rejected: dict[Key, list[Rejected]] = field(default_factory=dict)
    need_sets: dict[Key, set[str]] = field(default_factory=dict)


def store(
    connection: sa.Connection,
    verdicts: Sequence[Accepted | Dead | NeedsSet],
    *,
    now: datetime,
    tries: Mapping[tuple[str, int, int], int],
) -> Outcome:
    """Stores what was judged; ``tries`` says how often a batch has come without its set being known."""
    outcome, counts = Outcome(), Counter[tuple[str, str]]()
    rows: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    stored: dict[tuple[str, int, int], bytes] = {}
    for verdict in verdicts:
        if isinstance(verdict, NeedsSet):
            if tries.get((verdict.device_id, verdict.epoch, verdict.sequence), 0) < MAX_SET_TRIES:
                key = (verdict.device_id, verdict.epoch)
                outcome.need_sets.setdefault(key, set()).add(verdict.signal_set_id)
                outcome.held.setdefault(key, held_of(connection, *key))
                continue
            verdict = _without_set(verdict)  # noqa: PLW2901  from here on it is a dead letter
        if isinstance(verdict, Dead):
            letters.append(_letter(verdict, now))
            counts[verdict.device_id or "", f"dead:{verdict.reason}"] += 1
            _reject(connection, outcome, verdict)
            continue
        _accept(connection, verdict, outcome, counts, rows, letters, stored, now)
    _write(connection, outcome, counts, rows, letters)
    return outcome


def store_late(connection: sa.Connection, verdict: Accepted, *, now: datetime) -> None:
    """Stores a message whose sequence was counted as handled when it went to dead letters."""
    if _digest_of(connection, (verdict.device_id, verdict.epoch, verdict.sequence)) is None:
        connection.execute(t.inbox.insert(), [_row(verdict, now)])
    held = held_of(connection, verdict.device_id, verdict.epoch).add([verdict.sequence])
    _keep_held(connection, verdict.device_id, verdict.epoch, held)
    add_counts(connection, {(verdict.device_id, name): count for name, count in verdict.counts.items()})


def _without_set(verdict: NeedsSet) -> Dead:
    sentence = f"signal set {verdict.signal_set_id} was never announced on the device's state topic"
    return Dead(
        device_id=verdict.device_id, topic=verdict.topic, reason=Reason.UNKNOWN_SCHEMA, sentence=sentence,
        payload=verdict.payload, epoch=verdict.epoch, sequence=verdict.sequence,
    )  # fmt: skip


def _reject(connection: sa.Connection, outcome: Outcome, verdict: Dead) -> None:
    if verdict.device_id is None or verdict.epoch is None or verdict.sequence is None:
        return
    if verdict.reason is Reason.UNKNOWN_DEVICE:
        return
    key = (verdict.device_id, verdict.epoch)
    held = outcome.held.get(key) or held_of(connection, *key)
    outcome.held[key] = held.add([verdict.sequence])
    outcome.rejected.setdefault(key, []).append(Rejected(sequence=verdict.sequence, reason=verdict.reason))


def _accept(
    connection: sa.Connection,
    verdict: Accepted,
    outcome: Outcome,
    counts: Counter[tuple[str, str]],
    rows: list[dict[str, Any]],
    letters: list[dict[str, Any]],
    stored: dict[tuple[str, int, int], bytes],
    now: datetime,
) -> None:
    key = (verdict.device_id, verdict.epoch)
    held = outcome.held.get(key) or held_of(connection, *key)
    outcome.held[key] = held
    identity = (verdict.device_id, verdict.epoch, verdict.sequence)
    if verdict.sequence in held:
        earlier = stored.get(identity) or _digest_of(connection, identity)
        if earlier is None or earlier == verdict.digest:
            counts[verdict.device_id, "duplicate"] += 1
        else:
            letters.append(_letter(_conflict(verdict), now))
            counts[verdict.device_id, f"dead:{Reason.CONFLICT}"] += 1
        return
    outcome.held[key] = held.add([verdict.sequence])
    stored[identity] = verdict.digest
    rows.append(_row(verdict, now))
    for name, count in verdict.counts.items():
        counts[verdict.device_id, name] += count
    if verdict.event is not None and verdict.event.kind == "unreadable":
        letters.append(_letter(_unreadable(verdict), now))
        counts[verdict.device_id, f"dead:{Reason.SOURCE}"] += 1


def _conflict(verdict: Accepted) -> Dead:
    sentence = f"batch {verdict.sequence} of epoch {verdict.epoch} came again with other content; the first is kept"
    return Dead(
        device_id=verdict.device_id, topic="", reason=Reason.CONFLICT, sentence=sentence, payload=verdict.payload
    )


def _unreadable(verdict: Accepted) -> Dead:
    data = verdict.event.data if verdict.event is not None else {}
    sentence = f"{data.get('source', 'a source')}, {data.get('place', 'somewhere')}: {data.get('reason', 'unreadable')}"
    payload = str(data.get("text", "")).encode()
    return Dead(device_id=verdict.device_id, topic="", reason=Reason.SOURCE, sentence=sentence, payload=payload)


def _row(verdict: Accepted, now: datetime) -> dict[str, Any]:
    return {
        "device_id": verdict.device_id,
        "vehicle_id": verdict.vehicle_id,
        "epoch": verdict.epoch,
        "sequence": verdict.sequence,
        "lane": int(verdict.lane),
        "content": int(verdict.content),
        "received_at": now,
        "first_ms": verdict.first_ms,
        "last_ms": verdict.last_ms,
        "shift_ms": verdict.placement.shift_ms,
        "suspect_time": verdict.placement.suspect,
        "signal_set_id": verdict.signal_set.id if verdict.signal_set is not None else None,
        "digest": verdict.digest,
        "payload": verdict.payload,
        "in_history": False,
    }


def _letter(dead: Dead, now: datetime) -> dict[str, Any]:
    return {
        "device_id": dead.device_id,
        "topic": dead.topic,
        "reason": str(dead.reason),
        "sentence": dead.sentence,
        "received_at": now,
        "size": len(dead.payload),
        "payload": dead.payload[:MAX_DEAD_BYTES],
    }


def _write(
    connection: sa.Connection,
    outcome: Outcome,
    counts: Mapping[tuple[str, str], int],
    rows: Sequence[Mapping[str, Any]],
    letters: Sequence[Mapping[str, Any]],
) -> None:
    if rows:
        connection.execute(t.inbox.insert(), rows)
    if letters:
        connection.execute(t.dead_letters.insert(), letters)
    for (device_id, epoch), held in outcome.held.items():
        _keep_held(connection, device_id, epoch, held)
    add_counts(connection, counts)


def add_counts(connection: sa.Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Adds to the counters, by device id ("" where none is known) and name."""
    c = t.counters.c
    for (device_id, name), count in counts.items():
        mine = (c.device_id == device_id, c.name == name)
        added = connection.execute(t.counters.update().where(*mine).values(count=c.count + count))
        if added.rowcount == 0:
            connection.execute(t.counters.insert().values(device_id=device_id, name=name, count=count))


def held_of(connection: sa.Connection, device_id: str, epoch: int) -> Held:
    """What is held of an epoch of a device."""
    c = t.received.c
    row = connection.execute(sa.select(t.received).where(c.device_id == device_id, c.epoch == epoch)).first()
    return Held() if row is None else Held(row.upto, tuple((first, last) for first, last in row.ranges))


def _keep_held(connection: sa.Connection, device_id: str, epoch: int, held: Held) -> None:
    c = t.received.c
    values = {"upto": held.upto, "ranges": [list(pair) for pair in held.ranges]}
    mine = (c.device_id == device_id, c.epoch == epoch)
    if connection.execute(t.received.update().where(*mine).values(values)).rowcount == 0:
        connection.execute(t.received.insert().values(device_id=device_id, epoch=epoch, **values))


def _digest_of(connection: sa.Connection, identity: tuple[str, int, int]) -> bytes | None:
    c = t.inbox.c
    mine = (c.device_id == identity[0], c.epoch == identity[1], c.sequence == identity[2])
    found: bytes | None = connection.execute(sa.select(c.digest).where(*mine)).scalar()
    return found


def known_sets(connection: sa.Connection) -> dict[str, SignalSet]:
    """All signal sets that were ever announced."""
    return {row.id: SignalSet.from_announced(row.entries) for row in connection.execute(sa.select(t.signal_sets))}


def keep_sets(connection: sa.Connection, sets: Iterable[SignalSet]) -> None:
    """Keeps announced signal sets; those that are known already change nothing."""
    known = set(connection.execute(sa.select(t.signal_sets.c.id)).scalars())
    new = {found.id: found for found in sets if found.id not in known}
    for set_id, found in new.items():
        connection.execute(t.signal_sets.insert().values(id=set_id, entries=found.announced()))


def known_anchors(connection: sa.Connection) -> dict[Key, int]:
    """Offset from boot clock to UTC, in milliseconds, by device and boot."""
    return {(row.device_id, row.boot_id): row.offset_ms for row in connection.execute(sa.select(t.anchors))}


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
