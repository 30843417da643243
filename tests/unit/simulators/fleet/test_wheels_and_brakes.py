"""Wheel-speed sensors, bearings, and friction brakes of the fleet."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.fleet import brakes, wheels
from simulators.fleet.moment import Weather, still
from vehicle.signals import WHEEL_SPEEDS

N = 5


def weather() -> Weather:
    whole = np.ones(N, dtype=np.float32)
    return Weather(ambient_c=whole * 15.0, baro_kpa=whole * 101.3, humidity=whole * 0.75)


def moment(**fields: float):
    now = still(N)
    for name, value in fields.items():
        setattr(now, name, np.full(N, value, dtype=np.float32))
    return now


def some_wheels(**changed: float):
    rng = np.random.default_rng(5)
    built, condition = wheels.build({"wheel_sensors": 1.0}, N, rng), wheels.sound(N, rng)
    for name, value in changed.items():
        getattr(condition, name)[:, 2] = value
    return built, condition, wheels.begin(built, weather())


def shown(built, condition, state, seconds: int = 1, **fields: float):
    rng, all_shown = np.random.default_rng(8), []
    for _ in range(seconds):
        state = wheels.step(state, moment(**fields), built, condition, 1.0, rng)
        all_shown.append(state.shown_kmh)
    return np.array(all_shown)


def test_wheels_turn_as_the_car_goes_round_the_bend() -> None:
    """Straight on all four show the speed of the car; in a left bend the right ones and the front ones go further."""
    built, condition, state = some_wheels()
    assert shown(built, condition, state, speed_mps=20.0)[0] == pytest.approx(np.full((N, 4), 72.0), rel=1e-5)
    bend = shown(built, condition, state, speed_mps=10.0, yaw_rps=0.4)[0]
    assert np.all(bend[:, 1] > bend[:, 0])
    assert np.all(bend[:, 0] > bend[:, 2])
    assert bend.mean(axis=1) == pytest.approx(np.full(N, 36.0 * 1.0027), rel=1e-3)


def test_a_growing_gap_silences_a_sensor_at_ever_higher_speed() -> None:
    """A sound sensor works at 5 km/h; with a gap 1.6 times as wide it does not, and at 1.72 it fails by function."""
    assert np.all(shown(*some_wheels(), speed_mps=5 / 3.6)[0] > 4.0)
    wide = shown(*some_wheels(gap=1.6), speed_mps=5 / 3.6)[0]
    assert np.all(wide[:, 2] == 0.0)
    assert np.all(wide[:, [0, 1, 3]] > 4.0)
    built, condition, state = some_wheels(gap=1.9)
    assert wheels.is_lost(state, built, condition).all()
    built, condition, state = some_wheels(gap=1.3)
    assert not wheels.is_lost(state, built, condition).any()


def test_a_loose_cable_drops_its_part_of_the_seconds() -> None:
    """The part of the seconds without signal is that of the condition, at that wheel alone."""
    seen = shown(*some_wheels(dropout=0.1), seconds=2000, speed_mps=15.0)
    assert (seen[:, :, 2] == 0.0).mean() == pytest.approx(0.1, abs=0.02)
    assert np.all(seen[:, :, [0, 1, 3]] > 0.0)


def test_a_bearing_shows_only_near_its_end() -> None:
    """Half worn a bearing moves the shown speed by less than a twentieth of a km/h, at its end by tenths."""
    half = shown(*some_wheels(play=0.5), seconds=300, speed_mps=25.0)[:, :, 2]
    end = shown(*some_wheels(play=1.0), seconds=300, speed_mps=25.0)[:, :, 2]
    assert half.std() < 0.05
    assert end.std() > 0.3


def test_cars_without_wheel_speeds_show_none() -> None:
    """Where a car does not give them nothing is read."""
    rng = np.random.default_rng(1)
    bare = wheels.build({"wheel_sensors": 0.0}, N, rng)
    condition = wheels.sound(N, rng)
    assert np.isnan(wheels.readings(wheels.begin(bare, weather()), bare, condition)[WHEEL_SPEEDS[0]]).all()


def some_brakes(drag_n: float | None = None):
    rng = np.random.default_rng(4)
    built, condition = brakes.build({}, N, rng), brakes.sound(N, rng)
    if drag_n is not None:
        condition.drag_n[:, 1] = drag_n
    return built, condition, brakes.begin(built, weather())


def braked(built, condition, state, seconds: int, **fields: float):
    for _ in range(seconds):
        state = brakes.step(state, moment(ambient_c=15.0, **fields), built, condition, 1.0, np.random.default_rng(0))
    return state


def parked(built, condition, state, days: float):
    seconds = np.full(N, days * 86_400.0, dtype=np.float32)
    return brakes.park(state, built, condition, seconds, weather(), np.random.default_rng(0))


def test_all_the_work_of_a_short_stop_becomes_heat_of_the_discs() -> None:
    """Without time to cool, the heat of the four discs is the work of the brakes."""
    built, condition, state = some_brakes()
    condition.drag_n[:] = 0.0
    after = braked(built, condition, state, 3, friction_brake_w=40_000.0, speed_mps=0.1)
    heat_j = ((after.disc_c - 15.0) * built.j_per_k).sum(axis=1)
    assert heat_j == pytest.approx(np.full(N, 120_000.0), rel=0.02)


def test_pads_only_ever_wear_and_faster_when_hot() -> None:
    """The same work wears more when it is done at once than in portions with pauses; rest puts none back."""
    built, condition, state = some_brakes()
    at_once = braked(built, condition, state, 90, friction_brake_w=60_000.0, speed_mps=15.0)
    portions = state
    for _ in range(18):
        portions = braked(built, condition, portions, 5, friction_brake_w=60_000.0, speed_mps=15.0)
        portions = parked(built, condition, portions, 0.04)
    hot, cool = brakes.pad_mm(at_once, built), brakes.pad_mm(portions, built)
    assert np.all(hot < cool)
    assert np.all(cool < built.new_mm)
    assert brakes.pad_mm(parked(built, condition, at_once, 0.01), built) == pytest.approx(hot, rel=1e-5)


def test_a_sticking_calliper_heats_and_wears_its_own_wheel() -> None:
    """Half an hour on the road with one calliper sticking: that disc is far hotter and its pads thinner."""
    built, condition, state = some_brakes(drag_n=170.0)
    after = braked(built, condition, state, 1800, speed_mps=22.0)
    assert np.all(after.disc_c[:, 1] > after.disc_c[:, 0] + 60.0)
    pads = brakes.pad_mm(after, built)
    assert np.all(pads[:, 1] < pads[:, 0])


def test_idle_brakes_rust_and_braking_cleans_them() -> None:
    """Discs rust over weeks in damp air, and a drive with some braking cleans them."""
    built, condition, state = some_brakes()
    rusty = parked(built, condition, state, 40.0)
    assert np.all(rusty.rust > 0.6)
    used = braked(built, condition, rusty, 60, friction_brake_w=20_000.0, speed_mps=15.0)
    assert np.all(parked(built, condition, used, 0.01).rust < 0.05)


def test_renewed_pads_are_whole_and_may_be_of_another_make() -> None:
    """Front pads renewed on some cars: whole there, the rear as before, and the make drawn when the car was built."""
    built, condition, state = some_brakes()
    worn = braked(built, condition, state, 600, friction_brake_w=30_000.0, speed_mps=15.0)
    which = np.array([True, True, False, False, True])
    new = brakes.with_front_pads(worn, built, which, np.ones(N, dtype=np.float32))
    assert np.all(brakes.front_left(new, built, condition)[which] == 1.0)
    assert np.all(
        brakes.front_pad_mm(new, built, condition)[~which] == brakes.front_pad_mm(worn, built, condition)[~which]
    )
    assert np.all(brakes.rear_pad_mm(new, built, condition) == brakes.rear_pad_mm(worn, built, condition))
    assert np.all(new.make[which, 0] == built.makes[which, 0])
    assert new.fitted[:, 0].tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]


def test_the_pedal_follows_the_friction_brakes() -> None:
    """Half of full braking is half of the pedal; what a motor takes back presses no pedal."""
    built, condition, state = some_brakes()
    after = braked(built, condition, state, 1, mass_kg=1500.0, speed_mps=20.0, friction_brake_w=1500.0 * 4.5 * 20.0)
    assert after.pedal == pytest.approx(np.full(N, 50.0))
    assert np.all(braked(built, condition, state, 1, speed_mps=20.0, regen_w=50_000.0).pedal == 0.0)
