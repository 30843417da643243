"""An appointment as iCalendar (RFC 5545), for people's own calendars. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from api.appointments.states import State

if TYPE_CHECKING:
    from api.appointments.repository import Appointment

_STATUS = {State.ACCEPTED: "CONFIRMED", State.PROPOSED: "TENTATIVE", State.DONE: "CONFIRMED"}
_MOST_OCTETS = 73


def render(found: Appointment, *, summary: str, place: str) -> str:
    """The calendar file; its UID stays the same and SEQUENCE grows, so that a moved appointment replaces the old."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Roadworthy//Service desk//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{found.id}@roadworthy",
        f"SEQUENCE:{found.revision}",
        f"DTSTAMP:{_utc(found.changed_at)}",
        f"DTSTART:{_utc(found.start)}",
        f"DTEND:{_utc(found.start + timedelta(minutes=found.minutes))}",
        f"SUMMARY:{_escaped(summary)}",
        f"LOCATION:{_escaped(place)}",
        f"STATUS:{_STATUS.get(found.state, 'CANCELLED')}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(folded for line in lines for folded in _folded(line)) + "\r\n"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    """Lines of at most 75 octets; what goes on starts with a space."""
    parts, part = [], ""
    for letter in line:
        if len((part + letter).encode()) > _MOST_OCTETS:
            parts.append(part)
            part = " "
        part += letter
    return [*parts, part]
