"""What a workshop writes down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulators.fleet import course
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
