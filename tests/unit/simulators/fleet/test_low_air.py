"""What the ledger says of tyres that are low without a hole."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from simulators.fleet import tyres
from simulators.fleet.low_air import LowAir

DAY_MS = 86_400_000


def cars(*part: float, leak: float = 0.0) -> SimpleNamespace:
    """Cars whose softest tyre stood at these parts of the placard's pressure before their last drive."""
    state = SimpleNamespace(cold_part=np.column_stack([np.ones((len(part), 3)), part]))
    holes = SimpleNamespace(leak=np.full((len(part), 4), leak))
    return SimpleNamespace(subsystems=(tyres.SUBSYSTEM,), states=(state,), conditions=(holes,))


def look(air: LowAir, day: int, *part: float, vehicle: tuple[int, ...] = (0, 1)) -> None:
    air.look(np.array(vehicle), np.full(len(vehicle), day * DAY_MS), cars(*part), None)


def test_a_car_is_low_from_a_fifth_below_the_placard_until_it_is_filled() -> None:
    """It became so since the drive before; one that warms a little is still low; who is so at the end has no end."""
    air = LowAir.of(2)
    for day, parts in ((1, (0.95, 0.82)), (2, (0.79, 0.81)), (3, (0.84, 0.78)), (4, (0.99, 0.77))):
        look(air, day, *parts)
    rows = sorted((row.vehicle, row.onset_ms // DAY_MS, row.repaired_ms) for row in air.rows(10))
    assert rows == [(10, 1, 4 * DAY_MS), (11, 2, None)]


def test_it_is_no_failure_but_matters() -> None:
    """What was said about low tyres is right, and nobody is asked to have said it."""
    air = LowAir.of(1)
    look(air, 1, 0.7, vehicle=(0,))
    (row,) = air.rows(0)
    assert row.matters
    assert row.failed_ms is None
    assert row.component == "tyre_pressure"


def test_a_tyre_with_a_hole_is_a_fault_of_its_own() -> None:
    """What leaks is not low without a hole, and a hole ends that."""
    air = LowAir.of(1)
    air.look(np.array([0]), np.array([DAY_MS]), cars(0.7, leak=0.01), None)
    assert not list(air.rows(0))
    look(air, 2, 0.7, vehicle=(0,))
    air.look(np.array([0]), np.array([3 * DAY_MS]), cars(0.7, leak=0.01), None)
    assert [row.repaired_ms for row in air.rows(0)] == [3 * DAY_MS]


def test_cars_are_found_in_the_rows_of_a_joint_run() -> None:
    """The cars that ended a drive stand anywhere among those given."""
    air = LowAir.of(3)
    air.look(np.array([2]), np.array([DAY_MS]), cars(0.7, 0.9, 0.6), np.array([1]))
    assert list(air.since_ms) == [-1, -1, -1]
    air.look(np.array([2]), np.array([2 * DAY_MS]), cars(0.7, 0.9, 0.6), np.array([2]))
    assert list(air.since_ms) == [-1, -1, DAY_MS]
    air.look(np.array([0, 2]), np.full(2, 3 * DAY_MS), cars(0.5, 0.7, 0.6, 0.99), np.array([1, 3]))
    assert [row.repaired_ms for row in air.rows(0) if row.vehicle == 2] == [3 * DAY_MS]
    assert air.since_ms[0] >= 0
