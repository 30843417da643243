"""Enrolling, listing and revoking devices, and which vehicle each is installed in."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

from ingest.errors import DeviceNameError, UnknownDeviceError
from ingest.passwords import hash_password
from ingest.storage.many import of_names
from ingest.storage.tables import counters, devices, installations

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VEHICLES = (
    "SELECT devices.id, installations.vehicle_id "
    "FROM devices JOIN installations ON installations.device_id = devices.id "
    "WHERE devices.revoked_at IS NULL AND installations.installed_until IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A dongle, and the vehicle that it is installed in now."""

    id: str
    name: str
    vehicle_id: str
    created_at: datetime
    revoked_at: datetime | None
    online: bool
    seen_at: datetime | None
    listen_only: bool
    """Whether it sends nothing to the car, as it last said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a new device needs to sign in; the password is shown once and stored only as a hash."""

    device_id: str
    password: str
    vehicle_id: str


def enrol(connection: sa.Connection, *, name: str, now: datetime, vehicle_id: str | None = None) -> Credentials:
    """Enrols a device and installs it in ``vehicle_id``, or in a new vehicle.

    Raises:
        DeviceNameError: the name is not one, or is taken.
    """
    if not NAME.fullmatch(name):
        raise DeviceNameError(name, "must be 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit")
    if connection.execute(sa.select(devices.c.id).where(devices.c.name == name)).first():
        raise DeviceNameError(name, "is taken; choose another, or revoke that device and choose another")
    made = Credentials(device_id=uuid4().hex, password=secrets.token_urlsafe(32), vehicle_id=vehicle_id or uuid4().hex)
    row = {"id": made.device_id, "name": name, "password_hash": hash_password(made.password), "created_at": now}
    connection.execute(devices.insert().values(row))
    place = {"device_id": made.device_id, "vehicle_id": made.vehicle_id, "installed_from": now}
    connection.execute(installations.insert().values(place))
    return made


def list_devices(connection: sa.Connection) -> list[Device]:
    """All devices, oldest first."""
    query = (
        sa.select(devices, installations.c.vehicle_id)
        .join(installations, installations.c.device_id == devices.c.id)
        .where(installations.c.installed_until.is_(None))
        .order_by(devices.c.created_at, devices.c.name)
    )
    return [_device(row) for row in connection.execute(query)]


def find(connection: sa.Connection, name: str) -> Device:
    """The device with that name or id.

    Raises:
        UnknownDeviceError: there is none; names the nearest.
    """
    everyone = list_devices(connection)
    for device in everyone:
        if name in (device.name, device.id):
            return device
    raise UnknownDeviceError(name, [device.name for device in everyone])


def revoke(connection: sa.Connection, *, name: str, now: datetime) -> Device:
    """Takes a device's right to connect; what it sent stays.

    Raises:
        UnknownDeviceError: there is none of that name.
    """
    device = find(connection, name)
    unrevoked = devices.update().where(devices.c.id == device.id, devices.c.revoked_at.is_(None))
    connection.execute(unrevoked.values(revoked_at=now))
    return find(connection, name)


def vehicles_of(connection: sa.Connection, device_ids: Collection[str] | None = None) -> dict[str, str]:
    """Vehicle id by id of each device that is not revoked; of these devices, or of all."""
    if device_ids is None:
        rows = connection.execute(sa.text(_VEHICLES))
    else:
        rows = of_names(connection, f"{_VEHICLES} AND devices.id IN {{names}}", device_ids)
    return {device: vehicle for device, vehicle in rows}  # noqa: C416  rows are not pairs to mypy


def devices_of(connection: sa.Connection, vehicle_id: str) -> list[Device]:
    """The devices that are installed in a vehicle now."""
    return [device for device in list_devices(connection) if device.vehicle_id == vehicle_id]


def listening_only(connection: sa.Connection) -> set[str]:
    """The vehicles with a device in use that sends nothing to them."""
    query = (
        sa.select(installations.c.vehicle_id)
        .join(devices, installations.c.device_id == devices.c.id)
        .where(devices.c.listen_only, devices.c.revoked_at.is_(None), installations.c.installed_until.is_(None))
    )
    return set(connection.execute(query).scalars())


def counts_of(connection: sa.Connection, device_id: str) -> dict[str, int]:
    """What was counted for a device, by name: duplicates, values out of range, corrected clocks and the like."""
    c = counters.c
    query = sa.select(c.name, c.count).where(c.device_id == device_id).order_by(c.name)
    return {name: count for name, count in connection.execute(query)}  # noqa: C416  rows are not pairs to mypy


def _device(row: sa.Row[tuple[object, ...]]) -> Device:
    fields = row._mapping  # noqa: SLF001  SQLAlchemy's documented mapping of a row
    return Device(**{name: fields[name] for name in Device.__dataclass_fields__})
