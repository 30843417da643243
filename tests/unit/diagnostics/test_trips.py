"""From samples to trips and their features."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.evaluation.recordings import history
from diagnostics.features.rows import Rows
from diagnostics.features.stretches import initial, prepare
from diagnostics.features.trips import FEATURES
from diagnostics.fleet import Fleet
from diagnostics.intake import merged, rows_of
from vehicle import signals as s

START_MS = 1_760_000_000_000
PATHS = {
    "engine_speed": s.ENGINE_SPEED, "speed": s.SPEED, "coolant": s.COOLANT_TEMPERATURE, "run_time": s.RUN_TIME,
    "voltage": s.CONTROL_MODULE_VOLTAGE,
}  # fmt: skip


def rows(times_s, vehicle=None, **signals) -> Rows:
    """Rows of one vehicle by name of the column."""
    times = START_MS + (np.asarray(times_s) * 1000).astype(np.int64)
    values = np.stack([np.broadcast_to(column, len(times)).astype(float) for column in signals.values()], axis=1)
    owner = np.zeros(len(times), dtype=np.int64) if vehicle is None else np.asarray(vehicle)
    return Rows(vehicle=owner, time_ms=times, values=values, signals=tuple(PATHS[name] for name in signals))


def part(given_rows: Rows, which: slice) -> Rows:
    """Some of the rows."""
    return replace(
        given_rows,
        vehicle=given_rows.vehicle[which],
        time_ms=given_rows.time_ms[which],
        values=given_rows.values[which],
    )


def test_a_row_written_down_again_is_not_fresh() -> None:
    """Where run time stands still, an equal value is a repeat; a changed one, or one where run time moved, is new."""
    found = prepare(rows(range(4), run_time=[10, 10, 10, 11], coolant=[80, 80, 81, 81]), initial(1))
    assert found.fresh(s.COOLANT_TEMPERATURE)[1:].tolist() == [True, False, True, True]


def test_without_run_time_every_reading_is_fresh() -> None:
    """Devices that send only what they read anew need no proof."""
    found = prepare(rows(range(3), coolant=[80, 80, 80]), initial(1))
    assert found.fresh(s.COOLANT_TEMPERATURE)[1:].tolist() == [True, True, True]


def test_engine_time_is_the_cars_own() -> None:
    """Where the car tells its run time, rows that are a second apart count for what the engine ran."""
    found = prepare(rows(range(5), run_time=[0, 0, 1, 1, 2], engine_speed=800), initial(1))
    assert found.passed_ms[1:].sum() == 2000


@pytest.mark.parametrize(
    ("signals", "times", "trips"),
    [
        ({"engine_speed": 800}, [0, 1, 2, 3], 1),
        ({"engine_speed": 800}, [0, 1, 700, 701], 2),
        ({"engine_speed": 800, "run_time": [100, 101, 0, 1]}, [0, 1, 60, 61], 2),
        ({"engine_speed": [800, 800, *([0] * 40), 800, 800]}, [10 * n for n in range(44)], 2),
        ({"engine_speed": [800, 800, *([0] * 20), 800, 800]}, [10 * n for n in range(24)], 1),
    ],
    ids=["one drive", "long silence", "run time begins anew", "engine off for long", "start-stop pause"],
)
def test_where_a_trip_begins(signals: dict, times: list, trips: int) -> None:
    """A trip ends with ten minutes of silence, five of a standing engine, or a new start."""
    found = prepare(rows(times, **signals), initial(1))
    assert len(np.unique(found.trip[~found.head])) == trips


def test_parked_samples_belong_to_the_next_start() -> None:
    """The voltage before the start is the rest voltage of the trip that follows."""
    fleet = Fleet()
    (row,) = fleet.rows_of(["v"])
    speed = [0.0] * 5 + [800.0] * 300
    volts = [12.45] * 5 + [9.0] + [14.0] * 299
    fleet.take(rows([*range(5), *range(5, 305)], engine_speed=speed, voltage=volts))
    trips = fleet.finish(np.array([row])).trips
    assert trips["rest_volts"][0] == 12.45
    assert trips["crank_volts"][0] == 9.0
    assert trips["charging_volts"][0] == pytest.approx(14.0, abs=0.1)


def test_a_stop_from_fifty_takes_its_kinetic_energy() -> None:
    """Braking from 50 km/h to standstill in 4 s is v squared over two, less what drag took."""
    fleet = Fleet()
    fleet.rows_of(["v"])
    speed = [50.0] * 20 + [37.5, 25.0, 12.5, 0.0] + [0.0] * 20
    fleet.take(rows(range(44), speed=speed, engine_speed=1500.0))
    trips = fleet.finish(np.array([0])).trips
    whole = (50.0 / 3.6) ** 2 / 2.0
    assert 0.7 * whole < trips["braking_joules_per_kg"][0] < whole


def state_bits(fleet: Fleet) -> list[bytes]:
    return [fleet.packed(row) for row in range(len(fleet.row_of))]


@pytest.fixture(name="samples", scope="module")
def _samples(drives):
    """Two recorded drives of one car, two of another, 12 minutes apart where the first pair meets."""
    first = history([drives[2], drives[3]], vehicle_id="a", start_ms=START_MS, between_ms=1_500_000)
    second = history([drives[4], drives[2]], vehicle_id="b", start_ms=START_MS + 12_345)
    return merged(pl.concat([first, second])).sort("time", "vehicle_id")


@pytest.fixture(name="at_one_go", scope="module")
def _at_one_go(samples):
    fleet = Fleet()
    step = fleet.take(rows_of(samples.sort("vehicle_id", "time"), fleet))
    return state_bits(fleet), sorted_trips(step.trips, fleet)


def sorted_trips(trips, fleet: Fleet) -> list[tuple]:
    names = [fleet.id_of(int(row)) for row in trips.vehicle]
    return sorted((name, values.tobytes()) for name, values in zip(names, trips.values, strict=True))


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 4000), max_size=30))
def test_batches_may_be_cut_anywhere(cuts, samples, at_one_go) -> None:
    """State and trips are the same bits whether samples come at one go or cut into batches at any rows."""
    fleet, trips = Fleet(), []
    fleet.rows_of(["a", "b"])
    places = [0, *sorted({cut for cut in cuts if cut < samples.height}), samples.height]
    for first, last in pairwise(places):
        step = fleet.take(rows_of(samples[first:last].sort("vehicle_id", "time"), fleet))
        trips += sorted_trips(step.trips, fleet)
    assert sorted(trips) == at_one_go[1]
    assert state_bits(fleet) == at_one_go[0]


def test_features_of_a_recorded_drive(drives) -> None:
    """A commute of a sound car: warm in the end, charging, trimmed, its thermostat holding 86 degC."""
    fleet = Fleet()
    fleet.take(rows_of(merged(history(drives[:1], vehicle_id="v", start_ms=START_MS)), fleet))
    trips = fleet.finish(np.array([0])).trips
    found = dict(zip(FEATURES, trips.values[0], strict=True))
    assert found["running_s"] == pytest.approx(1178, abs=5)
    assert found["km"] == pytest.approx(6.7, abs=0.3)
    assert found["settled_c"] == pytest.approx(86, abs=1)
    assert found["charging_volts"] == pytest.approx(14.0, abs=0.15)
    assert abs(found["trim"]) < 8.0
    assert found["crank_volts"] < found["rest_volts"]


NIGHT_S = 40_000


def night_between(told_at_s: int) -> Rows:
    """A drive, a night, and a start: two seconds of key, a starter that turns at 220, and a drive.

    The ECU's run time is first read again ``told_at_s`` after the key.
    """
    seconds = np.arange(300)
    speed = np.where(seconds < 2, 0.0, np.where(seconds < 3, 220.0, 800.0))
    volts = np.where(seconds < 2, 12.5, np.where(seconds < 3, 9.4, 14.0))
    run_time = np.where((seconds - told_at_s) % 5 == 0, np.maximum(0, seconds - 3), np.nan)
    run_time[:told_at_s] = np.nan
    times = np.concatenate([seconds, NIGHT_S + seconds])
    both = {"engine_speed": speed, "voltage": volts, "run_time": run_time}
    return rows(times, **{name: np.tile(values, 2) for name, values in both.items()})


@pytest.mark.parametrize("told_at_s", range(12))
def test_a_start_belongs_to_one_trip(told_at_s: int) -> None:
    """Whenever the run time is first read again, key, starter and drive of a morning are one trip, rested overnight."""
    fleet = Fleet()
    fleet.rows_of(["v"])
    given_rows = night_between(told_at_s)
    fleet.take(part(given_rows, slice(None, 300)))
    first = fleet.take(part(given_rows, slice(300, None))).trips
    second = fleet.finish(np.array([0])).trips
    assert (len(first), len(second)) == (1, 1)
    assert second["running_s"][0] == pytest.approx(297, abs=6)
    assert second["soak_s"][0] == NIGHT_S - 299
    assert second["rest_volts"][0] == 12.5
    assert second["crank_volts"][0] == 9.4


def test_a_starter_that_turns_is_no_rest() -> None:
    """Where no voltage was read before the starter turned, or no engine speed, there is no rest voltage."""
    for before in ({"engine_speed": [200.0] * 2}, {"engine_speed": [np.nan] * 2}):
        fleet = Fleet()
        fleet.rows_of(["v"])
        fleet.take(
            rows(range(102), engine_speed=before["engine_speed"] + [800.0] * 100, voltage=[9.0] * 2 + [14.0] * 100)
        )
        assert np.isnan(fleet.finish(np.array([0])).trips["rest_volts"][0])


def warmed(coolant) -> float:
    """The settled coolant of a drive at 50 km/h with a reading a second."""
    fleet = Fleet()
    fleet.rows_of(["v"])
    seconds = range(len(coolant))
    fleet.take(rows(seconds, engine_speed=1800.0, speed=50.0, run_time=list(seconds), coolant=np.rint(coolant)))
    return float(fleet.finish(np.array([0])).trips["settled_c"][0])


@pytest.mark.parametrize("k_per_min", [1.5, 2.0, 3.5, 5.0])
@pytest.mark.parametrize("after_s", [20, 100, 170])
def test_an_engine_that_still_warms_has_not_settled(after_s: int, k_per_min: float) -> None:
    """A drive that ends while the coolant rises says nothing about the thermostat, however soon it ends."""
    seconds = np.arange(600 + after_s)
    assert np.isnan(warmed(64.0 + (seconds - seconds[-1]) / 60.0 * k_per_min))


@pytest.mark.parametrize("level", [52.0, 87.0])
@pytest.mark.parametrize("after_s", [120, 600])
def test_coolant_that_swings_about_a_level_has_settled(after_s: int, level: float) -> None:
    """Swings of load and fan are no warm-up; the mean is told, warm or far too cold."""
    seconds = np.arange(600 + after_s)
    warming = np.minimum(level, 20.0 + seconds / 60.0 * 8.0)
    swings = 1.5 * np.sin(2 * np.pi * seconds / 45.0)
    assert warmed(warming + swings) == pytest.approx(level, abs=0.7)
