"""People from the command line or the demo: adding them with their vehicles, their passwords, and their end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api import audit
from api.auth import service as auth
from api.auth.scope import STAFF, Role, Scope
from api.dealers import repository as dealers
from api.errors import InvalidRequestError
from api.first_start import prepare
from api.reminders import channels
from api.vehicles import repository as vehicles
from api.vehicles import service
from ingest import devices
from ingest.storage.database import transaction

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from api.settings import ApiSettings

_SYSTEM = Scope(user_id="", name="command line", role=Role.ADMIN, dealer_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A person to be added; ``devices`` names those in an owner's vehicles."""

    name: str
    role: str
    password: str
    dealer: str | None = None
    language: str = "en"
    devices: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)


def add(engine: sa.Engine, settings: ApiSettings, newcomer: Newcomer, *, now: datetime) -> str:
    """Adds a person in one transaction; their id.

    Raises:
        InvalidRequestError, DuplicateNameError, NameOfDisabledError: what does not fit, or a vehicle for somebody who
            is no owner.
        IngestError: a device that does not exist.
    """
    first_dealer = prepare(settings, engine)
    if newcomer.role not in tuple(Role):
        raise InvalidRequestError("role {role!r} is not one of {known}", role=newcomer.role, known=", ".join(Role))
    role = Role(newcomer.role)
    channels.check(newcomer.channels)
    with transaction(engine) as connection:
        dealer_id = dealers.find(connection, newcomer.dealer).id if newcomer.dealer else first_dealer
        user_id = auth.create_user(
            connection, name=newcomer.name, role=role, password=newcomer.password, now=now,
            dealer_id=dealer_id if role in STAFF else None, language=newcomer.language, channels=newcomer.channels,
        )  # fmt: skip
        for name in newcomer.devices:
            _give(connection, devices.find(connection, name), user_id, dealer_id, now)
    return user_id


def disable(engine: sa.Engine, settings: ApiSettings, name: str, *, now: datetime) -> None:
    """Keeps a person from signing in, at once.

    Raises:
        NotFoundError: there is nobody of that name.
    """
    prepare(settings, engine)
    with transaction(engine) as connection:
        auth.disable(connection, name, now=now)
        audit.record(connection, who=_SYSTEM.name, action="disable_person", what=name.strip().lower(), now=now)


def change_password(engine: sa.Engine, settings: ApiSettings, name: str, password: str, *, now: datetime) -> None:
    """Gives a person another password.

    Raises:
        NotFoundError: there is nobody of that name.
        InvalidRequestError: a short password, or a person who is disabled.
    """
    prepare(settings, engine)
    with transaction(engine) as connection:
        auth.change_password(connection, name, password)
        audit.record(connection, who=_SYSTEM.name, action="change_password", what=name.strip().lower(), now=now)


def _give(connection: sa.Connection, device: devices.Device, owner_id: str, dealer_id: str, now: datetime) -> None:
    if device.vehicle_id in vehicles.known_ids(connection):
        service.change(connection, _SYSTEM, device.vehicle_id, {"owner_id": owner_id}, now)
        return
    service.register(
        connection, vehicle_id=device.vehicle_id, dealer_id=dealer_id, now=now, owner_id=owner_id, model=device.name
    )
