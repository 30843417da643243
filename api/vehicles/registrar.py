"""Takes vehicles of newly enrolled devices into care, and keeps the VINs that cars tell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from api import revisions
from api.vehicles import repository, service
from ingest.storage.database import reading
from ingest.storage.events import events_since
from vehicle.batch import EventKind
from vehicle.errors import VinError
from vehicle.vin import Vin

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

LOG = logging.getLogger(__name__)
CURSOR = "registrar"


def has_news(engine: sa.Engine) -> bool:
    """Whether there is anything to take in; so that idling writes nothing."""
    with reading(engine) as connection:
        return bool(service.unknown_devices(connection)) or bool(
            events_since(connection, revisions.reached(connection, CURSOR), limit=1)
        )


def take_in(connection: sa.Connection, *, dealer_id: str, now: datetime) -> None:
    """Registers unknown vehicles with ``dealer_id`` and notes VINs; once each, by a cursor over the events."""
    for device in service.unknown_devices(connection):
        service.register(connection, vehicle_id=device.vehicle_id, dealer_id=dealer_id, now=now, model=device.name)
    for stored in events_since(connection, revisions.reached(connection, CURSOR)):
        if stored.event.kind == EventKind.VIN:
            _note(connection, stored.vehicle_id, str(stored.event.data.get("vin", "")))
        revisions.reach(connection, CURSOR, stored.inbox_id)


def _note(connection: sa.Connection, vehicle_id: str, text: str) -> None:
    try:
        repository.note_vin(connection, vehicle_id, str(Vin.parse(text)))
    except VinError as error:
        LOG.warning("vehicle %s told a VIN that is none: %s", vehicle_id, error)
