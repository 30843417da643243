"""Whether a vehicle's position may be collected: its owner says so, and nobody else. A new owner starts with no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import audit
from api.campaigns import deployment
from api.errors import NotAllowedError
from api.tables import position_consents
from api.vehicles import repository

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from api.auth.scope import Scope


def allowed(connection: sa.Connection, scope: Scope) -> set[str]:
    """Of the vehicles that a person sees, those whose owner allows it."""
    return deployment.with_positions(connection) & {
        one.id for one in repository.list_vehicles(connection, scope, limit=None)
    }


def allow(connection: sa.Connection, scope: Scope, vehicle_id: str, now: datetime, *, yes: bool) -> None:
    """Notes what the owner says; the vehicle's devices are told within seconds.

    Raises:
        NotFoundError: not this person's vehicle.
        NotAllowedError: somebody else than its owner.
    """
    found = repository.vehicle(connection, scope, vehicle_id)
    if found.owner_id != scope.user_id:
        raise NotAllowedError(scope.role)
    connection.execute(position_consents.delete().where(position_consents.c.vehicle_id == vehicle_id))
    if yes:
        row = {"vehicle_id": vehicle_id, "owner_id": scope.user_id, "given_at": now}
        connection.execute(position_consents.insert().values(row))
    audit.record(connection, who=scope.name, action="allow_positions", what=vehicle_id, now=now, allowed=yes)
    deployment.note_change(connection)
