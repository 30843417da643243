"""The 12 V battery of cars without a starter: what its tests, its age and heat say about its end."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.advance import HEALTH, Step, Workshop, initial, judge
from diagnostics.features.trips import FEATURE_AT, FEATURES, Trips
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import parameters_of, read_platforms
from diagnostics.wear.auxiliary_battery import MODEL, ageing

DAY_MS = 86_400_000.0
YEAR = 365.25
HOUR = 1.0 / 24.0


def lived(
    days: np.ndarray, *tested: tuple[float, float], air_c: float = 20.0, fitted_day: float | None = None,
    kind: str = "electric",
) -> Step:  # fmt: skip
    """A trip of an hour on each of some days; tests are (day, per cent), the battery was replaced on ``fitted_day``."""
    values = np.full((len(days), len(FEATURES)), np.nan)
    told = {
        "started_ms": days * DAY_MS, "ended_ms": (days + HOUR) * DAY_MS,
        "previous_end_ms": np.append(np.nan, days[:-1] + HOUR) * DAY_MS, "ambient_c": air_c,
        "odometer_km": 90_000.0, "km": 40.0,
    }  # fmt: skip
    for name, column in told.items():
        values[:, FEATURE_AT[name]] = column
    trips = Trips(vehicle=np.zeros(len(days), dtype=np.int64), values=values)
    served = np.full((1, 1, 0 if fitted_day is None else 1), (fitted_day or 0.0) * DAY_MS)
    rows = [Measured.of("battery_12v_percent", int(day * DAY_MS), percent) for day, percent in tested]
    workshop = Workshop(services_ms=served, measured=Measurements.of([rows]))
    return judge(trips, initial((MODEL,), 1), parameters_of(read_platforms(), [kind]), (MODEL,), workshop)


def daily(days: float) -> np.ndarray:
    """From day 1 on."""
    return np.arange(1.0, days)


def said(step: Step) -> list[tuple[str, float]]:
    """What was said when, in days."""
    return [("cleared" if one.cause < 0 else MODEL.causes[one.cause].key, one.found_ms / DAY_MS) for one in step.alarms]


def health(step: Step) -> float:
    """At the end."""
    return float(step.state[HEALTH]["health"][0, 0])


def left(step: Step) -> np.ndarray:
    """Days left at the end, ``(3,)``."""
    return np.asarray(step.state[HEALTH]["rul_days"][0, 0])


def amount(step: Step) -> float:
    """Per cent that is left at the end."""
    return float(step.state[MODEL.name]["amount"][0])


def test_in_the_heat_a_battery_at_45_per_cent_is_advised_before_its_end() -> None:
    """At 30 degC it loses 26 points a year: 210 days to the limit; at 20 degC it is not due then."""
    end = 15.0 / 26.0 * YEAR
    found = said(lived(daily(end), (0.9, 45.0), air_c=30.0))
    assert [cause for cause, _ in found] == ["soon_due"]
    assert end - 90.0 < found[0][1] < end - 14.0
    assert said(lived(daily(end), (0.9, 45.0), air_c=20.0)) == []


def test_two_tests_below_the_limit_book() -> None:
    """What two tests find far below the limit is worn, and said so once."""
    found = said(lived(daily(60.0), (20.5, 9.0), (40.5, 8.0)))
    assert found[-1][0] == "worn"
    assert len({cause for cause, _ in found}) == len(found)


def test_a_battery_that_nobody_tested_or_dated_is_never_mentioned() -> None:
    """Ten years in the heat: nothing is found, and neither health nor life is stated."""
    step = lived(np.arange(1.0, 3650.0, 3.0), air_c=30.0)
    assert said(step) == []
    assert np.isnan(health(step))
    assert np.isnan(left(step)).all()


def test_the_wear_before_the_first_test_counts_for_what_a_day_does() -> None:
    """A car that drove for a year untested knows how fast its days age, right when it is tested."""
    late, early = lived(daily(366.0), (364.5, 60.0)), lived(daily(40.0), (38.5, 60.0))
    assert late.state[MODEL.name]["mean"][0] == pytest.approx(1.0 / YEAR, rel=0.02)
    assert early.state[MODEL.name]["mean"][0] == pytest.approx(1.0 / YEAR, rel=0.1)


@pytest.mark.parametrize("kind", ["petrol", "diesel", "van", "generic"])
def test_cars_without_a_traction_battery_have_none(kind: str) -> None:
    """A test that a workshop enters there is of a battery that turns a starter."""
    step = lived(daily(60.0), (20.5, 15.0), (40.5, 15.0), fitted_day=-2000.0, kind=kind)
    assert said(step) == []
    assert np.isnan(health(step))


def test_hybrid_cars_have_one() -> None:
    """A hybrid car's traction battery starts its engine."""
    assert health(lived(daily(60.0), (20.5, 65.0), kind="hybrid")) == pytest.approx(0.5, abs=0.06)


def test_a_new_battery_is_known_by_its_service_or_its_test() -> None:
    """After a replacement, or a reading that no old battery gives, all advice has gone and the life is long."""
    old = ((20.5, 17.0), (40.5, 16.0))
    for step in (lived(daily(120.0), *old, fitted_day=60.0), lived(daily(120.0), *old, (60.5, 97.0))):
        assert said(step)[-1][0] == "cleared"
        assert health(step) > 0.85
        assert left(step)[0] > YEAR


