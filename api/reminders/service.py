"""Sending what is due: words from the appointment and its suggestion, in the owner's language."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.appointments import repository as appointments
from api.auth import repository as people
from api.auth.scope import Role, Scope
from api.dealers.repository import dealer as dealer_of
from api.errors import ChannelError
from api.reminders import repository
from api.reminders.channels import FILE
from api.reminders.due import occasion
from api.reminders.texts import Facts, Message, render
from api.vehicles.repository import keeper
from api.vehicles.repository import vehicle as vehicle_of
from diagnostics import repository as advice
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from api.appointments.repository import Appointment
    from api.reminders.channels import Channels
    from api.reminders.due import Occasion
    from api.reminders.repository import Reminder

LOG = logging.getLogger(__name__)
_WORKER = Scope(user_id="", name="roadworthy", role=Role.ADMIN, dealer_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as it can be sent now: its words, whose it is, and their URLs by which it has not gone yet."""

    message: Message
    user_id: str
    urls: tuple[str, ...]


def send_due(engine: sa.Engine, channels: Channels, *, now: datetime, base_url: str) -> int:
    """Sends what is due, each in a transaction of its own; how many went out.

    At least once by each of the owner's URLs: a kill between sending and noting it sends it again under the same id.
    """
    with reading(engine) as connection:
        waiting = repository.due(connection, now)
    return sum(_send(engine, channels, reminder, now, base_url) for reminder in waiting)


def _send(engine: sa.Engine, channels: Channels, reminder: Reminder, now: datetime, base_url: str) -> bool:
    with reading(engine) as connection:
        found = appointments.appointment(connection, _WORKER, reminder.appointment_id)
        owner = _owner(connection, found.vehicle_id)
        said = occasion(reminder.kind, found.state, found.start, now=now)
        letter = _letter(connection, reminder.id, found, said, owner, base_url) if said and owner else None
    if owner is None:
        return False
    if letter is None:
        with transaction(engine) as connection:
            repository.mark_dropped(connection, reminder.id)
        return False
    problems = [problem for url in letter.urls if (problem := _deliver(engine, channels, reminder, letter, url, now))]
    with transaction(engine) as connection:
        if problems:
            repository.mark_failed(connection, reminder, "; ".join(problems), now=now)
        else:
            repository.mark_sent(connection, reminder.id)
    return not problems


def _deliver(
    engine: sa.Engine, channels: Channels, reminder: Reminder, letter: Letter, url: str, now: datetime
) -> str | None:
    """Sends by one URL and notes it at once; the problem, or None."""
    try:
        channels.send(letter.message, message_id=reminder.id, url=url)
    except ChannelError as error:
        LOG.warning("message %s: %s", reminder.id, error)
        return str(error)
    with transaction(engine) as connection:
        repository.mark_delivered(connection, reminder.id, letter.user_id, letter.message, url=url, now=now)
    return None


def _owner(connection: sa.Connection, vehicle_id: str) -> sa.RowMapping | None:
    """Whose the car is at this moment, not when the message was planned."""
    kept = keeper(connection, vehicle_id)
    return people.user_by_id(connection, kept[1]) if kept and kept[1] else None


def _letter(
    connection: sa.Connection,
    reminder_id: str,
    found: Appointment,
    said: Occasion,
    owner: sa.RowMapping,
    base_url: str,
) -> Letter:
    language = owner["language"]
    shop = dealer_of(connection, found.dealer_id)
    suggestion = advice.suggestion(connection, found.suggestion_id) if found.suggestion_id else None
    facts = Facts(
        car=vehicle_of(connection, _WORKER, found.vehicle_id).label,
        dealer=shop.name[language],
        time_zone=shop.opening.time_zone,
        start=found.start,
        others=found.alternatives,
        what=suggestion.title[language] if suggestion else found.job.replace("_", " "),
        why=suggestion.text[language] if suggestion else "",
        link=f"{base_url}/me",
    )
    gone = repository.delivered(connection, reminder_id)
    urls = [url for url in dict.fromkeys(owner["channels"] or [FILE]) if repository.address(url) not in gone]
    return Letter(message=render(said, facts, language), user_id=owner["id"], urls=tuple(urls))
