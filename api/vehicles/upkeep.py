"""Maintenance by the booklet for people: what comes due when, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from api import audit
from api.errors import InvalidRequestError
from api.vehicles import repository
from diagnostics import upkeep
from diagnostics.errors import UnknownRowError
from diagnostics.prognosis.crossing import FAR_DAYS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from api.auth.scope import Scope
    from diagnostics.suggestions.schedule import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A job with its dates: when it was done, and between which days it is due with 90 %."""

    due: Due
    done_at: datetime | None
    due_at: datetime | None
    due_from: datetime | None
    due_until: datetime | None


def upkeep_of(connection: sa.Connection, scope: Scope, vehicle_id: str) -> list[Dated]:
    """The booklet's jobs of a vehicle, what is due first first.

    Raises:
        NotFoundError: not this person's vehicle.
    """
    repository.vehicle(connection, scope, vehicle_id)
    return [_dated(one) for one in upkeep.upkeep_of(connection, vehicle_id)]


def note_done(
    connection: sa.Connection, scope: Scope, vehicle_id: str, *, item: str, at: datetime, now: datetime
) -> None:
    """Keeps that a job was done; it is counted anew from then.

    Raises:
        NotFoundError: not this person's vehicle.
        InvalidRequestError: no such job, or a time to come.
    """
    repository.vehicle(connection, scope, vehicle_id)
    if at > now:
        raise InvalidRequestError("the time of the job is still to come")
    try:
        upkeep.record_done(connection, vehicle_id, item, at, by=scope.name)
    except UnknownRowError as error:
        raise InvalidRequestError("the booklet has no job {item!r}", item=item) from error
    audit.record(connection, who=scope.name, action="maintain", what=vehicle_id, now=now, item=item)


def _dated(one: Due) -> Dated:
    low, median, high = (_after(one, days) for days in one.left_days or (None, None, None))
    done = None if one.since_ms is None else datetime.fromtimestamp(one.since_ms / 1000.0, UTC)
    return Dated(due=one, done_at=done, due_at=median, due_from=low, due_until=high)


def _after(one: Due, days: float | None) -> datetime | None:
    if days is None or days >= FAR_DAYS:
        return None
    return datetime.fromtimestamp(one.at_ms / 1000.0, UTC) + timedelta(days=days)
