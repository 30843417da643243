"""Faults of a block: what they move, when they fail, and what a repair leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.fleet import brakes
from simulators.fleet.arrays import full
from simulators.fleet.fates import NEVER, Fate, Fates
from simulators.fleet.garage import Part
from simulators.fleet.makes import DEVELOPMENT
from simulators.fleet.moment import Weather
from simulators.fleet.stepping import new_cars, own

DAY_MS = 86_400_000
N = 3
STRUCTURE = replace(DEVELOPMENT.structure, bad_repair=0.0)
DRAGGING = brakes.FAULTS[0]


@pytest.fixture(name="block")
def _block():
    rng = np.random.default_rng(1)
    weather = Weather(ambient_c=full(N, 15.0), baro_kpa=full(N, 101.0), humidity=full(N, 0.5))
    cars = own(new_cars((brakes.SUBSYSTEM,), {}, np.zeros(N, dtype=np.int64), weather, rng))
    parts = (Part(subsystem=brakes.SUBSYSTEM, faults=brakes.FAULTS, wear=brakes.WEAR),)
    fates = Fates(parts, own(cars).conditions, STRUCTURE, rng, np.full(N, NEVER, dtype=np.int64))
    return cars, fates


def fate(**changed) -> Fate:
    levels = np.linspace(0.1, 1.2, 12, dtype=np.float32)
    return Fate(
        **{"vehicle": 1, "part": 0, "kind": DRAGGING, "place": 2, "onset_ms": DAY_MS, "levels": levels, **changed}
    )


def drag(cars) -> np.ndarray:
    return getattr(cars.conditions[0], DRAGGING.field)


def test_a_fault_moves_its_place_of_its_car_and_nothing_else(block) -> None:
    """The third wheel of the second car drags, more each day, up to what failure is."""
    cars, fates = block
    before = drag(cars).copy()
    fates.add(fate())
    for day, share in ((5, 0.5), (30, 1.0)):
        now = fates.applied(np.arange(N), np.full(N, day * DAY_MS), cars)
        expected = before.copy()
        expected[1, 2] += share * (DRAGGING.failed - before[1, 2])
        assert drag(now) == pytest.approx(expected, rel=1e-5)


def test_before_its_onset_nothing_is_moved(block) -> None:
    """A fault of tomorrow is none today."""
    cars, fates = block
    fates.add(fate(onset_ms=5 * DAY_MS))
    assert fates.applied(np.arange(N), np.full(N, DAY_MS), cars) is cars


def test_it_fails_when_its_level_is_one(block) -> None:
    """The time of failure is that of its path, though the car is looked at later."""
    cars, fates = block
    fates.add(fate())
    now = np.full(N, 20 * DAY_MS)
    assert fates.functional(np.arange(N), np.full(N, 5 * DAY_MS), cars) == []
    assert [at for _, at in fates.functional(np.arange(N), now, cars)] == [DAY_MS + 9 * DAY_MS]


def test_a_repair_puts_in_another_sound_part(block) -> None:
    """Afterwards the car has a healthy value of another part, and the fault is over."""
    cars, fates = block
    fates.add(fate())
    cars = fates.applied(np.arange(N), np.full(N, 20 * DAY_MS), cars)
    cars = fates.mended(fates.open(1)[0], 1, 21 * DAY_MS, cars)
    assert drag(cars)[1, 2] < 0.1 * DRAGGING.failed
    assert fates.open(1) == []
    assert [each.repaired_ms for each in fates.ended] == [21 * DAY_MS]


def test_a_bad_repair_leaves_something(block) -> None:
    """What remains is a fault of its own, which the ledger names so."""
    cars, fates = block
    fates.structure = replace(STRUCTURE, bad_repair=1.0)
    fates.add(fate())
    fates.mended(fates.open(1)[0], 1, 21 * DAY_MS, cars)
    (rest,) = fates.open(1)
    assert rest.origin == "bad_repair"
    assert 0.1 < rest.level(22 * DAY_MS) < 0.8
