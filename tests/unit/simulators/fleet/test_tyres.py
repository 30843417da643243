"""Tyres of the fleet: gas, warmth, leaks, tread and rolling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet import tyres
from simulators.fleet.moment import Weather, still
from vehicle.signals import TYRE_PRESSURES

N = 6
DAY_S = 86_400.0


def weather(ambient_c: float = 20.0, baro_kpa: float = 101.3, n: int = N) -> Weather:
    whole = np.ones(n, dtype=np.float32)
    return Weather(ambient_c=whole * ambient_c, baro_kpa=whole * baro_kpa, humidity=whole * 0.6)


def cars(n: int = N, **platform: float):
    rng = np.random.default_rng(3)
    built = tyres.build({"tpms": 1.0, **platform}, n, rng)
    return built, tyres.sound(n, rng), tyres.begin(built, weather(n=n))


def driven(state, built, condition, seconds: int, **fields: float):
    moment = still(len(state.baro_kpa))
    for name, value in {"speed_mps": 30.0, "wheel_power_w": 14_000.0, **fields}.items():
        setattr(moment, name, np.full(len(state.baro_kpa), value, dtype=np.float32))
    rng = np.random.default_rng(0)
    for _ in range(seconds):
        state = tyres.step(state, moment, built, condition, 1.0, rng)
    return state, moment


def parked(state, built, condition, days: float, **air: float):
    seconds = np.full(N, days * DAY_S, dtype=np.float32)
    return tyres.park(state, built, condition, seconds, weather(**air), np.random.default_rng(1))


def leaking(condition, leak: float):
    leaks = np.array(condition.leak)
    leaks[:, 1] = leak
    return tyres.TyreCondition(leak=leaks, toe_rad=condition.toe_rad)


@given(ambient_c=st.floats(-30, 45), baro_kpa=st.floats(75, 104))
def test_the_pressure_of_a_soaked_tyre_follows_the_gas_law(ambient_c: float, baro_kpa: float) -> None:
    """Absolute pressure over absolute temperature stays the same when only the air's warmth and pressure change."""
    built, condition, state = cars()
    cold = parked(state, built, condition, 0.6, ambient_c=ambient_c, baro_kpa=baro_kpa)
    per_k = (tyres.gauge_kpa(cold) + baro_kpa) / (cold.tyre_c + 273.15)
    assert per_k == pytest.approx(tyres.pressure_kpa(state) / 293.15, rel=2.5e-3)


def test_motorway_driving_warms_a_tyre_and_lifts_its_pressure() -> None:
    """Half an hour at 108 km/h warms a tyre by 15 to 30 K and lifts its pressure by 15 to 35 kPa."""
    built, condition, state = cars()
    after, _ = driven(state, built, condition, 1800)
    assert np.all((after.tyre_c > 35.0) & (after.tyre_c < 50.0))
    risen = tyres.gauge_kpa(after) - tyres.gauge_kpa(state)
    assert np.all((risen > 15.0) & (risen < 35.0))


def test_a_hot_brake_warms_its_own_tyre_only() -> None:
    """A disc that stays hot at one wheel makes that tyre the warmest."""
    built, condition, state = cars()
    hot = np.full((N, 4), 25.0, dtype=np.float32)
    hot[:, 2] = 260.0
    moment = still(N)
    moment.speed_mps, moment.disc_c = np.full(N, 20.0, dtype=np.float32), hot
    for _ in range(900):
        state = tyres.step(state, moment, built, condition, 1.0, np.random.default_rng(0))
    assert np.all(state.tyre_c[:, 2] - state.tyre_c[:, 3] > 3.0)


def test_a_sound_tyre_loses_a_few_kilopascals_a_month() -> None:
    """Nobody's tyres are tight: 1 to 15 kPa a month go, unless the owner has filled them up."""
    built, condition, state = cars()
    lost = tyres.gauge_kpa(state) - tyres.gauge_kpa(parked(state, built, condition, 30.0))
    unfilled = lost[np.all(lost > 0.5, axis=1)]
    assert len(unfilled) >= N - 2
    assert np.all((unfilled > 1.0) & (unfilled < 15.0))


def test_owners_fill_their_tyres_soon_after_the_lamp_but_not_one_that_leaks() -> None:
    """Tyres soft together are filled within weeks where a lamp tells; one that is soft, or no lamp, waits."""

    def filled_after(days: float, part: list[float], tpms: float = 1.0) -> float:
        built, condition, state = cars(400, tpms=tpms)
        low = np.array(part, dtype=np.float32) * built.placard_kpa + state.baro_kpa[:, None]
        state = replace(state, gas_kpa=low, cold_part=np.tile(np.array(part, dtype=np.float32), (400, 1)))
        seconds = np.full(400, days * DAY_S, dtype=np.float32)
        after = tyres.park(state, built, condition, seconds, weather(n=400), np.random.default_rng(2))
        return float((tyres.low_part(after) > 0.97).mean())

    together = [0.74, 0.76, 0.77, 0.78]
    assert 0.35 < filled_after(4.0, together) < 0.65
    assert filled_after(4.0, [0.74, 0.95, 0.95, 0.95]) < 0.1
    assert filled_after(4.0, [0.77, 0.78, 0.78, 0.78]) < 0.1
    assert filled_after(4.0, together, tpms=0.0) < 0.1


