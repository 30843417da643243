"""What a polling device gets to see: the resolution of SAE J1979, lost readings, and the seconds of the start."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.driving import draw_ride, drive
from simulators.parameters import as_new, build_cars
from simulators.sensors import KEY_ON_S, PERIODS_S, measured, polled, raw, with_start
from simulators.vehicle import parked_car
from vehicle import signals
from vehicle.obd import PID_OF, PIDS

ON_OBD = sorted(path for path in PERIODS_S if path in PID_OF)


@pytest.fixture(name="trip", scope="module")
def _trip():
    """A trip of a sound car."""
    rng = np.random.default_rng(6)
    cars = build_cars("compact", 1, rng)
    ride = draw_ride("town", 400, rng, ambient_c=15.0, baro_kpa=100.8, parked_s=36_000.0, last_offset=0.0)
    (driven,), _ = drive(parked_car(cars, 15.0), [ride], cars, as_new(1))
    return driven


@pytest.mark.parametrize("path", ON_OBD)
def test_what_is_said_passes_through_obd(path: str) -> None:
    """Encoded as an answer of service 01 and decoded again, a value is the raw value that the sensors gave."""
    row, pid = signals.signal(path), PIDS[PID_OF[path]]
    for value in np.linspace(row.minimum, row.maximum, 37):
        (said,) = raw(path, np.array([value]))
        assert pid.decode(pid.encode({path: row.value(said)}))[path] == said
        assert abs(row.value(said) - value) <= row.numerator / row.denominator / 2 * 1.0001


@given(st.floats(-1e9, 1e9))
def test_a_value_out_of_range_is_held_at_its_end(value: float) -> None:
    """A sensor says the end of its range; the answer always fits."""
    row = signals.signal(signals.COOLANT_TEMPERATURE)
    (said,) = raw(signals.COOLANT_TEMPERATURE, np.array([value]))
    assert row.raw_minimum <= said <= row.raw_maximum
    if row.minimum <= value <= row.maximum:
        assert row.value(said) == pytest.approx(value, abs=0.5)


def test_before_the_engine_runs_the_battery_rests_and_then_falls(trip) -> None:
    """Two seconds of key with a still engine, one in which the starter turns, then the trip."""
    rng = np.random.default_rng(1)
    full = measured(trip.trace, rng, tank_l=45.0)
    seen = with_start(full, trip, rng)
    rpm, volts = seen[signals.ENGINE_SPEED], seen[signals.CONTROL_MODULE_VOLTAGE]
    assert {len(column) for column in seen.values()} == {KEY_ON_S + 1 + 400}
    assert rpm[:KEY_ON_S].tolist() == [0.0] * KEY_ON_S
    assert 150.0 < rpm[KEY_ON_S] < 300.0
    assert volts[:KEY_ON_S].min() > 12.2
    assert volts[KEY_ON_S] < volts[:KEY_ON_S].min()
    assert seen[signals.SPEED][:KEY_ON_S].max() == 0.0


def test_a_device_reads_each_signal_at_its_turn(trip) -> None:
    """No more often than every so many seconds, and some readings are lost."""
    rng = np.random.default_rng(1)
    seen = polled(measured(trip.trace, rng, tank_l=45.0), rng)
    for path, column in seen.items():
        read = [second for second, value in enumerate(column) if value is not None]
        assert 0 < len(read) <= 400 / PERIODS_S[path] + 1
        assert all((later - earlier) % PERIODS_S[path] == 0 for earlier, later in pairwise(read))
    assert sum(value is None for value in seen[signals.SPEED]) > 0


def test_a_sensor_that_does_not_follow_stands_still(trip) -> None:
    """A broken coolant sensor says the same while the coolant warms; the others go on."""
    rng = np.random.default_rng(1)
    stuck = measured(trip.trace, rng, follows=0.0, tank_l=45.0)
    assert np.ptp(stuck[signals.COOLANT_TEMPERATURE]) < 2.0
    assert np.ptp(trip.trace["heat.coolant_c"]) > 20.0
    assert np.ptp(stuck[signals.ENGINE_SPEED]) > 500.0


def test_the_meter_misses_air_behind_it() -> None:
    """What the meter says is the engine's air less the leak."""
    rng = np.random.default_rng(6)
    cars = build_cars("compact", 1, rng)
    ride = draw_ride("town", 300, rng, ambient_c=15.0, baro_kpa=100.8, parked_s=36_000.0, last_offset=0.0)
    (driven,), _ = drive(parked_car(cars, 15.0), [ride], cars, as_new(1, unmetered_gps=0.5))
    said = measured(driven.trace, rng, tank_l=45.0)[signals.MAF]
    assert driven.trace["leak_gps"].mean() > 0.3
    np.testing.assert_allclose(said, driven.trace["air_gps"] - driven.trace["leak_gps"], rtol=0.08)
