"""From suggestions to proposals, by itself: a worker with a cursor over the suggestions' revisions."""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from api import revisions
from api.appointments import repository, service
from api.auth.scope import Role, Scope
from api.errors import IllegalMoveError, NoSlotError, SlotTakenError
from diagnostics.findings import Severity, SuggestionState
from diagnostics.repository import living_of_severity, suggestions_changed_since
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from diagnostics.findings import Suggestion

LOG = logging.getLogger(__name__)
CURSOR = "proposer"
BOOKED = frozenset({Severity.STOP_NOW, Severity.SOON})
"""Severities that lead to a proposal by themselves."""
ENDED = frozenset({SuggestionState.WITHDRAWN, SuggestionState.DISMISSED, SuggestionState.DONE})
"""States of a suggestion in which a proposal makes no sense any more."""
FORGOTTEN_AFTER = timedelta(days=7)
"""So long after its time an agreed appointment is ended where nobody noted what became of it (our choice)."""
AT_ONCE = 100
WORKER = Scope(user_id="", name=repository.WORKER_NAME, role=Role.ADMIN, dealer_id=None)


def work(engine: sa.Engine, *, now: datetime) -> list[str]:
    """Deals with suggestions that changed since the last time; ids of new proposals. One transaction each.

    A kill between two loses nothing and proposes nothing twice: the cursor moves in the proposal's own transaction.
    """
    with reading(engine) as connection:
        position = revisions.reached(connection, CURSOR)
        changed = suggestions_changed_since(connection, position, AT_ONCE)
    made = []
    for suggestion in changed:
        try:
            with transaction(engine) as connection:
                proposed = _deal_with(connection, suggestion, now)
                revisions.reach(connection, CURSOR, suggestion.revision)
        except SlotTakenError as error:
            LOG.info("a time was taken while it was proposed; another is sought next time: %s", error)
            break
        if proposed is not None:
            made.append(proposed)
    return made


def sweep(engine: sa.Engine, *, now: datetime) -> list[str]:
    """Looks at every living suggestion that should have an appointment and has none; ids of new proposals.

    This finds those for which there was no free time, or whose vehicle came to another dealer. Before that it ends
    appointments long past of which nobody noted what became, so that they stand in nobody's way.
    """
    with reading(engine) as connection:
        forgotten = repository.long_past(connection, now - FORGOTTEN_AFTER)
    for appointment_id in forgotten:
        with contextlib.suppress(IllegalMoveError), transaction(engine) as connection:
            service.cancel(connection, WORKER, appointment_id, now=now)
    made: list[str] = []
    position = 0
    while True:
        with reading(engine) as connection:
            waiting = living_of_severity(connection, BOOKED, after=position)
            settled = repository.settled(connection, [one.id for one in waiting])
        if not waiting:
            return made
        position = waiting[-1].revision
        made += filter(None, (_try(engine, one, now) for one in waiting if one.id not in settled))


def _try(engine: sa.Engine, suggestion: Suggestion, now: datetime) -> str | None:
    try:
        with transaction(engine) as connection:
            return _propose(connection, suggestion, now)
    except (NoSlotError, SlotTakenError) as error:
        LOG.info("still no time for %s: %s", suggestion.job, error)
        return None


def renew(engine: sa.Engine, *, now: datetime) -> None:
    """Proposes new times for proposals that nobody answered in time, one transaction each."""
    with reading(engine) as connection:
        waiting = repository.lapsed(connection, now)
    for appointment_id in waiting:
        try:
            with transaction(engine) as connection:
                service.renew(connection, WORKER, appointment_id, now=now)
        except (IllegalMoveError, SlotTakenError) as error:
            LOG.info("proposal %s was answered meanwhile: %s", appointment_id, error)


def _deal_with(connection: sa.Connection, suggestion: Suggestion, now: datetime) -> str | None:
    if suggestion.state in ENDED:
        service.withdraw_for(connection, suggestion.id, now=now, by=WORKER.name)
        return None
    if suggestion.severity not in BOOKED:
        return None
    try:
        return _propose(connection, suggestion, now)
    except NoSlotError as error:
        LOG.warning("no time could be proposed for %s, it is tried again: %s", suggestion.job, error)
        return None


def _propose(connection: sa.Connection, suggestion: Suggestion, now: datetime) -> str | None:
    if service.worsen(connection, WORKER, suggestion, now=now):
        return None
    if repository.was_answered(connection, suggestion.id, suggestion.severity, most=service.MOST_PROPOSALS):
        return None
    return service.propose(connection, suggestion, now=now, by=WORKER.name)
