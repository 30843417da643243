"""What pages show, gathered from the services: what needs attention, a vehicle's picture, a day's appointments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from api.appointments import repository as appointments
from api.appointments.states import OPEN, State
from api.reminders import repository as reminders
from api.suggestions import service as suggestions
from api.vehicles import repository as vehicles
from api.vehicles import service as vehicle_service
from diagnostics import repository as diagnosis
from diagnostics.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from api.appointments.repository import Appointment
    from api.auth.scope import Scope
    from api.reminders.repository import Reminder
    from api.vehicles.repository import Vehicle
    from api.vehicles.service import Code
    from diagnostics.findings import ComponentHealth, Finding, Suggestion
    from ingest.devices import Device

MOST = 500
"""Concerns on one page (our choice); their counts are of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing that needs attention: advice on a vehicle, and the appointment that it led to."""

    suggestion: Suggestion
    vehicle: Vehicle
    appointment: Appointment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """The advisor's first page."""

    concerns: Sequence[Concern]
    by_severity: Mapping[str, int]
    waiting: int
    today: int
    vehicles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A suggestion with the findings that it rests on, its appointment, and what its owner was told, oldest first."""

    suggestion: Suggestion
    findings: Sequence[Finding]
    appointment: Appointment | None
    told: Sequence[Reminder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is known of a vehicle."""

    vehicle: Vehicle
    devices: Sequence[Device]
    health: Sequence[ComponentHealth]
    advice: Sequence[Advice]
    codes: Sequence[Code]
    worst: str | None


def attention(
    connection: sa.Connection, scope: Scope, *, now: datetime, time_zone: str, severity: str | None = None
) -> Attention:
    """What needs attention now, worst first, then newest; concerns of one severity if it is given, counts of all."""
    cars = {car.id: car for car in vehicles.list_vehicles(connection, scope, limit=None)}
    open_ones = appointments.list_appointments(connection, scope, states=OPEN, limit=None)
    booked = _by_part(open_ones)
    counts = suggestions.severities(connection, scope)
    start, end = day_span(now.astimezone(ZoneInfo(time_zone)).date(), time_zone)
    return Attention(
        concerns=[
            Concern(suggestion=one, vehicle=cars[one.vehicle_id], appointment=booked.get(_part(one)))
            for one in suggestions.urgent(connection, scope, severity=severity, limit=MOST)
            if one.vehicle_id in cars  # another transaction may have taken one in meanwhile
        ],
        by_severity={str(kind): sum(one.get(kind, 0) for one in counts.values()) for kind in Severity},
        waiting=sum(1 for one in open_ones if one.state is State.PROPOSED),
        today=sum(1 for one in open_ones if start <= one.start < end),
        vehicles=len(cars),
    )


def worst_by_vehicle(connection: sa.Connection, scope: Scope) -> dict[str, str]:
    """The worst severity of what still asks for something, by vehicle."""
    found = suggestions.severities(connection, scope)
    return {vehicle_id: str(min(kinds, key=lambda kind: kind.rank)) for vehicle_id, kinds in found.items()}


def picture(connection: sa.Connection, scope: Scope, vehicle_id: str) -> Picture:
    """A vehicle's whole picture.

    Raises:
        NotFoundError: not this person's vehicle.
    """
    found = vehicles.vehicle(connection, scope, vehicle_id)
    living = suggestions.urgent(connection, scope, vehicle_id=vehicle_id)
    booked = _by_part(appointments.list_appointments(connection, scope, states=OPEN, vehicle_id=vehicle_id))
    sent = [one for one in reminders.list_reminders(connection, scope, vehicle_id=vehicle_id) if one.sent_at]
    return Picture(
        vehicle=found,
        devices=vehicle_service.devices_in(connection, scope, vehicle_id),
        health=sorted(diagnosis.health_of(connection, vehicle_id), key=lambda one: one.health),
        advice=[
            Advice(
                suggestion=one,
                findings=suggestions.findings_of(connection, scope, one.id),
                appointment=booked.get(_part(one)),
                told=_told(one, sent),
            )
            for one in living
        ],
        codes=vehicle_service.codes_of(connection, scope, vehicle_id),
        worst=str(living[0].severity) if living else None,
    )


def _part(one: Suggestion | Appointment) -> tuple[str, str]:
    """Vehicle and component, for which at most one appointment is open."""
    return one.vehicle_id, str(one.component)


def _told(one: Suggestion, sent: Sequence[Reminder]) -> list[Reminder]:
    """What went out about advice since it was given, oldest first."""
    mine = [
        each for each in sent if each.component == one.component and each.sent_at and each.sent_at >= one.created_at
    ]
    return mine[::-1]


def _by_part(found: Sequence[Appointment]) -> dict[tuple[str, str], Appointment]:
    return {_part(one): one for one in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An appointment with its vehicle and the advice behind it."""

    appointment: Appointment
    vehicle: Vehicle
    suggestion: Suggestion | None


def promises(connection: sa.Connection, scope: Scope, found: Sequence[Appointment]) -> list[Promise]:
    """Appointments with what a person wants to know of them; of cars that have gone to another dealer, none."""
    cars = {car.id: car for car in vehicles.list_vehicles(connection, scope, limit=None)}
    return [
        Promise(
            appointment=one,
            vehicle=cars[one.vehicle_id],
            suggestion=suggestions.suggestion(connection, scope, one.suggestion_id) if one.suggestion_id else None,
        )
        for one in found
        if one.vehicle_id in cars
    ]


def day_span(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Start and end of a local day."""
    start = datetime.combine(day, time(), ZoneInfo(time_zone))
    return start, datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))
