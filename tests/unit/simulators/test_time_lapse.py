"""Weeks in seconds: trips in order, the same for the same seed, alone or in company."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from simulators.live import LiveCar
from simulators.scenario import load
from simulators.sensors import KEY_ON_S
from simulators.time_lapse import SeenTrip, TimeLapse, physical, trips
from simulators.trips import air_c, planned_trips
from vehicle import signals
from vehicle.dtc import Dtc, DtcState
from vehicle.obd import PID_OF

END = datetime(2026, 5, 1, 12, tzinfo=UTC)
START = END - timedelta(days=2)
CALM = {"shortest_min": 4.0, "longest_min": 6.0}


def short(name: str, **changed):
    """A shipped scenario with trips of a few minutes."""
    scenario = load(name)
    return msgspec.structs.replace(scenario, habit=msgspec.structs.replace(scenario.habit, **CALM), **changed)


@pytest.fixture(name="seen", scope="module")
def _seen() -> list[SeenTrip]:
    """Two days of a sound car."""
    return list(trips(short("healthy"), start=START, end=END))


def test_plans_are_in_order_and_within_the_time() -> None:
    """No trip begins before the last has ended, and none is cut off by the end."""
    plan = list(planned_trips(load("brake-wear"), start=START, end=END))
    assert len(plan) > 5
    assert [trip.number for trip in plan] == list(range(len(plan)))
    assert plan[0].start >= START
    assert plan[-1].start + timedelta(seconds=plan[-1].duration_s) <= END
    for before, after in pairwise(plan):
        assert after.start >= before.start + timedelta(seconds=before.duration_s)


def test_afternoons_are_warmer_than_nights() -> None:
    climate = load("healthy").climate
    hours = {hour: air_c(climate, datetime(2026, 5, 1, hour, tzinfo=UTC), 0.0) for hour in range(24)}
    assert max(hours, key=hours.__getitem__) == 15
    assert min(hours, key=hours.__getitem__) == 3


def test_the_same_seed_gives_the_same_trips(seen: list[SeenTrip]) -> None:
    """To the last raw value; another seed gives others."""
    again = list(trips(short("healthy"), start=START, end=END))
    assert again == seen
    other = list(trips(short("healthy", seed=99), start=START, end=END))
    assert [trip.columns for trip in other] != [trip.columns for trip in seen]


def test_company_makes_no_difference(seen: list[SeenTrip]) -> None:
    """Beside other cars a car makes the same trips as alone."""
    lapse, mine = TimeLapse([short("brake-wear"), short("healthy")], start=START, end=END), []
    while found := lapse.next_round():
        mine += [trip for place, trip in found if place == 1]
    assert [trip.start_ms for trip in mine] == [trip.start_ms for trip in seen]
    for one, two in zip(mine, seen, strict=True):
        for path in (signals.SPEED, signals.COOLANT_TEMPERATURE, signals.MIL_ON):
            assert one.columns[path] == two.columns[path]


def test_a_trip_is_rows_a_second_apart_with_its_begin_and_end(seen: list[SeenTrip]) -> None:
    """Key on, the starter, the drive; the trip's events on the first and last row."""
    for trip in seen:
        rows = list(trip.rows())
        assert len(rows) == trip.n_rows
        assert [later.time_ms - earlier.time_ms for earlier, later in pairwise(rows)] == [1000] * (len(rows) - 1)
        assert rows[0].events[0] == ("trip", {"on": True})
        assert rows[-1].events[-1] == ("trip", {"on": False})
        rpm = [physical(row).get(signals.ENGINE_SPEED) for row in rows]
        assert all(value in {0.0, None} for value in rpm[:KEY_ON_S])
        assert max(value for value in rpm if value is not None) > 1000.0


def test_the_odometer_and_the_day_go_on(seen: list[SeenTrip]) -> None:
    """What a trip ends with, the next begins with."""
    metres = [[value for value in trip.columns[signals.ODOMETER] if value is not None] for trip in seen]
    for before, after in pairwise(metres):
        assert before[-1] <= after[0]
    assert all(sorted(column) == column for column in metres)


def test_a_sound_car_sets_no_code(seen: list[SeenTrip]) -> None:
    assert [change for trip in seen for change in trip.changes] == []
    assert {value for trip in seen for value in trip.columns[signals.MIL_ON]} <= {0, None}


def test_a_fault_sets_its_code_and_the_lamp() -> None:
    """A car that is misfiring badly stores P0301 on its second trip, and says so on the bus from there on."""
    fault = msgspec.structs.replace(load("misfire").faults[0], onset_day=0.0, growth_days=0.01, severity=1.0)
    seen = list(trips(short("misfire", faults=[fault]), start=START, end=END))
    codes = [(change.kind, change.data) for trip in seen for change in trip.changes]
    assert [data["state"] for kind, data in codes if kind == "dtc" and data["code"] == "P0301"] == ["pending", "stored"]
    assert {value for value in seen[-1].columns[signals.MIL_ON] if value is not None} == {1}
    assert {value for value in seen[-1].columns[signals.DTC_COUNT] if value is not None} == {1}


def test_a_live_car_warms_up_and_answers() -> None:
    """Ten minutes second by second: it gets warm, and its units know what it was given."""
    car = LiveCar(load("healthy"), rng=np.random.default_rng(1), codes=[Dtc("P0301")])
    cold = car.values[signals.COOLANT_TEMPERATURE]
    for _ in range(600):
        car.tick()
    assert car.values[signals.COOLANT_TEMPERATURE] > cold + 40.0
    engine, gearbox = car.units()
    assert engine.codes[DtcState.STORED] == (Dtc("P0301"),)
    assert engine.freeze[signals.COOLANT_TEMPERATURE] == cold
    assert str(engine.vin) == load("healthy").vin
    assert engine.values[signals.MIL_ON] == 1.0
    assert set(gearbox.values) == {signals.SPEED, signals.CONTROL_MODULE_VOLTAGE}
    assert {signals.SPEED, signals.ENGINE_SPEED, signals.ODOMETER} <= set(engine.values) & set(PID_OF)


def test_a_live_car_is_as_worn_as_its_day() -> None:
    """On the first day of its story the leak is not there, on the last its trims have grown."""
    trims = []
    for day in (0.0, 28.0):
        car = LiveCar(load("vacuum-leak"), rng=np.random.default_rng(1), day=day)
        for _ in range(900):
            car.tick()
        trims.append(car.values[signals.LONG_TERM_FUEL_TRIM_1])
    assert trims[1] > trims[0] + 5.0
