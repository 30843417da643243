"""Dead letters once more, judged by today's software."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest import devices
from ingest.importing import place_of
from ingest.storage import inbox, letters
from ingest.storage.database import reading, transaction
from ingest.validate import Accepted, Dead, Knowledge, NeedsSet, judge
from vehicle.errors import Reason, TopicError
from vehicle.topics import Kind, parse_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from ingest.storage.telemetry import TelemetryStore


FOREIGN = "it is of a foreign device, whose messages have no number and no time of their own"


def replay(
    engine: sa.Engine, store: TelemetryStore, numbers: Sequence[int] | None, *, now: datetime
) -> Iterator[tuple[int, str]]:
    """Tries letters again, oldest first, each in a transaction of its own; yields number and what became of it.

    Raises:
        UnknownLetterError: one of ``numbers`` is not there.
    """
    with reading(engine) as connection:
        chosen = letters.numbers(connection)
        if numbers is not None:
            chosen = [letters.letter(connection, number).id for number in sorted(set(numbers))]
    for number in chosen:
        yield number, _replay_one(engine, store, number, now)


def _replay_one(engine: sa.Engine, store: TelemetryStore, number: int, now: datetime) -> str:
    with reading(engine) as connection:
        found = letters.letter(connection, number)
        knowledge = Knowledge(
            vehicles=devices.vehicles_of(connection),
            signal_sets=inbox.known_sets(connection),
            anchors=inbox.known_anchors(connection),
        )
    verdict = _judge(found, knowledge)
    if isinstance(verdict, str):
        return f"stays: {verdict}"
    place = {"epoch": verdict.epoch, "sequence": verdict.sequence}
    held = store.holds(device_id=verdict.device_id, first_ms=verdict.first_ms, last_ms=verdict.last_ms, **place)
    with transaction(engine) as connection:
        digest = inbox.digest_of(connection, (verdict.device_id, verdict.epoch, verdict.sequence))
        if digest not in (None, verdict.digest):
            return "stays: another message with its identity is held"
        letters.mark_replayed(connection, number, now)
        if held or digest is not None:
            return "is held already"
        inbox.store_late(connection, verdict, now=now)
    return "stored"


def _judge(found: letters.DeadLetter, knowledge: Knowledge) -> Accepted | str:
    if found.reason == Reason.SOURCE:
        return "it is a line that the device could not read, not a message"
    if found.size > len(found.payload):
        return f"only {len(found.payload)} of its {found.size} bytes were kept"
    try:
        device_id, kind = parse_topic(found.topic)
    except TopicError as error:
        return FOREIGN if place_of(found.topic) else str(error)
    if kind not in {Kind.TELEMETRY, Kind.EVENT}:
        return f"{kind} messages are not kept"
    received_ms = int(found.received_at.timestamp() * 1000)
    verdict = judge(device_id, kind, found.topic, found.payload, knowledge, received_ms)
    if isinstance(verdict, NeedsSet):
        return f"its signal set {verdict.signal_set_id} is not known"
    return verdict.sentence if isinstance(verdict, Dead) else verdict
