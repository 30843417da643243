"""Sending what is due: words from the appointment and its suggestion, in the owner's language."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.appointments import repository as appointments
from api.appointments.proposer import WORKER
from api.auth import repository as people
from api.dealers.repository import dealer as dealer_of
from api.errors import ChannelError
from api.reminders import repository
from api.reminders.channels import FILE
from api.reminders.due import ANNOUNCING, PAUSE, TELLING, Kind, Occasion, occasion
from api.reminders.notices import notice
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
    from api.reminders.repository import Reminder

LOG = logging.getLogger(__name__)


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
        owner = _owner(connection, reminder.vehicle_id)
        if owner is None:
            return False
        letter = _letter(connection, reminder, owner, now, base_url)
        wait = _too_soon(connection, reminder, owner["id"], now) if letter is not None else None
    if letter is None or wait is not None:
        with transaction(engine) as connection:
            if wait is None:
                repository.mark_dropped(connection, reminder.id)
            else:
                repository.postpone(connection, reminder.id, wait)
        return False
    problems = [problem for url in letter.urls if (problem := _deliver(engine, channels, reminder, letter, url, now))]
    with transaction(engine) as connection:
        if problems:
            repository.mark_failed(connection, reminder, "; ".join(problems), now=now)
        else:
            repository.mark_sent(connection, reminder.id)
    return not problems


def _too_soon(connection: sa.Connection, reminder: Reminder, user_id: str, now: datetime) -> datetime | None:
    """Until when a message has to wait, since the owner was told of the same thing at its level within a week."""
    if reminder.kind not in TELLING or reminder.sent_at is not None:  # what one URL took goes to the others too
        return None
    last = repository.told_last(connection, reminder, user_id, TELLING)
    return last + PAUSE if last is not None and last + PAUSE > now else None


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
    connection: sa.Connection, reminder: Reminder, owner: sa.RowMapping, now: datetime, base_url: str
) -> Letter | None:
    """The message as it is to be sent; None where nothing is left to say."""
    language, link = owner["language"], f"{base_url}/me"
    if reminder.appointment_id is None:
        message = notice(connection, reminder, language, link)
    else:
        found = appointments.appointment(connection, WORKER, reminder.appointment_id)
        said = occasion(reminder.kind, found.state, found.start, now=now)
        if said is None or _is_repeated(connection, reminder, found, said, owner["id"], now):
            return None
        message = render(said, _facts(connection, found, language, link), language)
    if message is None:
        return None
    gone = repository.delivered(connection, reminder.id)
    urls = [url for url in dict.fromkeys(owner["channels"] or [FILE]) if repository.address(url) not in gone]
    return Letter(message=message, user_id=owner["id"], urls=tuple(urls))


def _is_repeated(
    connection: sa.Connection, reminder: Reminder, found: Appointment, said: Occasion, user_id: str, now: datetime
) -> bool:
    """Whether it says again what was told: a new time is left to the advice's reminders; a question is asked weekly."""
    if said is Occasion.UNANSWERED:
        last = repository.told_last(connection, reminder, user_id, {Kind.DAY_BEFORE})
        return last is not None and last + PAUSE > now
    if said is not Occasion.PROPOSED or found.suggestion_id is None or reminder.sent_at is not None:
        return False
    if repository.told_last(connection, reminder, user_id, ANNOUNCING) is None:
        return False
    mine = repository.said_of(connection, [found.suggestion_id]).get(found.suggestion_id, [])
    return any(one.kind in ANNOUNCING and one.sent_at is not None and one.level == reminder.level for one in mine)


def _facts(connection: sa.Connection, found: Appointment, language: str, link: str) -> Facts:
    shop = dealer_of(connection, found.dealer_id)
    suggestion = advice.suggestion(connection, found.suggestion_id) if found.suggestion_id else None
    return Facts(
        car=vehicle_of(connection, WORKER, found.vehicle_id).label,
        dealer=shop.name[language],
        time_zone=shop.opening.time_zone,
        start=found.start,
        others=found.alternatives,
        what=suggestion.title[language] if suggestion else found.job.replace("_", " "),
        why=suggestion.text[language] if suggestion else "",
        link=link,
    )
