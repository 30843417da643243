"""The automatic gearbox of the fleet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.fleet import gearbox
from simulators.fleet.arrays import full
from simulators.fleet.moment import Weather, still
from vehicle.signals import GEARBOX_TEMPERATURE

N = 5


def cars(**now: float):
    rng = np.random.default_rng(4)
    built, condition = gearbox.build({"automatic": 1.0}, N, rng), gearbox.sound(N, rng)
    condition = replace(condition, **{name: full(N, value) for name, value in now.items()})
    weather = Weather(ambient_c=full(N, 20.0), baro_kpa=full(N, 101.3), humidity=full(N, 0.5))
    return built, condition, gearbox.begin(built, weather)


def driven(car, seconds: int, **given: float):
    built, condition, state = car
    now = still(N)
    usual = {"speed_mps": 22.0, "rpm": 1750.0, "gear": 5.0, "torque_nm": 90.0, "coolant_c": 90.0, "ambient_c": 20.0}
    for name, value in {**usual, **given}.items():
        setattr(now, name, full(N, value))
    for _ in range(seconds):
        state = gearbox.step(state, now, built, condition, 1.0, np.random.default_rng(0))
    return state


def test_the_turbine_follows_output_and_gear() -> None:
    """In gear, turbine over output is the gear's ratio but for a slip of tenths of a percent."""
    car = cars()
    after = driven(car, 1)
    ratio = after.turbine_rpm / after.output_rpm
    assert ratio == pytest.approx(np.full(N, 74.0 / 105.0), rel=0.004)


def test_a_worn_clutch_slips_with_the_torque() -> None:
    """Slip grows with the torque, is large with worn clutches, and fails the gearbox by function."""
    built, condition, state = cars(slip=0.08)
    low, high = (gearbox.slip(state, built, condition, full(N, torque)) for torque in (40.0, 160.0))
    assert high == pytest.approx(4.0 * low)
    old = gearbox.with_oil(state, built, np.ones(N, dtype=np.bool_), full(N, 0.5))
    assert gearbox.fails(old, built, condition).all()
    assert not gearbox.fails(old, built, cars()[1]).any()


def test_the_oil_settles_near_the_coolant_and_hotter_with_a_blocked_cooler_in_tow() -> None:
    """Cruising the oil is within 20 K of the coolant; pulling hard with a blocked cooler it is far above."""
    cruising = driven(cars(), 3600)
    assert np.all(np.abs(cruising.oil_c - 90.0) < 20.0)
    pulling = driven(cars(cooler=0.05), 3600, torque_nm=260.0, speed_mps=14.0, gear=3.0, rpm=2200.0)
    assert np.all(pulling.oil_c > 115.0)


def test_hot_oil_ages_faster_and_ageing_survives_the_night() -> None:
    """An hour hot ages more than an hour warm; what a drive has aged is kept, and new oil begins anew."""
    car = cars()
    warm, hot = (
        driven(car, 3600),
        driven(cars(cooler=0.05), 3600, torque_nm=260.0, speed_mps=14.0, gear=3.0, rpm=2200.0),
    )
    assert np.all(hot.ageing_h > 2.0 * warm.ageing_h)
    weather = Weather(ambient_c=full(N, 5.0), baro_kpa=full(N, 101.3), humidity=full(N, 0.5))
    night = gearbox.park(hot, car[0], car[1], full(N, 40_000.0), weather, np.random.default_rng(0))
    assert night.aged_h == pytest.approx(hot.ageing_h)
    assert np.all(night.oil_c < 8.0)
    new = gearbox.with_oil(night, car[0], np.ones(N, dtype=np.bool_), full(N, 1.0))
    assert np.all(gearbox.oil_left(new, car[0], car[1]) == 1.0)


def test_manual_cars_tell_nothing_of_their_gearbox() -> None:
    """Where there is no automatic gearbox nothing is read, nothing wears, and nothing fails."""
    rng = np.random.default_rng(1)
    bare = gearbox.build({"automatic": 0.0}, N, rng)
    _, condition, state = cars(slip=0.5)
    assert np.isnan(gearbox.readings(state, bare, condition)[GEARBOX_TEMPERATURE]).all()
    assert not gearbox.fails(state, bare, condition).any()
    assert not any(kind.applies(bare).any() for kind in gearbox.FAULTS)
    assert np.all(gearbox.oil_left(driven(cars(), 600), bare, condition) == 1.0)
