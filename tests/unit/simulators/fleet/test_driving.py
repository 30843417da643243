"""Traces and the drives made of them."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.fleet.cycles import cltc_like, library, recorded
from simulators.fleet.habits import LEAST_PAUSE_MS, draw_drives, draw_habits, in_turn
from simulators.fleet.moment import Weather


@pytest.fixture(name="traces", scope="module")
def _traces():
    return library(np.random.default_rng(3))


@pytest.fixture(name="drives", scope="module")
def _drives(traces):
    rng = np.random.default_rng(4)
    n, each = 400, 15
    vehicle = np.repeat(np.arange(n), each)
    m = n * each
    departs = np.tile(np.arange(each) * 4 * 3_600_000, n)
    some = np.full(m, 20.0, dtype=np.float32)
    weather = Weather(ambient_c=some, baro_kpa=some + 80, humidity=some / 40)
    return draw_drives(draw_habits(n, rng, traces), traces, vehicle, departs, weather, some, 0 * some, 0 * some, rng)


def test_recorded_drives_begin_and_end_at_rest() -> None:
    """Every recorded trace stands at both ends, and nothing in it is faster than a car."""
    speeds = recorded()
    assert len(speeds) == 262
    assert max(float(speed[0]) for speed in speeds) == 0.0
    assert max(float(speed[-1]) for speed in speeds) < 0.5
    assert max(float(speed.max()) for speed in speeds) < 45.0


def test_a_cycle_like_the_cltc_has_its_published_statistics() -> None:
    """1800 s, 14.48 km, mean 28.96 km/h, top 114 km/h, with accelerations that cars reach."""
    speed = cltc_like(np.random.default_rng(5))
    assert len(speed) == 1800
    assert float(speed.sum()) == pytest.approx(14_480, abs=5)
    assert float(speed.mean()) * 3.6 == pytest.approx(28.96, abs=0.02)
    assert float(speed.max()) * 3.6 == pytest.approx(114.0, abs=0.1)
    assert float(np.abs(np.diff(speed)).max()) < 5.0


def test_acceleration_leads_to_the_next_second(traces) -> None:
    """Within a trace, speed plus acceleration is the speed one second later."""
    table = traces.traces
    first, rows = int(table.first[5]), int(table.windows[5])
    speed = table.speed_mps[first : first + rows].reshape(-1)
    accel = table.accel_mps2[first : first + rows].reshape(-1)
    np.testing.assert_allclose(speed[:-1] + accel[:-1], speed[1:], atol=1e-4)


def test_more_than_three_of_ten_drives_are_short(drives, traces) -> None:
    """More than 30 % of the drives are under 5 km, and some are over 60 km."""
    km = traces.metres[np.searchsorted(traces.traces.first, drives.segment)] / 1000
    assert (km < 5).mean() > 0.3
    assert (km > 60).mean() > 0.005


def test_some_drives_tow(drives) -> None:
    """One to three drives in a hundred have a trailer."""
    assert 0.01 < (drives.tow_kg > 0).mean() < 0.03


def test_nobody_departs_before_arriving(drives) -> None:
    """Between a vehicle's drives is at least the least pause."""
    same = np.diff(drives.vehicle) == 0
    gaps = drives.start_ms[1:] - (drives.start_ms + drives.lasts_ms())[:-1]
    assert gaps[same].min() >= LEAST_PAUSE_MS


def test_departures_that_fit_stay() -> None:
    """Only a departure that comes too early is put off, and it does not touch other vehicles."""
    starts = in_turn(np.array([0, 0, 0, 1]), np.array([0, 1000, 10_000_000, 5]), np.array([500_000, 100, 100, 100]))
    np.testing.assert_array_equal(starts, [0, 620_000, 10_000_000, 5])
