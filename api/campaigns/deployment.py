"""From campaigns to devices: who is told what. Done by the desk's worker, soon after each change and once a minute.

Once a minute is for what changes without a word: a device that is new, moved or revoked, a model, a tag, an end.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api import revisions, tables
from api.campaigns import repository
from api.tables import position_consents
from ingest.devices import vehicles_of
from ingest.storage import campaigns as stored
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    from datetime import datetime

    from vehicle.campaign import Campaign

CHANGES, DEPLOYED = "campaigns", "campaigns.deployed"


def note_change(connection: sa.Connection) -> None:
    """Says that there is something to tell devices."""
    revisions.reach(connection, CHANGES, revisions.reached(connection, CHANGES) + 1)


def work(engine: sa.Engine, *, now: datetime, thorough: bool) -> int:
    """Brings what devices are told up to date, if anything changed or ``thorough``; how many are told another thing."""
    with reading(engine) as connection:
        change = revisions.reached(connection, CHANGES)
        if change == revisions.reached(connection, DEPLOYED):
            busy = stored.busy_devices(connection) or with_positions(connection)
            idle = not repository.running(connection, now) and not busy
            if idle or not thorough:
                return 0
    with transaction(engine) as connection:
        told = deploy(connection, now=now)
        revisions.reach(connection, DEPLOYED, change)
    return told


def deploy(connection: sa.Connection, *, now: datetime) -> int:
    """Notes for every device what it shall collect at ``now``; for how many that is another thing than before."""
    wanted: dict[str, list[Campaign]] = defaultdict(list)
    devices_in = defaultdict(list)
    for device_id, vehicle_id in vehicles_of(connection).items():
        devices_in[vehicle_id].append(device_id)
    for record in repository.running(connection, now):
        for vehicle_id in repository.reached(connection, record):
            for device_id in devices_in[vehicle_id]:
                wanted[device_id].append(record.campaign)
    located = {device_id for vehicle_id in with_positions(connection) for device_id in devices_in[vehicle_id]}
    everyone = sorted(wanted.keys() | located | stored.busy_devices(connection))
    return sum(
        stored.tell(connection, device_id, wanted.get(device_id, []), positions=device_id in located)
        for device_id in everyone
    )


def with_positions(connection: sa.Connection) -> set[str]:
    """Vehicles whose present owner allows positions to be collected."""
    same = (tables.vehicles.c.id == position_consents.c.vehicle_id) & (
        tables.vehicles.c.owner_id == position_consents.c.owner_id
    )
    query = sa.select(position_consents.c.vehicle_id).join(tables.vehicles, same)
    return set(connection.execute(query).scalars())
