"""What a workshop writes down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulators.fleet import course, workshop
from simulators.fleet.blocks import BlockRun
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.makes import world
from simulators.fleet.population import plan
from simulators.fleet.stress import NONE

CARS = 200


def test_every_car_is_measured_when_its_device_is_fitted() -> None:
    """Each part that can be measured has a value at the first moment, right but for errors and a few mix-ups."""
    base = world("development")
    begun = course.begin(plan(replace(base, platforms=base.platforms[:1]), CARS, 28, 9, 400)[0], NONE)
    shop = begun.caretaker.workshop
    measurable = [life for life in shop.lives if life.part.measured is not None and life.part.measurement]
    assert len(measurable) >= 4
    for life in measurable:
        told = [one for one in shop.measurements if one.name == life.part.measurement]
        assert [one.vehicle for one in told] == list(range(CARS))
        assert {one.time_ms for one in told} == {base.start_ms}
        true = life.part.measured(
            begun.cars.states[life.place], begun.cars.builds[life.place], begun.cars.conditions[life.place]
        )
        wrong = np.abs(np.array([one.value for one in told]) - true)
        assert np.median(wrong) < life.part.error + 0.25


def test_most_cars_that_come_to_be_mended_are_measured_too() -> None:
    """Nobody comes by schedule on that day: who is measured had something mended, and not all of these are."""
    base = world("development")
    begun = course.begin(plan(replace(base, platforms=base.platforms[:1]), CARS, 28, 9, 400)[0], NONE)
    shop, later_ms = begun.caretaker.workshop, base.start_ms + A_DAY_MS
    shop.visit_ms[:], shop.visit_km[:] = later_ms + A_DAY_MS, np.inf
    shop.mended.update(range(0, CARS, 2))
    shop.visits(begun.cars, base.start_ms, later_ms, begun.vehicles.odometer_km)
    told = {one.vehicle for one in shop.measurements if one.time_ms == later_ms}
    assert all(vehicle % 2 == 0 for vehicle in told)
    assert 0.55 < len(told) / (CARS / 2) < 0.85
    assert not shop.mended


def test_a_part_that_ends_within_a_month_ends_when_it_was_used_up() -> None:
    """Nothing is less than none, so the moment follows from how fast it wore before."""
    base = world("development")
    begun = course.begin(plan(replace(base, platforms=base.platforms[:1]), CARS, 28, 9, 400)[0], NONE)
    life = begun.caretaker.workshop.lives[0]
    month = 28 * 86_400_000
    life.pace[:] = 0.4 / month
    life.left = np.full(CARS, 0.1)
    gone = workshop._gone(life, np.zeros(CARS), month)
    np.testing.assert_allclose(gone, 0.4)
    life.pace[:] = np.nan
    np.testing.assert_allclose(workshop._gone(life, np.zeros(CARS), month), 0.2)
    np.testing.assert_allclose(workshop._gone(life, np.full(CARS, 0.04), month), 0.06)


def test_the_service_book_tells_when_parts_were_renewed() -> None:
    """Each entry is of the past, of a part that its car is old enough for; most parts have one."""
    base = world("development")
    run = BlockRun(plan(replace(base, platforms=base.platforms[:1]), 60, 4, 9, 400)[0])
    written = [one for chunk in run.chunks() for one in chunk.services]
    book = [one for one in written if one.time_ms < base.start_ms]
    age_ms = run.vehicles.age_days * A_DAY_MS
    assert all(base.start_ms - one.time_ms <= age_ms[one.vehicle] + 1000 for one in book)
    kinds = {one.what for one in book}
    assert {"oil changed", "replace_front_pads", "replace_rear_pads", "replace_tyres"} <= kinds
    oil = [one for one in book if one.what == "oil changed"]
    assert 40 <= len(oil) <= 60
    assert len({one.vehicle for one in oil}) == len(oil)
    pads = {one.vehicle: one for one in book if one.what == "replace_front_pads"}
    delivered = [base.start_ms - one.time_ms > age_ms[one.vehicle] - A_DAY_MS for one in pads.values()]
    assert len(pads) >= 45
    assert 0.3 < sum(delivered) / len(delivered) < 0.95
