"""The rivals say what they are meant to say, by their own rules."""

from __future__ import annotations

import numpy as np
import pytest

from scorecard.ageing import Weibull, best_age, fit, read_laws, written
from scorecard.record import Cars, Code, Record, Service, Trips
from scorecard.rivals import in_a_row, lamp, schedule
from scorecard.truth import DAY_MS

YEAR_MS = 365.0 * DAY_MS


def record(**changed) -> Record:
    """Two cars, new; a trip of 50 km a day."""
    days = np.arange(1.0, 366.0)
    ended = np.concatenate([days, days]) * DAY_MS
    trips = Trips(
        vehicle=np.repeat([0, 1], 365),
        values=np.stack([ended, np.full(730, 50.0)], axis=1),
        names=("ended_ms", "km"),
    )
    cars = Cars(
        platform=np.array(["a", "a"]), powertrain=np.array(["petrol", "petrol"]), age_days=np.zeros(2),
        odometer_km=np.zeros(2),
    )  # fmt: skip
    return Record(**{"cars": cars, "trips": trips} | changed)


def test_the_lamp_speaks_of_stored_codes_only() -> None:
    """A pending one says nothing; a code that is gone closes its alert."""
    codes = tuple(
        Code(vehicle=0, at_ms=day * DAY_MS, code="P0420", state=state, present=present)
        for day, state, present in ((1, "pending", True), (2, "stored", True), (9, "stored", False))
    )
    said = lamp(record(codes=codes))
    assert list(said.at_ms / DAY_MS) == [2]
    assert list(said.ended_ms / DAY_MS) == [9]


def test_the_schedule_counts_kilometres_from_the_last_service() -> None:
    """At 50 km a day oil is due after 300 days; a service on day 200 puts that off beyond the year."""
    due = schedule(record(), YEAR_MS)
    oil = due.component == "engine_oil"
    assert list(due.at_ms[oil] / DAY_MS) == [300, 300]
    serviced = record(services=(Service(vehicle=0, component="engine_oil", at_ms=200 * DAY_MS),))
    later = schedule(serviced, YEAR_MS)
    assert list(later.vehicle[later.component == "engine_oil"]) == [1]


def test_the_schedule_goes_on_from_the_service_book() -> None:
    """A service long before the record is due at once, one shortly before it when the rest of the interval is over."""
    cars = Cars(
        platform=np.array(["a", "a"]), powertrain=np.array(["petrol", "petrol"]), age_days=np.full(2, 1000.0),
        odometer_km=np.full(2, 50_000.0),
    )  # fmt: skip
    book = tuple(Service(vehicle=at, component="engine_oil", at_ms=-days * DAY_MS) for at, days in ((0, 500), (1, 100)))
    due = schedule(record(cars=cars, services=book), YEAR_MS)
    oil = due.component == "engine_oil"
    assert list(zip(due.vehicle[oil], due.at_ms[oil] / DAY_MS, strict=True)) == [(0, 0), (1, 200)]


def test_a_limit_must_be_exceeded_on_trips_in_a_row() -> None:
    """Two of three in a row are not enough; the alert closes with the first trip that keeps the limit."""
    exceeded = np.zeros(730, dtype=bool)
    exceeded[[10, 11, 20, 21, 22]] = True
    said = list(in_a_row(record(), exceeded, "charging", "limit", 3))
    assert [(one.vehicle, one.at_ms / DAY_MS, one.books) for one in said] == [(0, 23, True), (0, 24, None)]


def test_a_fit_finds_the_law_that_made_the_failures() -> None:
    """Though cars came at any age and left a year later."""
    rng = np.random.default_rng(1)
    law = Weibull(shape=3.0, scale=3000.0)
    entered = rng.uniform(0.0, 4000.0, 6000)
    left = entered + 365.0
    age = law.scale * (rng.exponential(size=6000) + law.cumulative(entered)) ** (1.0 / law.shape)
    found = fit(age[age < left], entered, np.minimum(left, age))
    assert found.shape == pytest.approx(3.0, rel=0.1)
    assert found.scale == pytest.approx(3000.0, rel=0.05)
    assert read_laws(written({"brakes": found}))["brakes"].shape == pytest.approx(found.shape, abs=1e-4)


def test_what_fails_by_chance_is_not_worth_replacing() -> None:
    """And what wears out is, at about half its scale where failing costs five times as much."""
    assert best_age(Weibull(shape=1.0, scale=2000.0), 1.0, 5.0) is None
    worn = best_age(Weibull(shape=3.0, scale=2000.0), 1.0, 5.0)
    assert worn is not None
    assert 0.4 < worn / 2000.0 < 0.6
