"""Reading events back in the order in which they became durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.storage.tables import inbox
from vehicle import wire

if TYPE_CHECKING:
    from datetime import datetime

    from vehicle.batch import Event

_EVENT = sa.literal(int(wire.Content.EVENT), literal_execute=True)
"""In the statement's text: the indexes of events only are for those who ask for just them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event, where and when it was stored; ``time_ms`` is its time with a wrong clock mended."""

    inbox_id: int
    device_id: str
    vehicle_id: str
    received_at: datetime
    time_ms: int
    event: Event


def events_since(connection: sa.Connection, cursor: int, *, limit: int = 1000) -> list[StoredEvent]:
    """Events with inbox ids above ``cursor``, oldest first."""
    return _read(connection, inbox.c.id > cursor, limit)


def events_of_vehicle(connection: sa.Connection, vehicle_id: str, *, limit: int = 10_000) -> list[StoredEvent]:
    """Events of one vehicle, oldest first."""
    return _read(connection, inbox.c.vehicle_id == vehicle_id, limit)


def events_of_device(connection: sa.Connection, device_id: str, *, limit: int = 10_000) -> list[StoredEvent]:
    """Events of one device, oldest first."""
    return _read(connection, inbox.c.device_id == device_id, limit)


def _read(connection: sa.Connection, which: sa.ColumnElement[bool], limit: int) -> list[StoredEvent]:
    query = sa.select(inbox).where(which, inbox.c.content == _EVENT).order_by(inbox.c.id).limit(limit)
    return [
        StoredEvent(
            inbox_id=row.id,
            device_id=row.device_id,
            vehicle_id=row.vehicle_id,
            received_at=row.received_at,
            time_ms=row.first_ms,
            event=wire.decode_event(wire.decode_envelope(row.payload).body),
        )
        for row in connection.execute(query)
    ]
