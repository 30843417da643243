"""When reminders are due, and their words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from api.appointments.states import State
from api.reminders.due import TRIES, Kind, Occasion, due_times, next_try, occasion
from api.reminders.texts import Facts, render

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FACTS = Facts(
    car="沪A·12345",
    dealer="Main dealer",
    time_zone="Asia/Shanghai",
    start=datetime(2026, 3, 5, 6, 30, tzinfo=UTC),
    others=(datetime(2026, 3, 6, 0, 0, tzinfo=UTC),),
    what="Replace the thermostat",
    why="It stays open.",
    link="http://127.0.0.1:8420/me",
)


def test_a_proposal_is_told_at_once_and_a_day_before() -> None:
    """Two messages: now, and 24 hours before the time."""
    start = NOW + timedelta(days=3)
    assert due_times(start, now=NOW, proposed=True) == {
        Kind.PROPOSED: NOW,
        Kind.DAY_BEFORE: start - timedelta(hours=24),
    }


def test_a_time_within_a_day_needs_no_message_the_day_before() -> None:
    """Who is told now is not reminded of yesterday."""
    assert due_times(NOW + timedelta(hours=24), now=NOW, proposed=True) == {Kind.PROPOSED: NOW}


def test_a_moved_appointment_is_not_proposed_again() -> None:
    """A person who chose a time is only reminded of it."""
    assert set(due_times(NOW + timedelta(days=3), now=NOW, proposed=False)) == {Kind.DAY_BEFORE}


def test_tries_grow_apart_and_end() -> None:
    """Each wait is longer than the one before, until the message is given up."""
    waits = [next_try(count, now=NOW) for count in range(1, TRIES)]
    assert all(before is not None and after is not None and before < after for before, after in pairwise(waits))
    assert next_try(TRIES, now=NOW) is None


@pytest.mark.parametrize(
    ("kind", "state", "said"),
    [
        (Kind.PROPOSED, State.PROPOSED, Occasion.PROPOSED),
        (Kind.PROPOSED, State.ACCEPTED, None),
        (Kind.DAY_BEFORE, State.PROPOSED, Occasion.UNANSWERED),
        (Kind.DAY_BEFORE, State.ACCEPTED, Occasion.DAY_BEFORE),
        (Kind.DAY_BEFORE, State.CANCELLED, None),
    ],
)
def test_what_is_said_follows_the_appointment(kind: Kind, state: State, said: Occasion | None) -> None:
    """Nobody is asked for an answer that was given, nor reminded of what is not agreed; what is over is not told."""
    start = NOW + timedelta(hours=24)
    assert occasion(kind, state, start, now=NOW) is said
    assert occasion(kind, state, start, now=start) is None


@pytest.mark.parametrize("kind", list(Occasion))
@pytest.mark.parametrize(("language", "day"), [("en", "Thursday 5 March 14:30"), ("zh", "3月5日 星期四 14:30")])
def test_messages_name_car_shop_and_local_time(kind: Occasion, language: str, day: str) -> None:
    """Subject and body say which car, where, and when by the shop's clock, in the reader's language."""
    message = render(kind, FACTS, language)
    assert "沪A·12345" in message.subject
    assert "Main dealer" in message.body
    assert day in message.body
    assert FACTS.link in message.body
    assert "{" not in message.subject + message.body


def test_a_proposal_names_the_other_times() -> None:
    """The alternatives can be read in the message."""
    assert "Friday 6 March 08:00" in render(Occasion.PROPOSED, FACTS, "en").body
    assert "3月6日 星期五 08:00" in render(Occasion.PROPOSED, FACTS, "zh").body


def test_an_unknown_language_reads_english() -> None:
    """A message is never lost for want of a translation."""
    assert render(Occasion.PROPOSED, FACTS, "fr") == render(Occasion.PROPOSED, FACTS, "en")
