"""What lies behind a block's cars when a run begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.fleet import past
from simulators.fleet.brakes import WEAR as BRAKES
from simulators.fleet.course import Course, begin
from simulators.fleet.makes import world
from simulators.fleet.population import Vehicles, draw, plan
from simulators.fleet.stress import NONE

CARS = 300
FRONT = next(each for each in BRAKES if each.name == "front_pads")


def cars(**other: object) -> Vehicles:
    """Cars of many ages."""
    block = plan(world("development"), 1000, 8, 3, CARS)[0]
    return replace(draw(block), **other)


def stands(vehicles: Vehicles, life_days: float, *, km: float = 25.0, seed: int = 1) -> past.Begun:
    """Where front pads that last so long stand."""
    n = len(vehicles)
    gone = np.full(n, 1.0 / life_days, dtype=np.float32)
    now = np.full(n, km, dtype=np.float32)
    return past._begun(FRONT, vehicles, gone, now, np.random.default_rng(seed))


def first(found: past.Begun) -> np.ndarray:
    """Whose part came with the car."""
    return np.isnan(found.before)


def test_first_parts_are_as_old_as_their_car() -> None:
    """Pads that nobody renewed were in the car for all its days, others for fewer; young cars have their first."""
    vehicles = cars()
    found = stands(vehicles, 2000.0)
    np.testing.assert_allclose(found.days[first(found)], vehicles.age_days[first(found)], rtol=1e-5)
    assert np.all(found.days[~first(found)] < vehicles.age_days[~first(found)])
    assert first(found)[vehicles.age_days < 700.0].all()
    assert not first(found)[vehicles.age_days > 4300.0].any()


def test_what_is_left_follows_from_the_days_in_the_car() -> None:
    """What went of a part is its days by its life, but for the spread between lives."""
    found = stands(cars(), 2000.0)
    told = (found.left > 0.05) & (found.days > 200.0)
    ratio = np.log((1.0 - found.left[told]) * 2000.0 / found.days[told])
    assert abs(float(np.median(ratio))) < 0.05
    assert 0.1 < float(ratio.std()) < 0.3


def test_only_who_keeps_the_schedule_has_parts_renewed_before_their_end() -> None:
    """Nearly worn pads are rarer in cars that are looked after."""
    n = len(cars())
    kept = stands(cars(cared=np.ones(n, dtype=np.bool_)), 2500.0)
    other = stands(cars(cared=np.zeros(n, dtype=np.bool_)), 2500.0)
    assert np.mean(kept.left < 0.1) < 0.6 * np.mean(other.left < 0.1)


@pytest.fixture(scope="module")
def course() -> Course:
    """A block on its first day."""
    base = world("development")
    return begin(plan(replace(base, platforms=base.platforms[:1]), 24, 56, 5, 100)[0], NONE)


def test_the_clock_shows_what_age_and_calendar_make(course: Course) -> None:
    """Cars that go far in a day have more on the clock for their years."""
    km = past.km_a_day(past.year_before(course.life))
    assert 6_000 < float(np.median(km)) * 365.0 < 15_000
    a_day = course.odometer_km / course.vehicles.age_days
    ratio = np.log(a_day / km)
    assert abs(float(np.median(ratio))) < 0.15
    assert float(np.abs(ratio).max()) < 1.0


def test_the_pilot_leaves_no_trace(course: Course) -> None:
    """A run begins where its calendar does, with the clock as it was set."""
    assert (course.cars.since_ms == course.block.world.start_ms).all()
    np.testing.assert_allclose(course.odometer_km, course.vehicles.odometer_km, rtol=1e-5)


def test_the_pilot_drives_on_the_pads_of_the_run(course: Course) -> None:
    """The make of the pads that a run begins with is the one whose pace was learned; not all are the maker's."""
    at = next(at for at, part in enumerate(course.parts) if part.subsystem.name == "brakes")
    make, build = course.cars.states[at].make, course.cars.builds[at]
    np.testing.assert_array_equal(make[:, 0], build.makes[:, 0])
    assert len(np.unique(make)) > 1
    assert (course.cars.states[at].fitted == 1.0).all()


def test_two_cars_of_a_day_are_worn_too() -> None:
    """The shortest run begins with cars that their years have left worn, whatever the pilot saw."""
    base = world("development")
    short = begin(plan(replace(base, platforms=base.platforms[:1]), 2, 1, 7, 100)[0], NONE)
    old = short.vehicles.age_days > 1500.0
    assert (short.odometer_km > 1000.0).all()
    for life in short.caretaker.workshop.lives:
        if life.part.name in {"front_pads", "tread"}:
            assert (life.left[old] < 0.99).all()


def test_time_ages_a_battery_by_the_year_and_not_by_the_week() -> None:
    """An auxiliary battery begins as its years at its climate's temperatures have left it."""
    base = world("development")
    electric = next(each for each in base.platforms if each.powertrain == "electric")
    course = begin(plan(replace(base, platforms=(electric,)), 40, 8, 7, 100)[0], NONE)
    life = next(each for each in course.caretaker.workshop.lives if each.part.name == "auxiliary_battery")
    years = (course.block.world.start_ms - life.fitted_ms) / 86_400_000.0 / 365.0
    lasts = years / (1.0 - life.left)
    assert 6.0 < float(np.median(lasts[years > 2.0])) < 15.0


def test_pads_last_as_far_as_pads_do(course: Course) -> None:
    """Front pads of a petrol car last 64,000 km, give or take."""
    life = next(each for each in course.caretaker.workshop.lives if each.part.name == "front_pads")
    before = life.left.copy()
    days = (course.block.world.start_ms - life.fitted_ms) / 86_400_000.0
    assert ((before > 0.0) & (before <= 1.0)).all()
    km_each = (course.vehicles.odometer_km - life.fitted_km) / np.maximum(1.0 - before, 1e-3)
    assert 30_000.0 < float(np.median(km_each[days > 100.0])) < 120_000.0
