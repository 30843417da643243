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
    query = sa.select(c.vehicle_id, c.given_at).join(vehicles, same).where(c.given_at > now - LASTS)
    seen = {one.id for one in repository.list_vehicles(connection, scope, limit=None)}
    return {row.vehicle_id: row.given_at + LASTS for row in connection.execute(query) if row.vehicle_id in seen}


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


def use(connection: sa.Connection, scope: Scope, vehicle_id: str, now: datetime) -> dict[str, str]:
    """Uses the owner's word up; what the device is told of who asks and when the owner allowed it.

    Raises:
        NotAllowedError: a role that does not stand by the car.
        ConsentError: the owner has not allowed it, or too long ago.
    """
    if scope.role not in MAY_CLEAR:
        raise NotAllowedError(scope.role)
    until = allowed(connection, scope, now).get(vehicle_id)
    if until is None:
        raise ConsentError
    _forget(connection, vehicle_id)
    return {"advisor": scope.name, "consent": (until - LASTS).isoformat(timespec="seconds")}


def _forget(connection: sa.Connection, vehicle_id: str) -> None:
    connection.execute(clearing_consents.delete().where(clearing_consents.c.vehicle_id == vehicle_id))
