"""When a reminder is due, what there is to say then, and whether to try again. Pure: the time is handed in."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from api.appointments.states import State


class Kind(StrEnum):
    """Why a message goes out."""

    PROPOSED = "proposed"
    DAY_BEFORE = "day_before"


class Occasion(StrEnum):
    """What a message says; it depends on how far the appointment has come when it goes out."""

    PROPOSED = "proposed"
    DAY_BEFORE = "day_before"
    UNANSWERED = "unanswered"


DAY_BEFORE = timedelta(hours=24)
TRIES = 8
"""Tries before a message is given up and shown to the advisor (our choice: about four hours)."""
_FIRST_WAIT = timedelta(minutes=1)


def due_times(start: datetime, *, now: datetime, proposed: bool) -> dict[Kind, datetime]:
    """Which messages an appointment at ``start`` needs, and when.

    A message the day before is left out where that moment has passed.
    """
    due = {Kind.PROPOSED: now} if proposed else {}
    if start - DAY_BEFORE > now:
        due[Kind.DAY_BEFORE] = start - DAY_BEFORE
    return due


def occasion(kind: Kind, state: State, start: datetime, *, now: datetime) -> Occasion | None:
    """What a message of ``kind`` says about an appointment in ``state``; None where nothing is left to say."""
    if start <= now:
        return None
    said = {
        (Kind.PROPOSED, State.PROPOSED): Occasion.PROPOSED,
        (Kind.DAY_BEFORE, State.PROPOSED): Occasion.UNANSWERED,
        (Kind.DAY_BEFORE, State.ACCEPTED): Occasion.DAY_BEFORE,
    }
    return said.get((kind, state))


def next_try(tries: int, *, now: datetime) -> datetime | None:
    """When to try again after ``tries`` failures; None to give up."""
    return None if tries >= TRIES else now + _FIRST_WAIT * 2 ** (tries - 1)
