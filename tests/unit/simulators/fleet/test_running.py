"""Runs of a block with a subsystem made for the test: order of rows, lanes, standing, drives and charges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from simulators.fleet.arrays import Floats, floats, full
from simulators.fleet.joint import rows_of
from simulators.fleet.moment import Weather
from simulators.fleet.recording import CHARGING, DRIVING, KEY_OFF, KEY_ON, STARTING, WAKING, Recorder
from simulators.fleet.running import Run, phases
from simulators.fleet.sessions import CHARGE, DRIVE, WINDOW_S, Sessions
from simulators.fleet.stepping import new_cars, some
from simulators.fleet.subsystem import START_ROWS, Subsystem
from simulators.fleet.traces import Traces, in_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Metres driven, seconds stood and seconds charged."""

    driven_m: Floats
    stood_s: Floats
    charged_s: Floats


def step(state, moment, _build, _condition, dt_s, _rng):
    charging = float(dt_s > 1)
    return replace(
        state,
        driven_m=state.driven_m + moment.speed_mps * dt_s * (1 - charging),
        charged_s=state.charged_s + dt_s * charging,
    )


CLOCK = Subsystem(
    name="clock",
    build=lambda _platform, n, _rng: full(n, 0),
    sound=lambda n, _rng: Weather(ambient_c=full(n, 0), baro_kpa=full(n, 0), humidity=full(n, 0)),
    begin=lambda _build, _weather: Clock(driven_m=full(3, 0), stood_s=full(3, 0), charged_s=full(3, 0)),
    park=lambda state, _build, _condition, parked_s, *_: replace(state, stood_s=state.stood_s + parked_s),
    step=step,
    readings=lambda state, *_: {
        "metres": state.driven_m, "stood": state.stood_s, "charged": state.charged_s,
    },
    start=lambda state, *_: (
        state, {"metres": np.full((len(state.driven_m), START_ROWS), -1.0, dtype=np.float32)},
    ),
)  # fmt: skip


def traces() -> Traces:
    """One trace of a minute: a window at 10 m/s, one at rest."""
    speed = in_windows(np.r_[np.full(WINDOW_S, 10.0), np.zeros(5)])
    return Traces(
        speed_mps=speed, accel_mps2=np.zeros_like(speed), lateral_mps2=np.zeros_like(speed),
        grade=np.zeros((1, WINDOW_S), dtype=np.float32), first=np.array([0]), windows=np.array([2]),
    )  # fmt: skip


def sessions(vehicle, start_s, windows, kind=None) -> Sessions:
    m = len(vehicle)
    zero, none = full(m, 0), np.zeros(m, dtype=np.int64)
    names = set(Sessions.__dataclass_fields__) - {"vehicle", "start_ms", "kind", "segment", "windows", "hill", "pace"}
    return Sessions(
        vehicle=np.array(vehicle), start_ms=np.array(start_s) * 1000, segment=none, hill=none,
        kind=np.zeros(m, dtype=np.int8) if kind is None else np.array(kind, dtype=np.int8),
        windows=np.array(windows), pace=full(m, 1), **dict.fromkeys(names, zero),
    )  # fmt: skip


@pytest.fixture(name="cars")
def _cars():
    clock = replace(CLOCK, build=lambda _platform, n, rng: CLOCK.sound(n, rng))
    weather = Weather(ambient_c=full(3, 20), baro_kpa=full(3, 101), humidity=full(3, 0.5))
    return new_cars((clock,), {}, np.zeros(3, dtype=np.int64), weather, np.random.default_rng(1))


def run(cars, plan, **options):
    going = Run(cars, plan, traces(), np.random.default_rng(2), **options)
    return [replace(rows, values=rows.copied(np.arange(len(rows))), place=None) for rows in going.rows()], going.cars


def test_every_car_drives_its_own_sessions(cars) -> None:
    """Cars with one, three and no drives have then driven and stood as long as their own sessions say."""
    plan = sessions([0, 2, 2, 2], [100, 50, 500, 2000], [1, 2, 1, 2])
    _, after = run(cars, plan)
    np.testing.assert_allclose(after.states[0].driven_m, [300.0, 0.0, 900.0])
    np.testing.assert_allclose(after.states[0].stood_s, [100.0, 0.0, 50 + 390 + 1470])
    np.testing.assert_array_equal(after.since_ms, [130_000, 0, 2_060_000])


def test_the_cars_given_stay_as_they_were(cars) -> None:
    """A run writes into cars of its own, so that it can be made again from the same beginning."""
    run(cars, sessions([0], [100], [1]))
    assert cars.states[0].driven_m.max() == 0.0


