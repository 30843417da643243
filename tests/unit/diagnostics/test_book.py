"""What a service book tells of parts that wear: how fast they wore before anything was seen."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.advance import HEALTH, Step, Workshop, initial, judge
from diagnostics.features.trips import FEATURE_AT, FEATURES, Trips
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from diagnostics.prognosis import anchored, book, dose, part
from diagnostics.wear import air_filter, brake_pads_front, engine_oil

DAY_MS = 86_400_000.0
DAYS = 60
LIVES = 3000


def lived(detector, *measured: tuple[str, float, float], fitted_day: float | None) -> Step:
    """A trip a day from day 1 on; measurements are (name, day, value), the service is of ``fitted_day``."""
    values = np.full((DAYS, len(FEATURES)), np.nan)
    at = (1.0 + np.arange(DAYS)) * DAY_MS
    told = {
        "started_ms": at, "ended_ms": at + 3_600_000.0, "previous_end_ms": np.append(np.nan, at[:-1] + 3_600_000.0),
        "oil_dose": 60_000.0, "revolutions": 60_000.0, "km": 40.0, "speed_n": 3000.0, "moving_s": 3000.0,
        "braking_joules_per_kg": 1000.0, "odometer_km": 90_000.0,
        "intake_air_kg": 40.0,
    }  # fmt: skip
    for name, column in told.items():
        values[:, FEATURE_AT[name]] = column
    trips = Trips(vehicle=np.zeros(DAYS, dtype=np.int64), values=values)
    served = np.full((1, 1, 0 if fitted_day is None else 1), (fitted_day or 0.0) * DAY_MS)
    rows = [Measured.of(name, int(day * DAY_MS), value) for name, day, value in measured]
    workshop = Workshop(services_ms=served, measured=Measurements.of([rows]))
    parameters = parameters_of(read_platforms(), [GENERIC])
    return judge(trips, initial((detector,), 1), parameters, (detector,), workshop)


def left(step: Step) -> np.ndarray:
    """Days left at the end, ``(3,)``."""
    return np.asarray(step.state[HEALTH]["rul_days"][0, 0])


def seen(detector, measured_mm: float, fitted_days_before: float | None) -> np.ndarray:
    """Days left of pads that were measured right before the first trip, fitted so long before day 0."""
    fitted_day = None if fitted_days_before is None else -fitted_days_before
    return left(lived(detector, ("pad_front_mm", 0.9, measured_mm), fitted_day=fitted_day))


def test_pads_that_wore_fast_before_are_due_sooner() -> None:
    """The same thickness, fitted a year ago or four: the first wears faster, and that is known from the first month."""
    unknown, fast, slow = (seen(brake_pads_front.MODEL, 5.0, days) for days in (None, 365.0, 1460.0))
    assert fast[1] < 0.7 * slow[1]
    assert fast[1] < unknown[1]
    for told in (fast, slow):
        assert np.log(told[2] / told[0]) < 0.8 * np.log(unknown[2] / unknown[0])


@pytest.mark.parametrize(("measured", "days"), [(10.6, 365.0), (5.0, 20.0)])
def test_a_book_that_tells_too_little_changes_nothing(measured: float, days: float) -> None:
    """Pads that have hardly worn, or were fitted just now, say nothing about how fast they wear."""
    np.testing.assert_array_equal(
        seen(brake_pads_front.MODEL, measured, days), seen(brake_pads_front.MODEL, measured, None)
    )


def test_the_loss_counts_until_it_was_measured() -> None:
    """Measured 400 days before the first trip, the same loss came in half the time: pads wear twice as fast."""
    model = brake_pads_front.MODEL
    early, late = (left(lived(model, ("pad_front_mm", day, 5.0), fitted_day=-800.0)) for day in (-400.0, 0.9))
    assert early[1] < 0.7 * late[1]


@pytest.mark.parametrize(
    ("model", "name", "old"),
    [(brake_pads_front.MODEL, "pad_front_mm", 3.0), (engine_oil.MODEL, "oil_life_percent", 2.0)],
)
def test_what_was_measured_before_the_part_was_fitted_is_of_another(model, name: str, old: float) -> None:
    """Measured, then replaced, all before the first trip: nobody measured the part that is in the car."""
    told = lived(model, (name, -100.5, old), fitted_day=-100.0)
    none = lived(model, fitted_day=-100.0)
    np.testing.assert_array_equal(left(told), left(none))
    assert not [alarm for alarm in told.alarms if alarm.cause >= 0]


def test_a_measurement_after_the_service_counts_without_a_book() -> None:
    """Oil that was changed before the first trip and measured since is as used as it was measured."""
    told = lived(engine_oil.MODEL, ("oil_life_percent", 0.9, 5.0), fitted_day=-300.0)
    np.testing.assert_array_equal(
        left(told), left(lived(engine_oil.MODEL, ("oil_life_percent", 0.9, 5.0), fitted_day=None))
    )


def test_a_renewal_that_was_seen_is_no_entry_of_a_book() -> None:
    """What is measured after it is learned from once: as if the pads were new at that time, and no more."""
    model = brake_pads_front.MODEL
    seen_anew = lived(model, ("pad_front_mm", 50.9, 9.0), fitted_day=5.0)
    assert np.isnan(seen_anew.state[model.name]["past_days"]).all()
    assert np.isnan(seen_anew.state[model.name]["past_mm"]).all()


def test_what_the_book_told_outlives_pads_that_are_replaced_soon() -> None:
    """How fast a car wears pads is the car's: new pads three days after the first trip do not undo it."""
    model = brake_pads_front.MODEL
    anew = {key: np.array([value]) for key, value in (("past_mm", 6.0), ("past_days", 400.0))}
    state = {key: values[0:1] for key, values in model.initial(1).items()} | anew
    after = part.renewed(state, np.array([3.0 * DAY_MS]))
    assert after["past_mm"] == 6.0
    assert after["past_days"] == 400.0


