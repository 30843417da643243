"""All SQL about campaigns; people's queries are narrowed by a scope."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from api.auth.scope import STAFF, Role
from api.errors import NotFoundError
from api.tables import campaign_versions, campaigns, vehicle_tags, vehicles
from api.vehicles.repository import vehicle, visible_ids
from ingest.storage.campaigns import captures_where
from ingest.storage.tables import captures
from vehicle.campaign import Campaign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from api.auth.scope import Scope
    from ingest.storage.campaigns import Captured

RECORDING = "record-"
"""What the id of a capture's campaign begins with where there was none, but a request to record; then the request's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The vehicles of a campaign: those that are named, and those of the models, and those with the tags."""

    vehicles: Sequence[str] = ()
    models: Sequence[str] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A campaign as it stands: ``definition`` is that of :class:`vehicle.campaign.Campaign`, without identity."""

    id: str
    dealer_id: str | None
    version: int
    name: str
    definition: Mapping[str, Any]
    target: Target
    until_at: datetime
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    revoked_at: datetime | None

    @property
    def campaign(self) -> Campaign:
        """What devices are told."""
        until_ms = int(self.until_at.timestamp() * 1000)
        return Campaign(id=self.id, version=self.version, name=self.name, until_ms=until_ms, **self.definition)

    def state(self, now: datetime) -> str:
        """Running, over, or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "over" if self.until_at <= now else "running"


def insert(connection: sa.Connection, record: Record) -> None:
    """Adds a campaign with its first version."""
    connection.execute(campaigns.insert().values(_row(record)))
    _keep_version(connection, record)


def renew(connection: sa.Connection, record: Record) -> None:
    """Replaces a campaign by its next version; earlier versions stay on record."""
    connection.execute(campaigns.update().where(campaigns.c.id == record.id).values(_row(record)))
    _keep_version(connection, record)


def revoke(connection: sa.Connection, campaign_id: str, *, by: str, now: datetime) -> bool:
    """Ends a campaign; whether it had not been ended before."""
    mine = campaigns.update().where(campaigns.c.id == campaign_id, campaigns.c.revoked_at.is_(None))
    return connection.execute(mine.values(revoked_at=now, changed_by=by, changed_at=now)).rowcount == 1


def campaign(connection: sa.Connection, scope: Scope, campaign_id: str) -> Record:
    """The campaign of that id.

    Raises:
        NotFoundError: there is none that the person may see.
    """
    query = sa.select(campaigns).where(campaigns.c.id == campaign_id, _visible(scope))
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFoundError("campaign", campaign_id)
    return _record(row)


def list_campaigns(
    connection: sa.Connection, scope: Scope, *, after: tuple[datetime, str] | None = None, limit: int | None = 200
) -> list[Record]:
    """Campaigns that the person may see, the newest first."""
    c = campaigns.c
    query = sa.select(campaigns).where(_visible(scope)).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    if after is not None:
        at, last_id = after
        query = query.where(sa.or_(c.created_at < at, sa.and_(c.created_at == at, c.id < last_id)))
    return [_record(row) for row in connection.execute(query).mappings()]


def running(connection: sa.Connection, now: datetime) -> list[Record]:
    """All campaigns that are to be carried out at ``now``, oldest first; for the worker, not for people."""
    query = sa.select(campaigns).where(campaigns.c.revoked_at.is_(None), campaigns.c.until_at > now)
    return [
        _record(row) for row in connection.execute(query.order_by(campaigns.c.created_at, campaigns.c.id)).mappings()
    ]


def reached(connection: sa.Connection, record: Record) -> set[str]:
    """Ids of the vehicles that a campaign is meant for."""
    target = record.target
    tagged = sa.select(vehicle_tags.c.vehicle_id).where(vehicle_tags.c.tag.in_(target.tags))
    c = vehicles.c
    meant = sa.or_(c.id.in_(target.vehicles), c.model.in_(target.models), c.id.in_(tagged))
    query = sa.select(c.id).where(meant)
    if record.dealer_id is not None:
        query = query.where(c.dealer_id == record.dealer_id)
    return set(connection.execute(query).scalars())


def list_captures(
    connection: sa.Connection,
    scope: Scope,
    campaign_id: str,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int | None = 200,
) -> list[Captured]:
    """What a campaign collected, the newest first; of vehicles that the person may see."""
    campaign(connection, scope, campaign_id)
    c = captures.c
    which = [c.campaign_id == campaign_id, c.vehicle_id.in_(visible_ids(scope))]
    if after is not None:
        at, last_id = after
        which.append(sa.or_(c.triggered_at < at, sa.and_(c.triggered_at == at, c.id < last_id)))
    return captures_where(connection, *which, limit=limit)


def captures_of_vehicle(connection: sa.Connection, scope: Scope, vehicle_id: str) -> list[Captured]:
    """What was collected on a vehicle, the newest first: by campaigns that the person may see, and by requests.

    Raises:
        NotFoundError: not this person's vehicle.
    """
    vehicle(connection, scope, vehicle_id)
    known = sa.select(campaigns.c.id).where(_visible(scope))
    c = captures.c
    mine = sa.or_(c.campaign_id.in_(known), c.campaign_id.startswith(RECORDING))
    return captures_where(connection, c.vehicle_id == vehicle_id, mine)


def capture(connection: sa.Connection, scope: Scope, capture_id: str) -> Captured:
    """What one trigger collected.

    Raises:
        NotFoundError: there is none that the person may see.
    """
    known = sa.select(campaigns.c.id).where(_visible(scope))
    c = captures.c
    mine = sa.or_(c.campaign_id.in_(known), c.campaign_id.startswith(RECORDING))
    which = (c.id == capture_id, c.vehicle_id.in_(visible_ids(scope)), mine)
    for found in captures_where(connection, *which):
        return found
    raise NotFoundError("capture", capture_id)


def _visible(scope: Scope) -> sa.ColumnElement[bool]:
    if scope.role is Role.ADMIN:
        return sa.true()
    return campaigns.c.dealer_id == scope.dealer_id if scope.role in STAFF else sa.false()


def _row(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__dataclass_fields__} | {"target": asdict(record.target)}


def _keep_version(connection: sa.Connection, record: Record) -> None:
    names = ("version", "name", "definition", "until_at", "changed_by", "changed_at")
    row = {name: getattr(record, name) for name in names}
    values = row | {"campaign_id": record.id, "target": asdict(record.target)}
    connection.execute(campaign_versions.insert().values(values))


def _record(row: sa.RowMapping) -> Record:
    return Record(**{**row, "target": Target(**row["target"])})
