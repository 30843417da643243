"""The lines of charts: where they are broken, and where they go on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.campaigns.results import Column
from api.console import charts
from api.vehicles.service import Series
from diagnostics.findings import Component, Evidence, Finding, Severity
from ingest.storage.campaigns import Captured
from vehicle.signals import CATALOGUE, SPEED

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CAPTURE = Captured(
    id="c", campaign_id="k", version=1, device_id="d", vehicle_id="v", triggered_at=NOW, suspect_time=False,
    begin_ms=-1000, end_ms=4_000_000, fired={}, missed=0, cut=False, parts=1, size=1, received_at=NOW,
)  # fmt: skip
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
WORDS = {"expected": "e", "limit": "l", "noticed": "n", "since": "s"}


def finding(evidence: Evidence, *, since: int, found_at: int = 65 * DAY) -> Finding:
    """A finding with that evidence, times in ms."""
    none = {"en": "", "zh": ""}
    return Finding(
        id="f", vehicle_id="v", detector="thermostat", cause="open", component=Component.THERMOSTAT,
        severity=Severity.SOON, confidence=0.9, since=datetime.fromtimestamp(since / 1000, UTC),
        found_at=datetime.fromtimestamp(found_at / 1000, UTC), cleared_at=None, evidence=evidence, title=none,
        text=none, job="check",
    )  # fmt: skip


def values_of(times: list[int]) -> tuple[list[float], list[float | None]]:
    """What the chart of one signal holds that was read at those times (ms); each reading is 7."""
    one = Series(path=SPEED, unit="km/h", label={"en": "Speed"}, points=[(at, 7.0) for at in times])
    drawn = charts.of_signals([one], "en")
    return drawn["times"], drawn["series"][0]["values"]


def every(step: int, count: int, start: int = 0) -> list[int]:
    return [start + at * step for at in range(count)]


def test_a_time_without_readings_breaks_the_line() -> None:
    """Nothing is drawn between the end of a drive and the beginning of the next; the readings are all there."""
    first, second = every(SECOND, 60), every(SECOND, 60, start=HOUR)
    times, values = values_of(first + second)
    assert values == [7.0] * 60 + [None] + [7.0] * 60
    assert times[59] < times[60] < times[61]


@pytest.mark.parametrize(
    "times",
    [
        [], [0], [0, DAY],
        every(SECOND, 100),
        [at for at in every(SECOND, 100) if at // SECOND % 10 not in (3, 4)],  # readings that were missed
        [day * DAY + trip * 4 * HOUR for day in range(20) for trip in range(3)],  # nights
        [day * DAY for day in range(30) if day % 7 < 5],  # weekends
    ],
    ids=["none", "one", "two", "even", "missed", "nights", "weekends"],
)  # fmt: skip
def test_usual_distances_are_joined(times: list[int]) -> None:
    """Readings that come as they usually do make one line, at whatever pace."""
    assert None not in values_of(times)[1]


def test_what_is_usual_is_the_charts_own() -> None:
    """A week without drives is a break in values by day, an hour is none."""
    days = [*every(DAY, 10), *every(DAY, 10, start=17 * DAY)]
    assert values_of(days)[1].index(None) == 10


def test_only_the_line_without_readings_is_broken() -> None:
    """On the axis that they share, another line goes on through the break, and where it has no reading of its own."""
    whole = every(SECOND, 120)
    seconds = [at // SECOND for at in whole if not 40 <= at // SECOND < 80]
    for other, step in ((whole, 1), (every(60 * SECOND, 3), 60)):
        made = [
            Series(path=SPEED, unit="km/h", label={"en": "Speed"}, points=[(at, 7.0) for at in times])
            for times in (other, [at * SECOND for at in seconds])
        ]
        drawn = charts.of_signals(made, "en")
        first, second = drawn["series"]
        assert first["breaks"] == [], step
        ((begin, end),) = second["breaks"]
        assert (drawn["times"][begin - 1], drawn["times"][end + 1]) == (39, 80)
        assert second["values"][begin : end + 1] == [None] * (end + 1 - begin)


def evidence_of(times: list[int], unit: str = "V") -> Evidence:
    """Readings of 1 at those times, of which nothing was expected."""
    return Evidence(
        feature="f", unit=unit, label={"en": "Rest"}, points=tuple((at, 1.0) for at in times), expectation=None,
        threshold=None, window=(0, 66 * DAY), signals=(SPEED,),
    )  # fmt: skip


def test_evidence_shows_when_it_was_noticed_and_since_when_it_had_been_so() -> None:
    """A moment after the last reading has its place on the axis and no reading; at once is one moment, not two."""
    days = every(DAY, 6)
    drawn = charts.of_evidence(finding(evidence_of(days, "degC"), since=3 * DAY, found_at=6 * DAY), "en", WORDS)
    assert drawn["marks"] == [{"at": 3 * 86_400.0, "label": "s"}, {"at": 6 * 86_400.0, "label": "n"}]
    assert drawn["times"] == [day * 86_400.0 for day in range(7)]
    assert drawn["series"][0]["values"] == [1.0] * 6 + [None]
    assert drawn["unit"] == "°C"
    at_once = charts.of_evidence(finding(evidence_of(days), since=5 * DAY, found_at=5 * DAY), "en", WORDS)
    assert at_once["marks"] == [{"at": 5 * 86_400.0, "label": "n"}]
    assert (at_once["times"][-1], at_once["unit"]) == (5 * 86_400.0, "V")


def test_evidence_and_captures_are_broken_too() -> None:
    """What was expected and the limit go on through the break; they are no readings."""
    times = [*every(DAY, 6), *every(DAY, 6, start=60 * DAY)]
    evidence = Evidence(
        feature="f", unit="V", label={"en": "Rest"}, points=tuple((at, 1.0) for at in times), expectation=2.0,
        threshold=3.0, window=(0, 66 * DAY), signals=(SPEED,),
    )  # fmt: skip
    drawn = charts.of_evidence(finding(evidence, since=30 * DAY), "en", WORDS)
    value, expected, limit = (one["values"] for one in drawn["series"])
    assert value == [1.0] * 6 + [None] + [1.0] * 6
    assert (expected, limit) == ([2.0] * 13, [3.0] * 13)
    read = [(at, 5.0) for at in (*every(SECOND, 6), *every(SECOND, 6, start=HOUR))]
    column = Column(signal=CATALOGUE[SPEED], points=read)
    assert charts.of_column(column, CAPTURE, "en", "trigger")["series"][0]["values"].index(None) == 6