def test_the_book_dates_a_battery_that_was_never_tested() -> None:
    """Fitted a month before the car was connected or four years before: the stated lives differ by what it aged."""
    new, old = (lived(daily(60.0), fitted_day=day) for day in (-30.0, -4.0 * YEAR))
    lost = 4.0 * 24.0 * float(ageing(np.array([15.0]))[0])
    assert amount(new) - amount(old) == pytest.approx(lost, abs=2.0)
    assert left(old)[1] < 0.75 * left(new)[1]
    wide = [(life[2] - life[0]) / life[1] for life in (left(old), left(new))]
    assert wide[0] > wide[1]
    assert said(new) == said(old) == []


def test_an_old_battery_that_was_only_dated_is_to_be_tested_and_never_booked() -> None:
    """Of a battery of ten years the book alone asks for a test; of four years it asks nothing."""
    assert {cause for cause, _ in said(lived(daily(60.0), fitted_day=-10.0 * YEAR))} == {"soon_due"}
    assert said(lived(daily(60.0), fitted_day=-4.0 * YEAR)) == []


def test_what_was_lost_since_the_book_tells_how_fast_it_goes() -> None:
    """At 60 per cent after two years a battery ages faster, and ends sooner, than at 60 per cent after five."""
    fast, slow = (lived(daily(60.0), (0.9, 60.0), fitted_day=-years * YEAR) for years in (2.0, 5.0))
    assert fast.state[MODEL.name]["rate"][0] > 1.3 * slow.state[MODEL.name]["rate"][0]
    assert left(fast)[1] < 0.9 * left(slow)[1]


def test_heat_ages_twice_as_fast_for_each_10_k() -> None:
    """By the law, within what a battery's place can be; and a car's loss by it."""
    np.testing.assert_allclose(ageing(np.array([10.0, 20.0, 30.0, 40.0])), [0.5, 1.0, 2.0, 4.0])
    assert ageing(np.array([90.0])) == ageing(np.array([50.0]))
    assert ageing(np.array([np.nan])) == ageing(np.array([15.0]))
    cool, hot = (90.0 - amount(lived(daily(366.0), (0.9, 90.0), (1.5, 90.0), air_c=at)) for at in (20.0, 30.0))
    assert hot - cool == pytest.approx(24.0, abs=2.0)


def test_another_cars_reading_does_not_book() -> None:
    """A battery that was tested sound is not worn out the next month; the first reading of all asks for a test only."""
    known = lived(daily(120.0), (10.5, 84.0), (40.5, 81.0), (80.5, 14.0))
    assert said(known) == []
    assert amount(known) > 55.0
    assert "worn" not in {cause for cause, _ in said(lived(daily(60.0), (20.5, 24.0)))}


def test_standing_for_three_weeks_ages_as_three_weeks_of_driving_do() -> None:
    """The same year with a trip a day and with one in three weeks: the same is left, and the same days."""
    driven, stood = (lived(np.arange(1.0, 368.0, each), (0.9, 80.0)) for each in (1.0, 21.0))
    assert amount(stood) == pytest.approx(amount(driven), abs=1.0)
    assert amount(driven) < 80.0 - 12.0
    assert left(stood)[1] == pytest.approx(left(driven)[1], rel=0.15)


def test_intervals_hold_nine_of_ten() -> None:
    """Lives of other rates, tested twice with an error of nine points: the stated interval holds the end."""
    rng, n, every = np.random.default_rng(4), 400, 4.0
    rate = 24.0 * np.exp(0.5 * rng.standard_normal(n) - 0.12)
    new, air_c = 100.0 + 5.0 * rng.standard_normal(n), rng.uniform(8.0, 28.0, n)
    state, p = MODEL.initial(n), parameters_of(read_platforms(), ["electric"] * n)
    state = dict(state) | {"new": np.ones(n)}
    days = np.arange(1.0, 2.0 * YEAR, every)
    for number, day in enumerate(days):
        values = np.full((n, len(FEATURES)), np.nan)
        true = new - rate * ageing(air_c) * day / YEAR
        before = 0.0 if number == 0 else days[number - 1] + HOUR
        columns = {
            "started_ms": day * DAY_MS, "ended_ms": (day + HOUR) * DAY_MS, "previous_end_ms": before * DAY_MS,
            "ambient_c": air_c,
        }  # fmt: skip
        if number in {len(days) // 2, len(days) - 1}:
            columns["measured_battery_12v_percent"] = np.maximum(true + 9.0 * rng.standard_normal(n), 0.0)
        for name, column in columns.items():
            values[:, FEATURE_AT[name]] = column
        judgement, state = MODEL.step(Trips(vehicle=np.arange(n), values=values), state, p)
    alive = true > 25.0
    truth, life = ((true - 25.0) / (rate * ageing(air_c)) * YEAR)[alive], judgement.rul_days[alive]
    held = ((truth >= life[:, 0]) & (truth <= life[:, 2])).mean()
    assert 0.86 <= held <= 0.96
