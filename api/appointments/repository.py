"""All SQL about appointments and their slots; queries for people are narrowed by a scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from api.appointments.planner import slots_of
from api.appointments.states import OPEN, State
from api.auth.scope import STAFF
from api.errors import NotFoundError, SlotTakenError
from api.revisions import following
from api.tables import appointments, dealers, reminders, slots, vehicles
from diagnostics.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from api.auth.scope import Scope

WORKER_NAME = "roadworthy"
"""Who stands in the book for what was done without a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A time for a vehicle at a shop; ``alternatives`` are other starts that were offered with it."""

    id: str
    vehicle_id: str
    dealer_id: str
    suggestion_id: str | None
    component: str
    job: str
    severity: str
    state: State
    bay: int
    start: datetime
    minutes: int
    alternatives: tuple[datetime, ...]
    created_at: datetime
    changed_at: datetime
    changed_by: str
    revision: int


_COLUMNS = tuple(Appointment.__dataclass_fields__)


def appointment(connection: sa.Connection, scope: Scope, appointment_id: str) -> Appointment:
    """The appointment of that id.

    Raises:
        NotFoundError: there is none that the person may see.
    """
    row = connection.execute(_select(scope).where(appointments.c.id == appointment_id)).mappings().first()
    if row is None:
        raise NotFoundError("appointment", appointment_id)
    return _appointment(row)


def for_change(connection: sa.Connection, scope: Scope, appointment_id: str) -> Appointment:
    """The same, with its shop's book kept from others (see :func:`take_book`).

    Raises:
        NotFoundError: there is none that the person may see.
    """
    take_book(connection, appointment(connection, scope, appointment_id).dealer_id)
    return appointment(connection, scope, appointment_id)


def take_book(connection: sa.Connection, dealer_id: str) -> None:
    """Keeps a shop's appointments from others until the transaction ends; SQLite has one writer anyway.

    Taken before anything is changed, always first: so of two changes at once the second sees the first's, and no two
    wait for each other.
    """
    connection.execute(sa.select(dealers.c.id).where(dealers.c.id == dealer_id).with_for_update())


def list_appointments(
    connection: sa.Connection,
    scope: Scope,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    states: Iterable[State] | None = None,
    vehicle_id: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int | None = 500,
) -> list[Appointment]:
    """Appointments that the person may see, soonest first; all of them where ``limit`` is None."""
    c = appointments.c
    query = _select(scope).order_by(c.start, c.id).limit(limit)
    if start is not None:
        query = query.where(c.start >= start)
    if end is not None:
        query = query.where(c.start < end)
    if states is not None:
        query = query.where(c.state.in_([str(state) for state in states]))
    if vehicle_id is not None:
        query = query.where(c.vehicle_id == vehicle_id)
    if after is not None:
        at, last_id = after
        query = query.where(sa.or_(c.start > at, sa.and_(c.start == at, c.id > last_id)))
    return [_appointment(row) for row in connection.execute(query).mappings()]


def open_of_suggestion(connection: sa.Connection, suggestion_id: str) -> list[Appointment]:
    """Open appointments that a suggestion led to; for workers, not for people."""
    c = appointments.c
    mine = (c.suggestion_id == suggestion_id, c.state.in_([str(state) for state in OPEN]))
    return [_appointment(row) for row in connection.execute(sa.select(appointments).where(*mine)).mappings()]


def lapsed(connection: sa.Connection, now: datetime) -> list[str]:
    """Ids of proposals whose time is over without an answer; for workers, not for people."""
    c = appointments.c
    query = sa.select(c.id).where(c.state == str(State.PROPOSED), c.start <= now).order_by(c.start)
    return list(connection.execute(query).scalars())


def has_open(connection: sa.Connection, vehicle_id: str, component: str) -> bool:
    """Whether something is proposed or agreed for a component of a vehicle."""
    query = sa.select(appointments.c.id).where(appointments.c.open_key == open_key(vehicle_id, component))
    return connection.execute(query).first() is not None


def was_answered(connection: sa.Connection, suggestion_id: str, severity: Severity, *, most: int) -> bool:
    """Whether people have settled an appointment for a suggestion that was as bad as it is now, or worse.

    Settled: declined, cancelled by them, done, or left without an answer for ``most`` times that were proposed.
    """
    c = appointments.c
    told = (
        sa.select(sa.func.count())
        .where(reminders.c.appointment_id == c.id, reminders.c.kind == "proposed")
        .correlate(appointments)
        .scalar_subquery()
    )
    settled = sa.or_(
        c.state.in_([str(State.DECLINED), str(State.DONE)]),
        sa.and_(c.state == str(State.CANCELLED), c.changed_by != WORKER_NAME),
        sa.and_(c.state == str(State.WITHDRAWN), told >= most),
    )
    query = sa.select(c.severity).where(c.suggestion_id == suggestion_id, settled)
    return any(Severity(found).rank <= severity.rank for found in connection.execute(query).scalars())


def settled(connection: sa.Connection, suggestion_ids: Collection[str]) -> set[str]:
    """Those of the suggestions that an appointment is open for."""
    c = appointments.c
    query = sa.select(c.suggestion_id).where(c.suggestion_id.in_(suggestion_ids), c.open_key.is_not(None))
    return {str(found) for found in connection.execute(query).scalars()}


def long_past(connection: sa.Connection, before: datetime) -> list[str]:
    """Ids of agreed appointments whose time was before; for workers, not for people."""
    c = appointments.c
    query = sa.select(c.id).where(c.state == str(State.ACCEPTED), c.start < before).order_by(c.start)
    return list(connection.execute(query).scalars())


def open_of_vehicle(connection: sa.Connection, vehicle_id: str) -> list[Appointment]:
    """Open appointments of a vehicle, at whichever shop; for workers and for planning, not for people."""
    c = appointments.c
    query = sa.select(appointments).where(c.vehicle_id == vehicle_id, c.open_key.is_not(None))
    return [_appointment(row) for row in connection.execute(query).mappings()]


def open_key(vehicle_id: str, component: str) -> str:
    """Unique while an appointment is open: one for a vehicle and component."""
    return f"{vehicle_id}:{component}"


def insert(connection: sa.Connection, values: Mapping[str, Any]) -> bool:
    """Adds an appointment under the next revision; False where another was opened for the component meanwhile."""
    row = dict(values) | {"revision": following(connection)}
    row["open_key"] = open_key(row["vehicle_id"], row["component"])
    row["alternatives"] = [moment.isoformat() for moment in row["alternatives"]]
    try:
        with connection.begin_nested():
            connection.execute(appointments.insert().values(row))
    except sa.exc.IntegrityError:
        if has_open(connection, row["vehicle_id"], row["component"]):
            return False
        raise
    return True


def change(
    connection: sa.Connection, appointment_id: str, *, state: State, at: datetime, by: str, **values: Any
) -> None:
    """Changes an appointment under the next revision; one that ends gives its open key back."""
    row = {**values, "state": str(state), "changed_at": at, "changed_by": by, "revision": following(connection)}
    if state not in OPEN:
        row["open_key"] = None
    if "alternatives" in row:
        row["alternatives"] = [moment.isoformat() for moment in row["alternatives"]]
    connection.execute(appointments.update().where(appointments.c.id == appointment_id).values(row))


def hold(
    connection: sa.Connection, *, dealer_id: str, bay: int, start: datetime, minutes: int, appointment_id: str
) -> None:
    """Holds the quarter hours of a bay.

    Raises:
        SlotTakenError: one of them is another's; nothing was held.
    """
    rows = [
        {"dealer_id": dealer_id, "bay": bay, "start": slot, "appointment_id": appointment_id}
        for slot in slots_of(start, minutes)
    ]
    try:
        with connection.begin_nested():
            connection.execute(slots.insert(), rows)
    except sa.exc.IntegrityError as error:
        raise SlotTakenError(start) from error


def release(connection: sa.Connection, appointment_id: str) -> None:
    """Gives an appointment's quarter hours back."""
    connection.execute(slots.delete().where(slots.c.appointment_id == appointment_id))


def taken(connection: sa.Connection, dealer_id: str, since: datetime) -> set[tuple[int, datetime]]:
    """Bays and quarter hours that are held from ``since`` on."""
    query = sa.select(slots.c.bay, slots.c.start).where(slots.c.dealer_id == dealer_id, slots.c.start >= since)
    return {(row.bay, row.start) for row in connection.execute(query)}


def _select(scope: Scope) -> sa.Select[tuple[Any, ...]]:
    joined = appointments.join(vehicles, vehicles.c.id == appointments.c.vehicle_id)
    return sa.select(*(appointments.c[name] for name in _COLUMNS)).select_from(joined).where(_visible(scope))


def _visible(scope: Scope) -> sa.ColumnElement[bool]:
    """Owners see what is about their vehicles, a shop's people what is in their shop's book."""
    if scope.role in STAFF:
        return appointments.c.dealer_id == scope.dealer_id
    return scope.visible()


def _appointment(row: sa.RowMapping) -> Appointment:
    fields = {name: row[name] for name in _COLUMNS}
    fields["state"] = State(row["state"])
    fields["alternatives"] = tuple(datetime.fromisoformat(moment) for moment in row["alternatives"])
    return Appointment(**fields)
