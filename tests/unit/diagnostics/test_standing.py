"""How long findings stand for advice, by the car's own time."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.findings import Component, Evidence, Finding, Severity
from diagnostics.suggestions.standing import Run, began, stood

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
CODE = Finding(
    id="c1", vehicle_id="v1", detector="trouble_codes", cause="P0420", component=Component.CATALYST,
    severity=Severity.SOON, confidence=0.9, since=NOON, found_at=NOON, cleared_at=NOON + timedelta(hours=1),
    title={"en": "t", "zh": "t"}, text={"en": "t", "zh": "t"}, job="check",
    evidence=Evidence(
        feature="x", unit="", label={"en": "a", "zh": "b"}, points=(), expectation=None, threshold=None, window=(0, 0),
        signals=(),
    ),
)  # fmt: skip
GONE = NOON + timedelta(hours=1)


def run(after_minutes: float, minutes: float, *, running: float = 1.0) -> Run:
    """A trip so many minutes after the code went; the car ran for a part of it."""
    start = GONE + timedelta(minutes=after_minutes)
    ms = int(start.timestamp() * 1000)
    return Run(started_ms=ms, ended_ms=ms + round(minutes * 60_000), running_s=minutes * 60 * running)


def until(*runs: Run) -> datetime | None:
    (one,) = stood([CODE], runs)
    return one.until


@pytest.mark.parametrize(
    ("runs", "minutes"),
    [
        ([], None),
        ([run(0, 14.9)], None),
        ([run(0, 40)], 15),
        ([run(10, 10), run(60, 10)], 65),
        ([run(-30, 45)], 15),
        ([run(-30, 45, running=0.5)], None),
        ([run(0, 60, running=0.5)], 30),
        ([run(0, 1), run(10, 1), run(20, 1)], None),
        ([run(0, 1), run(10, 1), run(20, 1), run(30, 1)], 30),
        ([run(-10, 11), run(10, 1), run(20, 1), run(30, 1)], None),
        ([run(10, 5, running=0.0)] * 4, None),
    ],
)
def test_a_code_stands_until_a_quarter_of_an_hour_or_four_starts_without_it(
    runs: list[Run], minutes: float | None
) -> None:
    """Running counts from when it went, in the trip that it went in too; that trip was no start without it."""
    expected = None if minutes is None else GONE + timedelta(minutes=minutes)
    assert until(*runs) == expected


def test_the_order_in_which_trips_are_told_makes_no_difference() -> None:
    """Trips in any order lead to the same moment."""
    runs = [run(10 * number, 3) for number in range(5)]
    random.Random(3).shuffle(runs)
    assert until(*runs) == until(*sorted(runs, key=lambda one: one.started_ms)) == GONE + timedelta(minutes=30)


def test_a_detectors_finding_stands_until_its_detector_clears_it() -> None:
    """A detector has its own hysteresis; nothing is added to it."""
    found = replace(CODE, detector="thermostat", cause="stuck_open")
    assert [one.until for one in stood([found, replace(found, cleared_at=None)], [])] == [GONE, None]


def test_a_matter_goes_back_over_pauses_of_less_than_a_week() -> None:
    """Found, gone for six days, found again is one matter; after a week it is another; another component is none."""
    first = replace(CODE, id="a", detector="x", cleared_at=NOON + timedelta(days=1))
    again = replace(first, id="b", found_at=NOON + timedelta(days=6), cleared_at=NOON + timedelta(days=7))
    later = replace(first, id="c", found_at=NOON + timedelta(days=10), cleared_at=None)
    history = stood([later, first, again], [])
    assert began(Component.CATALYST, history) == NOON
    assert began(Component.CATALYST, history, settled={"b"}) == later.found_at
    assert began(Component.CATALYST, stood([first, again], [])) is None
    assert began(Component.EGR, history) is None
