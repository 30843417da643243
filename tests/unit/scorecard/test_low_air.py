"""Tyres that are low without a hole: what may be said of them, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from scorecard.alerts import Alerts, Said, alerts_of
from scorecard.costs import FOR_NOTHING, bill
from scorecard.matching import FALSE, RIGHT, match
from scorecard.truth import DAY_MS, LOW_AIR, Truth, Watched, faults_of
from simulators.fleet.low_air import LowAir

WATCHED = Watched(from_ms=np.zeros(1), until_ms=np.full(1, 365.0 * DAY_MS))


def truth(*rows: tuple[str, float, float, float]) -> Truth:
    """Kind, and days of onset, failure and end."""
    n = len(rows)
    days = np.array([row[1:] for row in rows], dtype=np.float64).reshape(n, 3) * DAY_MS
    return Truth(
        vehicle=np.zeros(n, dtype=np.int64), component=np.full(n, "tyre_pressure"),
        kind=np.array([row[0] for row in rows], dtype=np.str_), observability=np.full(n, "A"),
        gradual=np.ones(n, dtype=np.bool_), wears=np.zeros(n, dtype=np.bool_), matters=np.ones(n, dtype=np.bool_),
        onset_ms=days[:, 0], noticeable_ms=days[:, 0], failed_ms=days[:, 1], ended_ms=days[:, 2],
        code_ms=np.full(n, np.nan), expected_ms=days[:, 1],
    )  # fmt: skip


def alert(cause: str, *, books: bool = False, day: float = 20.0) -> Alerts:
    said = Said(vehicle=0, component="tyre_pressure", detector="tyre_pressure", at_ms=day * DAY_MS, books=books,
                cause=cause)  # fmt: skip
    return alerts_of([said])


LOW = truth((LOW_AIR, 10.0, np.nan, 40.0))


@pytest.mark.parametrize("cause", ["all_low", "C0750", ""])
def test_advice_that_air_lacks_is_right(cause: str) -> None:
    """The tyres' detector, the car's own code and a rival that names no cause say what is true."""
    assert match(LOW, alert(cause)).label.tolist() == [RIGHT]


@pytest.mark.parametrize("cause", ["leak_fl", "leak_soon_rr", "flat_fl"])
def test_a_word_of_a_leak_is_false_where_there_is_none(cause: str) -> None:
    """Low tyres excuse nobody who sends their owner to have a hole mended."""
    assert match(LOW, alert(cause)).label.tolist() == [FALSE]


def test_an_appointment_for_air_is_for_nothing() -> None:
    """It is false and billed; advice is right and costs nothing."""
    booked, advised = alert("all_low", books=True), alert("all_low")
    assert match(LOW, booked).label.tolist() == [FALSE]
    assert bill(LOW, booked, match(LOW, booked), WATCHED).of_vehicle.sum() == FOR_NOTHING
    assert bill(LOW, advised, match(LOW, advised), WATCHED).of_vehicle.sum() == 0.0


def test_advice_is_false_before_air_lacks_and_long_after_it_was_filled() -> None:
    """The week after a repair counts for air too."""
    labels = [match(LOW, alert("all_low", day=day)).label[0] for day in (5.0, 45.0, 60.0)]
    assert labels == [FALSE, RIGHT, FALSE]


def test_a_leak_is_found_beside_low_air() -> None:
    """A word of the leak means the leak, and one that air lacks stands for it too."""
    both = truth((LOW_AIR, 10.0, np.nan, 40.0), ("slow_puncture", 15.0, 60.0, 62.0))
    for cause in ("leak_fl", "all_low"):
        assert match(both, alert(cause)).first[1] == 0


def test_a_word_of_a_hole_is_another_alert_than_one_of_air() -> None:
    """Air lacked, and was said; then a puncture came, and was booked: both were right, and it was found."""
    both = truth((LOW_AIR, 10.0, np.nan, 40.0), ("slow_puncture", 30.0, 60.0, 62.0))
    words = [
        Said(vehicle=0, component="tyre_pressure", detector="tyres", at_ms=day * DAY_MS, books=books, cause=cause)
        for day, books, cause in ((20.0, False, "all_low"), (41.0, True, "leak_soon_fl"))
    ]  # fmt: skip
    alerts = alerts_of(words)
    matched = match(both, alerts)
    assert matched.label.tolist() == [RIGHT, RIGHT]
    assert matched.first[1] == 1
    assert match(LOW, alerts).label.tolist() == [RIGHT, FALSE]


def test_it_counts_as_no_fault() -> None:
    """Neither in the number of faults nor in who was ever faulty; the word is the ledger's."""
    assert len(faults_of(LOW)) == 0
    air = LowAir.of(1)
    air.since_ms[0] = 5
    assert [row.kind for row in air.rows(0)] == [LOW_AIR]
