"""Dead letters once more, judged by today's software."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ingest import devices
from ingest.storage import inbox, letters
from ingest.storage.database import reading, transaction
from ingest.validate import Accepted, Knowledge, judge
from vehicle.errors import TopicError
from vehicle.topics import Kind, parse_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import sqlalchemy as sa

_ALL = 1_000_000


def replay(engine: sa.Engine, numbers: Sequence[int] | None, *, now: datetime) -> Iterator[tuple[int, str]]:
    """Tries letters again, each in a transaction of its own; yields number and what became of it."""
    with reading(engine) as connection:
        chosen = (
            [letters.letter(connection, number) for number in numbers]
            if numbers is not None
            else letters.list_letters(connection, limit=_ALL)
        )
    for found in reversed(chosen):
        yield found.id, _replay_one(engine, found, now)


def _replay_one(engine: sa.Engine, found: letters.DeadLetter, now: datetime) -> str:
    with transaction(engine) as connection:
        knowledge = Knowledge(
            vehicles=devices.vehicles_of(connection),
            signal_sets=inbox.known_sets(connection),
            anchors=inbox.known_anchors(connection),
        )
        try:
            device_id, kind = parse_topic(found.topic)
        except TopicError as error:
            return f"stays: {error}"
        if kind not in {Kind.TELEMETRY, Kind.EVENT}:
            return f"stays: {kind} messages are not kept"
        now_ms = time.time_ns() // 1_000_000
        verdict = judge(device_id, kind, found.topic, found.payload, knowledge, now_ms)
        if not isinstance(verdict, Accepted):
            return f"stays: {getattr(verdict, 'sentence', 'its signal set is not known')}"
        inbox.store_late(connection, verdict, now=now)
        letters.mark_replayed(connection, found.id, now)
    return "stored"
