"""What a service book tells of parts that wear: how fast they wore before anything was seen."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.advance import HEALTH, Workshop, initial, judge
from diagnostics.features.trips import FEATURE_AT, FEATURES, Trips
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from diagnostics.prognosis import anchored, book, dose
from diagnostics.wear import brake_pads_front, engine_oil

DAY_MS = 86_400_000.0
DAYS = 60
LIVES = 3000


def seen(detector, measured_mm: float, fitted_days_before: float | None) -> np.ndarray:
    """Days left at the end ``(3,)`` of pads that were measured on the first day, fitted so long before it."""
    values = np.full((DAYS, len(FEATURES)), np.nan)
    at = (1.0 + np.arange(DAYS)) * DAY_MS
    told = {
        "started_ms": at, "ended_ms": at + 3_600_000.0, "previous_end_ms": np.append(np.nan, at[:-1] + 3_600_000.0),
        "oil_dose": 60_000.0, "revolutions": 60_000.0, "km": 40.0, "speed_n": 3000.0, "moving_s": 3000.0,
        "braking_joules_per_kg": 1000.0, "odometer_km": 90_000.0,
    }  # fmt: skip
    for name, column in told.items():
        values[:, FEATURE_AT[name]] = column
    trips = Trips(vehicle=np.zeros(DAYS, dtype=np.int64), values=values)
    served = np.full((1, 1, 0 if fitted_days_before is None else 1), -(fitted_days_before or 0.0) * DAY_MS)
    at_first = [Measured.of("pad_front_mm", int(0.9 * DAY_MS), measured_mm)]
    workshop = Workshop(services_ms=served, measured=Measurements.of([at_first]))
    parameters = parameters_of(read_platforms(), [GENERIC])
    step = judge(trips, initial((detector,), 1), parameters, (detector,), workshop)
    return np.asarray(step.state[HEALTH]["rul_days"][0, 0])


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


def test_what_asks_for_no_book_passes_it_over() -> None:
    """Oil that was changed before the first trip is as before: its measurement counts from then on."""
    np.testing.assert_array_equal(seen(engine_oil.MODEL, 5.0, 300.0), seen(engine_oil.MODEL, 5.0, None))


def test_intervals_with_a_book_hold_nine_of_ten() -> None:
    """Wear per work that differs by a factor of cars, habits that were otherwise: the interval of the rate holds."""
    rng = np.random.default_rng(3)
    true = np.exp(0.5 * rng.standard_normal(LIVES))
    days, work = rng.uniform(300.0, 1500.0, LIVES), 0.004
    worn = true * work * days * np.exp(book.HABITS_DIFFER * rng.standard_normal(LIVES))
    fits = (worn > 2.5) & (worn < 8.5)
    n = int(fits.sum())
    sd = np.full(n, 0.6)
    left = anchored.Left(
        amount=np.full(n, 5.0), rate=np.full(n, 1.0), amount_var=np.full(n, 0.16), rate_var=np.full(n, 0.25),
        together=np.zeros(n), renewed=np.zeros(n, dtype=np.bool_),
    )  # fmt: skip
    daily = dose.Dose(total=np.zeros(n), rate=np.full(n, work), variance=np.zeros(n), days=np.full(n, 30.0))
    past = {"past_mm": worn[fits] + sd * rng.standard_normal(n), "past_days": days[fits]}
    after, rest = book.learned(left, daily, past, sd, np.ones(n, dtype=np.bool_))
    spread = 1.645 * np.sqrt(after.rate_var) / after.rate
    held = np.abs(np.log(true[fits] / after.rate)) <= spread
    assert 0.86 <= held.mean() <= 0.94
    assert np.median(spread) < 0.75 * 1.645 * 0.5
    assert np.isnan(rest["past_mm"]).all()
    np.testing.assert_array_equal(book.learned(after, daily, rest, sd, np.ones(n, dtype=np.bool_))[0].rate, after.rate)
