"""Sending what is due: words from the appointment and its suggestion, in the owner's language."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from api.appointments import repository as appointments
from api.auth import repository as people
from api.auth.scope import Role, Scope
from api.dealers.repository import dealer as dealer_of
from api.errors import ChannelError
from api.reminders import repository
from api.reminders.due import occasion
from api.reminders.texts import Facts, Message, render
from api.vehicles.repository import vehicle as vehicle_of
from diagnostics import repository as advice
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from api.reminders.channels import Channels
    from api.reminders.repository import Reminder

LOG = logging.getLogger(__name__)
_WORKER = Scope(user_id="", name="roadworthy", role=Role.ADMIN, dealer_id=None)


def send_due(engine: sa.Engine, channels: Channels, *, now: datetime, base_url: str) -> int:
    """Sends what is due, each in a transaction of its own; how many went out.

    At least once: a kill between sending and noting it sends it again under the same id.
    """
    with reading(engine) as connection:
        waiting = repository.due(connection, now)
    sent = 0
    for reminder in waiting:
        with reading(engine) as connection:
            said, urls = _message(connection, reminder, base_url, now)
        if said is None:
            with transaction(engine) as connection:
                repository.mark_dropped(connection, reminder.id)
            continue
        try:
            channels.send(said, message_id=reminder.id, urls=urls)
        except ChannelError as error:
            LOG.warning("message %s was not taken: %s", reminder.id, error)
            with transaction(engine) as connection:
                repository.mark_failed(connection, reminder, str(error), now=now)
            continue
        with transaction(engine) as connection:
            repository.mark_sent(connection, reminder.id, said, now=now)
        sent += 1
    return sent


def _message(
    connection: sa.Connection, reminder: Reminder, base_url: str, now: datetime
) -> tuple[Message | None, list[str]]:
    """Words and addresses; no words where the appointment has gone on meanwhile."""
    person = people.user_by_id(connection, reminder.user_id) if reminder.user_id else None
    language = person["language"] if person else "en"
    found = appointments.appointment(connection, _WORKER, reminder.appointment_id)
    said = occasion(reminder.kind, found.state, found.start, now=now)
    if said is None:
        return None, []
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
    return render(said, facts, language), list(person["channels"]) if person else []
