"""When a message is due, what there is to say then, and whether to try again. Pure: the time is handed in.

Advice is told once at each level that it reaches, by a proposed time or, where none is proposed, by a message of its
own; it is called to mind 7 and 14 days after it was told at its worst level, if it is still open then. Of one vehicle,
component and level an owner is told at most once in a week, whatever opens, ends and opens again.

Source: reminders at day 7 and 14, none if the data return to normal, are those of a maker's service in use (GM
Proactive Alerts).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from api.appointments.states import State
from diagnostics.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Kind(StrEnum):
    """Why a message goes out."""

    PROPOSED = "proposed"
    DAY_BEFORE = "day_before"
    NOTICED = "noticed"
    WEEK = "after_7_days"
    FORTNIGHT = "after_14_days"


TELLING = frozenset({Kind.PROPOSED, Kind.NOTICED, Kind.WEEK, Kind.FORTNIGHT})
"""What tells of advice; a message the day before belongs to a time that is kept."""
ANNOUNCING = frozenset({Kind.PROPOSED, Kind.NOTICED})
"""What tells of advice for the first time at a level."""


class Occasion(StrEnum):
    """What a message says; it depends on how far the appointment has come when it goes out."""

    PROPOSED = "proposed"
    DAY_BEFORE = "day_before"
    UNANSWERED = "unanswered"


DAY_BEFORE = timedelta(hours=24)
AFTER = MappingProxyType({Kind.WEEK: timedelta(days=7), Kind.FORTNIGHT: timedelta(days=14)})
"""When advice is called to mind, from when it was told."""
PAUSE = timedelta(days=7)
"""Between two messages about one vehicle, component and level."""
TOLD = frozenset({Severity.STOP_NOW, Severity.SOON, Severity.NEXT_SERVICE})
"""Levels of which an owner is told; what is only watched stays with the shop (our choice)."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message about advice that is planned or was sent: at which level, and when it went out first.

    ``counts`` is whether it was, or still will be, told.
    """

    kind: Kind
    level: Severity
    sent_at: datetime | None
    counts: bool = True


def announced(said: Iterable[Said]) -> Severity | None:
    """The worst level at which advice was told or is about to be."""
    levels = (one.level for one in said if one.kind in ANNOUNCING and one.counts)
    return min(levels, key=lambda level: level.rank, default=None)


def notices(level: Severity, said: Sequence[Said], *, now: datetime) -> list[tuple[Kind, Severity, datetime]]:
    """Messages that open advice of a level needs beside what was ``said`` of it: kind, level and when due."""
    if level not in TOLD:
        return []
    worst = announced(said)
    if worst is None or level.rank < worst.rank:
        return [(Kind.NOTICED, level, now)]
    sent = [one.sent_at for one in said if one.kind in ANNOUNCING and one.level == worst and one.sent_at is not None]
    planned = {one.kind for one in said if one.level == worst}
    return [(kind, worst, min(sent) + wait) for kind, wait in AFTER.items() if sent and kind not in planned]


def is_timely(kind: Kind, level: Severity, severity: Severity, said: Sequence[Said]) -> bool:
    """Whether a message about open advice, now of that severity, is still worth sending at its level."""
    if severity not in TOLD:
        return False
    return announced(said) == level if kind in AFTER else level == severity
