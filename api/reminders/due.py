"""When a reminder is due, and whether to try again. Pure: the time is handed in."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """Why a message goes out."""

    PROPOSED = "proposed"
    DAY_BEFORE = "day_before"


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


def next_try(tries: int, *, now: datetime) -> datetime | None:
    """When to try again after ``tries`` failures; None to give up."""
    return None if tries >= TRIES else now + _FIRST_WAIT * 2 ** (tries - 1)