def test_a_tyre_that_is_still_warm_is_not_filled() -> None:
    """Pressure is told as the air's cold would have it, so that a short stop fills nothing."""
    built, condition, state = cars()
    state = replace(state, gas_kpa=np.float32(0.8) * built.placard_kpa + state.baro_kpa[:, None])
    warm, _ = driven(state, built, condition, 2400)
    assert np.all(warm.tyre_c > 35.0)
    stopped = parked(warm, built, condition, 0.01)
    assert tyres.low_part(stopped) == pytest.approx(np.full(N, 0.8), abs=0.01)


def test_a_leak_drains_one_tyre_until_it_is_flat() -> None:
    """A leak takes pressure from its own tyre, driving and standing, and at last the tyre is flat by function."""
    built, condition, state = cars()
    holed = leaking(condition, 0.012)
    after = parked(state, built, holed, 3.0)
    after, _ = driven(after, built, holed, 60, speed_mps=0.0, wheel_power_w=0.0)
    gauge = tyres.gauge_kpa(after)
    assert gauge[:, 0] - gauge[:, 1] == pytest.approx(np.full(N, 8.3), abs=0.9)
    assert not tyres.is_flat(after, built, holed).any()
    assert tyres.is_flat(parked(after, built, leaking(condition, 0.5), 2.0), built, holed).all()
    again = tyres.inflated(after, built, np.ones(N, dtype=np.bool_))
    assert tyres.gauge_kpa(again) == pytest.approx(built.placard_kpa, rel=1e-4)


def test_tread_only_ever_wears_and_spirited_driving_wears_it_faster() -> None:
    """Tread falls with every kilometre, at the driven axle most, and more with hard cornering."""
    built, condition, state = cars()
    calm, _ = driven(state, built, condition, 3600)
    fast, _ = driven(state, built, condition, 3600, lateral_mps2=2.5, wheel_power_w=40_000.0)
    worn = tyres.worn_mm(calm, built)
    assert np.all(worn > 0.0)
    assert np.all(tyres.worn_mm(fast, built) > 2.0 * worn)
    stood = parked(calm, built, condition, 1.0)
    assert stood.worn_mm == pytest.approx(worn, rel=1e-5)
    assert np.all(stood.slip_j == 0.0)


def test_a_soft_or_worn_tyre_turns_faster() -> None:
    """At the same speed a wheel turns faster by tenths of a percent when a quarter of its pressure is gone."""
    built, condition, state = cars()
    soft = replace(state, gas_kpa=state.gas_kpa - np.array([58, 0, 0, 0], dtype=np.float32))
    _, sound = driven(state, built, condition, 1)
    _, now = driven(soft, built, condition, 1)
    assert now.turning[:, 0] / sound.turning[:, 0] - 1.0 == pytest.approx(np.full(N, 0.0025), abs=5e-4)
    assert now.turning[:, 1:] == pytest.approx(sound.turning[:, 1:])


def test_pressures_are_shown_only_where_sensors_are() -> None:
    """A car without sensors in its wheels reads nothing; one with them shows the gauge pressure within its bias."""
    built, condition, state = cars()
    shown = tyres.readings(state, built, condition)
    assert shown[TYRE_PRESSURES[2]] == pytest.approx(built.placard_kpa[:, 2], abs=8.0)
    bare, condition, state = cars(tpms=0.0)
    assert np.isnan(tyres.readings(state, bare, condition)[TYRE_PRESSURES[0]]).all()


def test_a_renewed_set_has_all_its_tread_and_pressure() -> None:
    """New tyres on some of the cars leave the others as they were."""
    built, condition, state = cars()
    worn, _ = driven(state, built, condition, 600)
    which = np.array([True, False, True, False, False, False])
    new = tyres.with_tread(worn, built, which, np.ones(N, dtype=np.float32))
    assert np.all(tyres.tread_left(new, built, condition)[which] == 1.0)
    assert np.all(new.slip_j[~which] == worn.slip_j[~which])
    half = tyres.with_tread(worn, built, which, np.full(N, 0.5, dtype=np.float32))
    assert tyres.least_tread_mm(half, built, condition)[0] == pytest.approx((built.tread_mm[0] + 1.6) / 2.0)
