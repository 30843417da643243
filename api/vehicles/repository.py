"""All SQL about vehicles; every query is narrowed by a scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from api.errors import NotFoundError
from api.tables import users, vehicle_tags, vehicles

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from api.auth.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A car in the care of a dealer; what is not known yet is None."""

    id: str
    dealer_id: str
    owner_id: str | None
    owner_name: str | None
    vin: str | None
    plate: str | None
    model: str | None
    created_at: datetime

    @property
    def label(self) -> str:
        """How people call it: plate, else model, else the end of its id."""
        return self.plate or self.model or f"#{self.id[-6:]}"


def _select(scope: Scope) -> sa.Select[tuple[Any, ...]]:
    joined = vehicles.outerjoin(users, users.c.id == vehicles.c.owner_id)
    return sa.select(vehicles, users.c.name.label("owner_name")).select_from(joined).where(scope.visible())


def vehicle(connection: sa.Connection, scope: Scope, vehicle_id: str) -> Vehicle:
    """The vehicle of that id.

    Raises:
        NotFoundError: there is none that the person may see.
    """
    row = connection.execute(_select(scope).where(vehicles.c.id == vehicle_id)).mappings().first()
    if row is None:
        raise NotFoundError("vehicle", vehicle_id)
    return Vehicle(**row)


def list_vehicles(
    connection: sa.Connection, scope: Scope, *, after: tuple[datetime, str] | None = None, limit: int | None = 1000
) -> list[Vehicle]:
    """Vehicles that the person may see, oldest first; all of them where ``limit`` is None."""
    c = vehicles.c
    query = _select(scope).order_by(c.created_at, c.id).limit(limit)
    if after is not None:
        at, last_id = after
        query = query.where(sa.or_(c.created_at > at, sa.and_(c.created_at == at, c.id > last_id)))
    return [Vehicle(**row) for row in connection.execute(query).mappings()]


def visible_ids(scope: Scope, vehicle_id: str | None = None) -> sa.Select[tuple[str]]:
    """A query for the ids of the vehicles that the person may see, or for the one that is named, if they may."""
    query = sa.select(vehicles.c.id).where(scope.visible())
    return query if vehicle_id is None else query.where(vehicles.c.id == vehicle_id)


def known_ids(connection: sa.Connection) -> set[str]:
    """Ids of all vehicles; for the worker that takes in new ones, not for people."""
    return set(connection.execute(sa.select(vehicles.c.id)).scalars())


def insert(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Adds a vehicle."""
    connection.execute(vehicles.insert().values(dict(values)))


def change(connection: sa.Connection, scope: Scope, vehicle_id: str, values: Mapping[str, Any]) -> None:
    """Changes a vehicle that the person may see."""
    mine = (vehicles.c.id == vehicle_id, scope.visible())
    if values and connection.execute(vehicles.update().where(*mine).values(dict(values))).rowcount == 0:
        raise NotFoundError("vehicle", vehicle_id)


def note_vin(connection: sa.Connection, vehicle_id: str, vin: str) -> None:
    """Keeps the VIN that a car told, where none is known; for the worker."""
    mine = (vehicles.c.id == vehicle_id, vehicles.c.vin.is_(None))
    connection.execute(vehicles.update().where(*mine).values(vin=vin))


def keeper(connection: sa.Connection, vehicle_id: str) -> tuple[str, str | None] | None:
    """Dealer and owner of a vehicle; for workers, not for people."""
    query = sa.select(vehicles.c.dealer_id, vehicles.c.owner_id).where(vehicles.c.id == vehicle_id)
    row = connection.execute(query).first()
    return None if row is None else (row.dealer_id, row.owner_id)


def tags_of(connection: sa.Connection, vehicle_id: str) -> list[str]:
    """The tags of a vehicle."""
    query = sa.select(vehicle_tags.c.tag).where(vehicle_tags.c.vehicle_id == vehicle_id)
    return sorted(connection.execute(query).scalars())


def known_tags(connection: sa.Connection, scope: Scope) -> list[str]:
    """All tags of vehicles that the person may see."""
    query = sa.select(vehicle_tags.c.tag).where(vehicle_tags.c.vehicle_id.in_(visible_ids(scope))).distinct()
    return sorted(connection.execute(query).scalars())


def set_tags(connection: sa.Connection, vehicle_id: str, tags: Collection[str]) -> None:
    """Gives a vehicle these tags and no others."""
    connection.execute(vehicle_tags.delete().where(vehicle_tags.c.vehicle_id == vehicle_id))
    if tags:
        connection.execute(vehicle_tags.insert(), [{"vehicle_id": vehicle_id, "tag": tag} for tag in sorted(set(tags))])
