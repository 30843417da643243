"""What the demo tells: findings, suggestions, appointments and messages, as they appear in the database."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.table import Table

from api.appointments import repository as appointments
from api.auth.scope import Role, Scope
from api.dealers.repository import dealer as dealer_of
from api.reminders import repository as reminders
from api.reminders.texts import moment
from api.vehicles import repository as vehicles
from diagnostics import repository as diagnosis
from diagnostics.findings import Severity
from ingest.storage.database import reading

if TYPE_CHECKING:
    import sqlalchemy as sa
    from rich.console import Console

    from api.appointments.repository import Appointment
    from api.reminders.repository import Reminder
    from api.settings import ApiSettings
    from api.vehicles.repository import Vehicle
    from diagnostics.findings import Evidence, Finding, Suggestion

LOOK_S = 0.5
WIDTH = 100
_SYSTEM = Scope(user_id="", name="demo", role=Role.ADMIN, dealer_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The first appointment that came by itself, and everything that led to it."""

    vehicle: Vehicle
    findings: list[Finding]
    suggestion: Suggestion
    appointment: Appointment
    dealer: str
    time_zone: str
    reminder: Reminder


class Story:
    """Looks for what is new, tells it once, and remembers the first booking."""

    def __init__(self, engine: sa.Engine, settings: ApiSettings) -> None:
        self._engine, self._settings = engine, settings
        self._told: set[str] = set()
        self._ranks: dict[str, int] = {}
        self.booked: Booking | None = None

    async def tell(self, out: Console, stop: asyncio.Event, *, until_booked: bool) -> None:
        """Prints what happens until ``stop``, or until the first booking with its message."""
        while not stop.is_set():
            for line in await asyncio.to_thread(self._news):
                out.print(line)
            if until_booked and self.booked is not None:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)

    def _news(self) -> list[str]:
        with reading(self._engine) as connection:
            lines: list[str] = []
            for vehicle in vehicles.list_vehicles(connection, _SYSTEM):
                for finding in diagnosis.findings_of(connection, vehicle.id, lasting=True):
                    lines += self._once(finding.id, f"[yellow]noticed[/]     {vehicle.label}: {finding.title['en']}")
            for suggestion in diagnosis.suggestions_of(connection, limit=200):
                lines += self._suggestion_lines(connection, suggestion)
            for found in appointments.list_appointments(connection, _SYSTEM):
                lines += self._once(f"{found.id}:{found.state}", self._appointment_line(connection, found))
            for reminder in reminders.list_reminders(connection, _SYSTEM):
                if reminder.state == reminders.SENT:
                    lines += self._once(reminder.id, f"[magenta]tells[/]       owner: {reminder.subject}")
                    self._note_booking(connection, reminder)
        return lines

    def _once(self, key: str, line: str) -> list[str]:
        if key in self._told:
            return []
        self._told.add(key)
        return [line]

    def _suggestion_lines(self, connection: sa.Connection, suggestion: Suggestion) -> list[str]:
        """Told once, and again whenever it has become worse: what follows from that would have no reason else."""
        rank = suggestion.severity.rank
        if rank >= self._ranks.get(suggestion.id, len(Severity)):
            return []
        self._ranks[suggestion.id] = rank
        label = vehicles.vehicle(connection, _SYSTEM, suggestion.vehicle_id).label
        severity = suggestion.severity.replace("_", " ")
        return [f"[cyan]suggests[/]    {label}: {suggestion.title['en']} ({severity})"]

    def _appointment_line(self, connection: sa.Connection, found: Appointment) -> str:
        label = vehicles.vehicle(connection, _SYSTEM, found.vehicle_id).label
        shop = dealer_of(connection, found.dealer_id)
        when = moment(found.start, shop.opening.time_zone, "en")
        return f"[bold green]{found.state:<11}[/] {label}: {when}, bay {found.bay}, {found.minutes} min"

    def _note_booking(self, connection: sa.Connection, reminder: Reminder) -> None:
        if self.booked is not None or reminder.appointment_id is None:
            return
        found = appointments.appointment(connection, _SYSTEM, reminder.appointment_id)
        if found.suggestion_id is None:
            return
        suggestion = diagnosis.suggestion(connection, found.suggestion_id)
        shop = dealer_of(connection, found.dealer_id)
        known = diagnosis.findings_of(connection, found.vehicle_id)
        self.booked = Booking(
            vehicle=vehicles.vehicle(connection, _SYSTEM, found.vehicle_id),
            findings=[finding for finding in known if finding.id in suggestion.finding_ids],
            suggestion=suggestion,
            appointment=found,
            dealer=shop.name["en"],
            time_zone=shop.opening.time_zone,
            reminder=reminder,
        )


def print_summary(story: Story, out: Console) -> None:
    """Vehicle, finding, evidence, suggestion, appointment and reminder of the first booking, on one screen."""
    booked = story.booked
    if booked is None:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    car, advice, promised = booked.vehicle, booked.suggestion, booked.appointment
    table.add_row("vehicle", f"{car.label}  {car.model or ''}  VIN {car.vin or 'not known'}")
    for finding in booked.findings:
        table.add_row("finding", f"{finding.title['en']} (by {finding.detector}, {finding.confidence:.0%} sure)")
        table.add_row("", _short(finding.text["en"]))
        table.add_row("evidence", evidence_line(finding.evidence))
    table.add_row("suggestion", f"{advice.title['en']}: {advice.severity.replace('_', ' ')}")
    when = moment(promised.start, booked.time_zone, "en")
    table.add_row(
        "appointment", f"{when} at {booked.dealer}, bay {promised.bay}, {promised.minutes} min ({promised.state})"
    )
    others = ", ".join(moment(other, booked.time_zone, "en") for other in promised.alternatives)
    table.add_row("", f"or {others}")
    table.add_row("reminder", f"{booked.reminder.subject}")
    table.add_row("", _short(booked.reminder.body or ""))
    out.print(Panel(table, title="The first appointment that made itself", expand=False, width=WIDTH + 20))


def evidence_line(evidence: Evidence) -> str:
    """The series in one line: what, from, to, and the limit."""
    if evidence.feature.startswith("code:") or not evidence.points:
        return f"{evidence.label['en']}, as the car reports"
    first, last = evidence.points[0][1], evidence.points[-1][1]
    unit = f" {evidence.unit}" if evidence.unit else ""
    limit = "" if evidence.threshold is None else f", limit {evidence.threshold:.4g}{unit}"
    return f"{evidence.label['en']}: {first:.4g} → {last:.4g}{unit} over {len(evidence.points)} values{limit}"


def _short(text: str) -> str:
    return textwrap.shorten(text.replace("\n", " "), 3 * WIDTH, placeholder=" …")