def test_rows_are_sorted_and_complete(cars) -> None:
    """A drive gives key-on, captured start, a row each 2 s and key-off, in order of time."""
    (rows,), _ = run(cars, sessions([0, 1, 1], [100, 70, 700], [1, 2, 1]))
    for vehicle, drives, windows in ((0, 1, 1), (1, 2, 3)):
        mine = rows.vehicle == vehicle
        assert (np.diff(rows.time_ms[mine]) > 0).all()
        counts = [int((rows.kind[mine] == kind).sum()) for kind in (KEY_ON, STARTING, DRIVING, KEY_OFF)]
        assert counts == [drives, drives * START_ROWS, windows * WINDOW_S // 2, drives]
    assert (np.diff(rows.vehicle) >= 0).all()


def test_values_stand_beside_their_time(cars) -> None:
    """The row of a second shows what was driven up to it; signals that a row does not give are NaN."""
    (rows,), _ = run(cars, sessions([0, 1], [100, 70], [1, 2]))
    driving = (rows.kind == DRIVING) & (rows.vehicle == 1)
    metres = rows.column("metres")[driving]
    passed = (rows.time_ms[driving] - 70_000) / 1000
    np.testing.assert_allclose(metres, np.minimum(passed, WINDOW_S) * 10.0)
    assert np.isnan(rows.column("stood")[rows.kind == STARTING]).all()


@pytest.mark.parametrize("paths", [("one",), ("one", "two"), ("one", "two", "three")])
def test_a_recorder_writes_over_what_another_is_done_with(paths) -> None:
    """Signals and cars may have become fewer or more since: what it gives has its own signals and values."""
    store = np.zeros((2, 2), dtype=np.float32)
    recorder = Recorder(paths, np.array([4, 7]), 1, 1, store)
    recorder.single(KEY_ON, np.array([7]), np.array([5]), {"one": floats([3.0])})
    rows = recorder.flush()
    assert (rows.signals, rows.vehicle.tolist(), rows.column("one").tolist()) == (paths, [7], [3.0])


def test_a_block_without_rows_asks_for_no_signals(cars) -> None:
    """Cars that are through may have taken their signals with them."""
    (rows,), _ = run(cars, sessions([0], [100], [1]))
    assert len(rows_of(rows, 1, 3, ("not there",))) == 0


def test_charges_and_drives_of_a_car_keep_their_order(cars) -> None:
    """Charging steps are minutes; a car that charges first drives in a later turn."""
    plan = sessions([0, 1, 1, 1], [100, 100, 5000, 9000], [1, 1, 2, 1], kind=[DRIVE, CHARGE, DRIVE, CHARGE])
    np.testing.assert_array_equal(phases(plan), [0, 1, 2, 3])
    rows, after = run(cars, plan)
    np.testing.assert_allclose(after.states[0].charged_s, [0.0, 3600.0, 0.0])
    mine = np.concatenate([part.time_ms[part.vehicle == 1] for part in rows])
    assert (np.diff(mine) > 0).all()
    kinds = np.concatenate([part.kind[part.vehicle == 1] for part in rows])
    assert set(kinds) == {CHARGING, KEY_ON, STARTING, DRIVING, KEY_OFF}


def test_a_parked_car_wakes(cars) -> None:
    """With an interval of waking, a car that stood ten hours has given a row after each four."""
    (rows,), after = run(cars, sessions([1], [36_000], [1]), wake_s=14_400.0)
    waking = rows.kind == WAKING
    np.testing.assert_array_equal(rows.time_ms[waking], [14_400_000, 28_800_000])
    np.testing.assert_allclose(after.states[0].stood_s[1], 36_000.0)


def test_a_watch_gives_conditions_and_sees_the_end(cars) -> None:
    """What the watch gives back at the beginning is what the drive runs with, and it sees each end."""
    seen = []

    class Mechanic:
        def begins(self, vehicle, time_ms, cars):
            del time_ms
            states = (replace(cars.states[0], driven_m=floats(1000.0 * (vehicle + 1))),)
            return replace(cars, states=states)

        def weather(self, *_):
            return None

        def ended(self, vehicle, time_ms, cars):
            seen.extend(zip(vehicle.tolist(), time_ms.tolist(), cars.states[0].driven_m.tolist(), strict=True))

    run(cars, sessions([0, 2], [100, 200], [1, 2]), watch=Mechanic())
    assert sorted(seen) == [(0, 130_000, 1300.0), (2, 260_000, 3300.0)]


def test_some_cars_can_be_taken_out(cars) -> None:
    """Taking cars out keeps builds, conditions and states together."""
    assert len(some(cars, np.array([0, 2]))) == 2
