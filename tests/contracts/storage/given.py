"""Messages, and what ingest does with them, for the contract of its storage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest import devices
from ingest.quarantine import Quarantine
from ingest.storage import (
    inbox,
    letters,
)
from ingest.storage.database import reading, transaction
from ingest.validate import Knowledge, judge
from vehicle import wire
from vehicle.batch import Batch, Event, TimeQuality
from vehicle.signal_set import SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from ingest.storage.telemetry import TelemetryStore


NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 24 * 3600 * 1000
SET = SignalSet.of([SPEED, COOLANT_TEMPERATURE])
OTHER_SET = SignalSet.of([ENGINE_SPEED, SPEED])
DEVICE, VEHICLE = "0123456789abcdef", "a-car"


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it happens."""


def telemetry(
    sequence: int, *, rows: int = 3, start_ms: int | None = None, signal_set: SignalSet = SET, first: int = 0
) -> bytes:
    """Rows whose first signal tells which they are."""
    begin = NOW_MS + 10_000 * sequence if start_ms is None else start_ms
    batch = Batch(
        boot_id=1, quality=TimeQuality.RECORDED, monotonic_ms=0, signal_set_id=signal_set.id,
        times_ms=tuple(begin + 1000 * row for row in range(rows)),
        columns=(tuple((first + sequence * 3 + row) % 250 for row in range(rows)), (None,) * rows),
    )  # fmt: skip
    return wire.encode_telemetry(epoch=1, sequence=sequence, lane=wire.Lane.LIVE, batch=batch)


def happening(sequence: int, kind: str, **data: object) -> bytes:
    event = Event(kind=kind, time_ms=NOW_MS, quality=TimeQuality.RECORDED, boot_id=1, monotonic_ms=0, data=data)
    return wire.encode_event(epoch=1, sequence=sequence, event=event)


def receive(
    engine: sa.Engine, *payloads: bytes, device: str = DEVICE, vehicle: str = VEHICLE, kind: Kind = Kind.TELEMETRY,
    now: datetime = NOW, tries: dict[tuple[str, int, int], int] | None = None, quarantine: Quarantine | None = None,
    sets: Sequence[SignalSet] = (SET, OTHER_SET),
) -> inbox.Outcome:  # fmt: skip
    """Judges payloads and stores the verdicts in one transaction, as ingest does."""
    known = {one.id: one for one in sets}
    knowledge = Knowledge(vehicles={device: vehicle}, signal_sets=known if tries is None else {}, anchors={})
    now_ms = int(now.timestamp() * 1000) + 2 * DAY_MS
    verdicts = [judge(device, kind, topic(device, kind), payload, knowledge, now_ms) for payload in payloads]
    with transaction(engine) as connection:
        return inbox.store(connection, verdicts, now=now, tries=tries or {}, quarantine=quarantine or Quarantine())


def counts(engine: sa.Engine, device: str = DEVICE) -> dict[str, int]:
    with reading(engine) as connection:
        return devices.counts_of(connection, device)


def all_letters(engine: sa.Engine) -> list[letters.DeadLetter]:
    with reading(engine) as connection:
        return letters.list_letters(connection, limit=10_000)[::-1]


def speeds(store: TelemetryStore) -> list[float]:
    return store.read(device_id=DEVICE, signals=[SPEED])[SPEED].to_list()


def expected(*sequences: int) -> list[float]:
    return [(sequence * 3 + row) % 250 for sequence in sorted(sequences) for row in range(3)]
