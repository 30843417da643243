"""The whole score from what was seen of a small made-up fleet to the report: its keys, its rules, its pages."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from diagnostics.features.trips import FEATURES
from scorecard.ablations import ablations
from scorecard.alerts import Said, alerts_of
from scorecard.beside import TITLES, Beside, Speed, Spent
from scorecard.charts import draw_all
from scorecard.judging import Stated
from scorecard.kinds import by_kind
from scorecard.matching import match
from scorecard.record import Cars, Code, Record, Trips
from scorecard.report import BARS, LANGUAGES, RANGES, YEAR, is_met, report
from scorecard.result import Figure, printed, read
from scorecard.scoring import score
from scorecard.seeing import Request, Seen, together
from scorecard.truth import DAY_MS, Left, Truth, Watched

N, DAYS, START = 30, 150, 1_750_000_000_000.0
ASKED = {
    "recall_a", "false_bookings_per_vehicle_year", "false_advisories_per_vehicle_year", "precision", "lead_days",
    "lead_share_14d", "lead_days_before_dtc", "top1_cause", "top3_cause", "interval_coverage",
    "failure_probability_ece", "brier_skill", "cost_vs_schedule",
}  # fmt: skip


@pytest.fixture(name="seen", scope="module")
def _seen() -> Seen:
    """A trip a day of sound cars; a charging fault in two, of which one has a code thirty days before it fails."""
    rng = np.random.default_rng(8)
    values = np.full((N * DAYS, len(FEATURES)), np.nan)
    ended = START + np.tile(np.arange(1, DAYS + 1), N) * DAY_MS - 3600e3

    def put(name: str, column: np.ndarray) -> None:
        values[:, FEATURES.index(name)] = column

    put("started_ms", ended - 1200e3)
    put("ended_ms", ended)
    put("running_s", np.full(N * DAYS, 1200.0))
    put("km", np.full(N * DAYS, 12.0))
    put("charging_volts", 14.0 + 0.1 * rng.standard_normal(N * DAYS))
    put("crank_volts", 10.5 + 0.3 * rng.standard_normal(N * DAYS))
    cars = Cars(
        platform=np.full(N, "any"), powertrain=np.full(N, "petrol"), age_days=np.full(N, 1500.0),
        odometer_km=np.full(N, 50_000.0),
    )  # fmt: skip
    codes = (Code(vehicle=0, at_ms=START + 80 * DAY_MS, code="P0562", state="stored", present=True),)
    record = Record(
        cars=cars, trips=Trips(vehicle=np.repeat(np.arange(N), DAYS), values=values, names=FEATURES), codes=codes,
        start_ms=START,
    )  # fmt: skip
    times = START + np.array([[60.0, 60.0], [70.0, 70.0], [110.0, 110.0], [112.0, 112.0]]) * DAY_MS
    truth = Truth(
        vehicle=np.array([0, 1]), component=np.array(["charging"] * 2), kind=np.array(["alternator_worn"] * 2),
        observability=np.array(["A"] * 2), gradual=np.ones(2, bool), wears=np.zeros(2, bool), matters=np.ones(2, bool),
        onset_ms=times[0], noticeable_ms=times[1], failed_ms=times[2], ended_ms=times[3],
        code_ms=np.array([START + 80 * DAY_MS, np.nan]), expected_ms=np.array([np.nan, np.nan]),
    )  # fmt: skip
    left = Left(
        vehicle=np.array([0]), part=np.array(["charging/alternator weakens"]), at_ms=np.array([START + 60 * DAY_MS]),
        days=np.array([50.0]),
    )  # fmt: skip
    watched = Watched(from_ms=np.full(N, START), until_ms=np.full(N, START + DAYS * DAY_MS))
    return Seen(record=record, truth=truth, left=left, watched=watched, driven_s=N * DAYS * 1200)


@pytest.fixture(name="found", scope="module")
def _found(seen):
    request = Request(world="development", vehicles=N, days=DAYS, seed=4)
    return score(request, seen, lambda _: None)


def test_the_score_has_every_figure_that_was_asked_for(found) -> None:
    """At the top of the JSON, each with its interval; null where there was nothing to count."""
    whole = json.loads(printed(found))
    assert set(whole) >= ASKED | {"components", "peers"}
    assert all(set(whole[name]) == {"value", "low", "high"} for name in ASKED)
    assert set(whole["peers"]) >= {"dtc_mil_only", "mileage_schedule", "age_only_weibull", "fixed_oem_thresholds"}


def test_a_failure_that_its_code_told_of_is_found_with_thirty_days_to_go(found) -> None:
    """The other was not: one of two."""
    assert found.figures["recall_a"].value == 0.5
    assert found.peers["dtc_mil_only"]["lead_days"].value == pytest.approx(30.0)
    assert found.failures == 2


def test_blocks_are_one_fleet_with_vehicles_numbered_through(seen) -> None:
    """Two of the same are a fleet of twice the cars, whose second half has the same faults."""
    both = together([seen, seen])
    assert len(both.record.cars) == 2 * N
    assert sorted(both.truth.vehicle) == [0, 1, N, N + 1]
    assert {code.vehicle for code in both.record.codes} == {0, N}


def test_the_report_holds_every_figure_in_both_languages(found, tmp_path) -> None:
    """And is made from the file that the score was written to."""
    path = tmp_path / "fleet.json"
    path.write_text(printed(found), encoding="utf-8")
    again = read(path)
    assert again == found
    for language in LANGUAGES:
        page = report(again, {"lossy": again}, language)
        assert all(f"`{name}`" in page for name in again.figures)
        assert "| charging | alternator_worn | A | 2 | 1 | 0 | 0 | 1 |" in page
        assert "LONG" not in page
        assert f"STRESSES='lossy' LONG={N} make score" in report(again, {"lossy": again, YEAR: again}, language)
        fast = Speed(
            ours=1e6, peers={"river": 1e5}, input="cars",
            detail=Spent(seconds_for_a_day_of_a_million_cars=9.0, cores=2, core_us_a_car={"1": 2.0},
                         peak_mib_of_all_processes=3),
        )  # fmt: skip
        assert f"## {TITLES['speed'][language]}" in report(again, {}, language, Beside(speed=fast))
        assert f"## {TITLES['speed'][language]}" not in page


def test_what_exact_looks_would_add_is_told_where_the_ledger_knows_them(seen, found) -> None:
    """Records that were kept without such readings have no such card."""
    assert "measured_monthly" not in found.ablations
    looked = replace(seen, exact=((3, "tread_mm", START + 30 * DAY_MS, 4.0),))
    names = [name for name, _ in ablations(looked)]
    assert names.index("measured_monthly") == names.index("without_sequential_tests") + 1


def test_what_was_missed_is_told_by_why(seen) -> None:
    """A car without a voltage gives no signal; a word after the failure is too late; else it was just not told."""
    truth, n = seen.truth, len(seen.record.cars)

    def why(said: list[Said], health: float) -> tuple[int, int, int, int]:
        none = np.full((n, 3), np.nan)
        stated = Stated(
            at_ms=START, detector="charging", component="charging", health=np.full(n, health), life_days=none
        )
        alerts = alerts_of(said)
        (row,) = by_kind(truth, seen.watched, alerts, match(truth, alerts), [stated])
        return row.found, row.unseen, row.late, row.silent

    def word(day: float) -> Said:
        return Said(
            vehicle=0, component="charging", detector="charging", at_ms=START + day * DAY_MS, books=False, cause="low",
        )  # fmt: skip

    assert why([], 1.0) == (0, 0, 0, 2)
    assert why([], np.nan) == (0, 2, 0, 0)
    assert why([word(100.0)], 1.0) == (1, 0, 0, 1)
    assert why([word(111.0)], np.nan) == (0, 1, 1, 0)


def test_charts_are_drawn_and_the_same_each_time(found, tmp_path) -> None:
    """Five SVG files, byte for byte, so that a report that did not change makes no difference."""
    pytest.importorskip("matplotlib")
    names = draw_all(found, {"lossy": found}, tmp_path / "a")
    draw_all(found, {"lossy": found}, tmp_path / "b")
    assert len(names) == 5
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_a_bar_is_met_on_its_own_side() -> None:
    """Recall from above, false alarms from below, coverage within."""

    def figure(value: float) -> Figure:
        return Figure(value=value, low=value, high=value)

    assert (is_met("recall_a", figure(0.96)), is_met("recall_a", figure(0.94))) == (True, False)
    assert is_met("false_bookings_per_vehicle_year", figure(0.03)) is False
    assert [is_met("interval_coverage", figure(value)) for value in (0.85, 0.9, 0.95)] == [False, True, False]
    assert is_met("recall_c", figure(0.1)) is None
    assert not set(BARS) & set(RANGES)