def test_intervals_with_a_book_hold_nine_of_ten() -> None:
    """Wear per work that differs by a factor of cars, habits that were otherwise: the interval of the rate holds."""
    rng = np.random.default_rng(3)
    true = np.exp(0.5 * rng.standard_normal(LIVES))
    days, work = rng.uniform(300.0, 1500.0, LIVES), 0.004
    worn = true * work * days * np.exp(0.35 * rng.standard_normal(LIVES))
    fits = (worn > 2.5) & (worn < 8.5)
    n = int(fits.sum())
    sd = np.full(n, 0.6)
    known = anchored.Left(
        amount=np.full(n, 5.0), rate=np.full(n, 1.0), amount_var=np.full(n, 0.16), rate_var=np.full(n, 0.25),
        together=np.zeros(n), renewed=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip
    daily = dose.Dose(total=np.zeros(n), rate=np.full(n, work), variance=np.zeros(n), days=np.full(n, 30.0))
    past = {"past_mm": worn[fits] + sd * rng.standard_normal(n), "past_days": days[fits]}
    after, rest = book.learned(known, daily, past, sd, np.ones(n, dtype=np.bool_))
    spread = 1.645 * np.sqrt(after.rate_var) / after.rate
    held = np.abs(np.log(true[fits] / after.rate)) <= spread
    assert 0.86 <= held.mean() <= 0.94
    assert np.median(spread) < 0.75 * 1.645 * 0.5
    assert np.isnan(rest["past_mm"]).all()
    np.testing.assert_array_equal(book.learned(after, daily, rest, sd, np.ones(n, dtype=np.bool_))[0].rate, after.rate)


def test_a_filter_that_breathed_for_years_before_has_less_left() -> None:
    """Air is reckoned back to the change that the book tells of; without an entry little is said, and never nothing."""
    new, old, unknown = (left(lived(air_filter.MODEL, fitted_day=day)) for day in (-20.0, -600.0, None))
    assert old[1] < 0.85 * new[1]
    assert np.log(new[2] / new[0]) < np.log(unknown[2] / unknown[0])
    long_ago = left(lived(air_filter.MODEL, fitted_day=-3000.0))
    assert 0.0 < long_ago[1] < new[1]
