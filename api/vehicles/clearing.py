"""Whether trouble codes of a vehicle may be cleared: its owner says so, for a day and for one time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api import audit
from api.auth.scope import Role
from api.errors import ConsentError, NotAllowedError
from api.tables import clearing_consents, vehicles
from api.vehicles import repository
from ingest.storage import commands

if TYPE_CHECKING:
    from datetime import datetime

    from api.auth.scope import Scope

LASTS = timedelta(hours=24)
"""An owner who allows it means the visit at hand (our choice)."""
MAY_CLEAR = frozenset({Role.ADVISOR, Role.MANAGER})
"""People of the shop who stand by the car; an engineer looks from afar, an administrator at no car at all."""


def allowed(connection: sa.Connection, scope: Scope, now: datetime) -> dict[str, datetime]:
    """Of the vehicles that a person sees, those whose present owner allows it, and until when."""
    c = clearing_consents.c
    same = (vehicles.c.id == c.vehicle_id) & (vehicles.c.owner_id == c.owner_id)
    query = sa.select(c.vehicle_id, c.given_at, c.used_by).join(vehicles, same).where(c.given_at > now - LASTS)
    seen = {one.id for one in repository.list_vehicles(connection, scope, limit=None)}
    rows = [row for row in connection.execute(query) if row.vehicle_id in seen]
    return {row.vehicle_id: row.given_at + LASTS for row in rows if not _is_used(connection, row.used_by)}


def _is_used(connection: sa.Connection, command_id: str | None) -> bool:
    """A request that the device refused, for the car moved or its engine ran, was not carried out for certain."""
    before = commands.read_command(connection, command_id) if command_id else None
    return before is not None and before.status != "refused"


def allow(connection: sa.Connection, scope: Scope, vehicle_id: str, now: datetime, *, yes: bool) -> None:
    """Notes what the owner says.

    Raises:
        NotFoundError: not this person's vehicle.
        NotAllowedError: somebody else than its owner.
    """
    if repository.vehicle(connection, scope, vehicle_id).owner_id != scope.user_id:
        raise NotAllowedError(scope.role)
    _forget(connection, vehicle_id)
    if yes:
        row = {"vehicle_id": vehicle_id, "owner_id": scope.user_id, "given_at": now}
        connection.execute(clearing_consents.insert().values(row))
    audit.record(connection, who=scope.name, action="allow_clearing", what=vehicle_id, now=now, allowed=yes)


def word(connection: sa.Connection, scope: Scope, vehicle_id: str, now: datetime) -> dict[str, str]:
    """What the device is told of who asks and when the owner allowed it.

    Raises:
        NotAllowedError: a role that does not stand by the car.
        ConsentError: the owner has not allowed it, or too long ago.
    """
    if scope.role not in MAY_CLEAR:
        raise NotAllowedError(scope.role)
    until = allowed(connection, scope, now).get(vehicle_id)
    if until is None:
        raise ConsentError
    return {"advisor": scope.name, "consent": (until - LASTS).isoformat(timespec="seconds")}


def use(connection: sa.Connection, vehicle_id: str, command_id: str) -> None:
    """Notes for which request the owner's word was used; a second one needs another word, unless it is refused."""
    mine = clearing_consents.update().where(clearing_consents.c.vehicle_id == vehicle_id)
    connection.execute(mine.values(used_by=command_id))


def _forget(connection: sa.Connection, vehicle_id: str) -> None:
    connection.execute(clearing_consents.delete().where(clearing_consents.c.vehicle_id == vehicle_id))
