"""Full hybrids of the fleet: when the engine runs, and what the motors take."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from simulators.fleet import hybrid, hybrid_air, hybrid_battery
from simulators.fleet.arrays import full
from simulators.fleet.moment import Weather, still
from vehicle.signals import ENGINE_SPEED, MAF, MAP

N = 4


def weather() -> Weather:
    return Weather(ambient_c=full(N, 20.0), baro_kpa=full(N, 101.3), humidity=full(N, 0.5))


def ran(seconds: int = 15, **given: float):
    """The moment and the parts after some seconds of the same."""
    rng = np.random.default_rng(2)
    parts = [hybrid.SUBSYSTEM, hybrid_air.SUBSYSTEM, hybrid_battery.SUBSYSTEM]
    builds = [part.build({}, N, rng) for part in parts]
    sound = [part.sound(N, rng) for part in parts]
    states = [part.begin(build, weather()) for part, build in zip(parts, builds, strict=True)]
    now = still(N)
    warm = {"coolant_c": 85.0, "oil_c": 85.0, "traction_charge": 0.57, "charge_limit_w": 20_000.0}
    for name, value in {**warm, **given}.items():
        setattr(now, name, full(N, value))
    for _ in range(seconds):
        for at, part in enumerate(parts):
            states[at] = part.step(states[at], now, builds[at], sound[at], 1.0, rng)
        for name in {"traction_charge"} & set(given):
            setattr(now, name, full(N, given[name]))
    shown = [part.readings(*three) for part, *three in zip(parts, states, builds, sound, strict=True)]
    return now, {path: values for each in shown for path, values in each.items()}, states


def test_in_town_a_warm_hybrid_creeps_on_its_motor() -> None:
    """Little power at low speed comes from the battery alone; the engine stands and its manifold is full of air."""
    now, shown, states = ran(speed_mps=8.0, wheel_power_w=4_000.0)
    assert np.all(now.engine_on == 0.0)
    assert np.all(now.motor_w > 4_000.0)
    assert np.all(shown[ENGINE_SPEED] == 0.0)
    assert np.all(shown[MAF] == 0.0)
    assert shown[MAP] == pytest.approx(np.full(N, 101.3), abs=2.0)
    assert np.all(states[2].charge < 0.57)


@pytest.mark.parametrize(
    "given",
    [
        {"speed_mps": 15.0, "wheel_power_w": 25_000.0},
        {"speed_mps": 28.0, "wheel_power_w": 6_000.0},
        {"speed_mps": 8.0, "wheel_power_w": 2_000.0, "coolant_c": 20.0},
        {"speed_mps": 8.0, "wheel_power_w": 2_000.0, "traction_charge": 0.4},
    ],
    ids=["power", "speed", "cold", "low battery"],
)
def test_the_engine_runs_when_it_must(given: dict[str, float]) -> None:
    """Power, speed, a cold engine or a low battery start it; it gives at least what it turns with."""
    now, shown, _ = ran(**given)
    assert np.all(now.engine_on == 1.0)
    assert np.all(shown[ENGINE_SPEED] > 900.0)
    assert np.all(now.heat_w > 0.0)
    assert np.all(now.torque_nm * shown[ENGINE_SPEED] / 9.549 > 1_000.0)


def test_a_hot_battery_is_spared_by_the_engine() -> None:
    """What its motor would do alone in town the engine does where the battery's management holds back."""
    town = {"speed_mps": 8.0, "wheel_power_w": 4_000.0}
    rng = np.random.default_rng(2)
    built, sound = hybrid.build({}, N, rng), hybrid.SUBSYSTEM.sound(N, rng)
    for held_back, runs in ((0.0, 0.0), (0.9, 1.0)):
        now = still(N)
        for name, value in {**town, "coolant_c": 85.0, "oil_c": 85.0, "traction_charge": 0.57}.items():
            setattr(now, name, full(N, value))
        now.held_back = full(N, held_back)
        hybrid.step(hybrid.begin(built, weather()), now, built, sound, 1.0, rng)
        assert np.all(now.engine_on == runs)


def test_engine_and_motor_together_give_what_the_wheels_ask() -> None:
    """Shaft power through the split and the motors' power add up to the asked power, to the driveline's losses."""
    now, _, _ = ran(speed_mps=22.0, wheel_power_w=30_000.0)
    shaft_w = now.torque_nm * now.rpm / 9.549
    assert 0.93 * (shaft_w + now.motor_w) == pytest.approx(np.full(N, 30_000.0 / 0.92), rel=2e-3)


def test_a_hybrid_takes_back_while_braking_with_its_engine_off() -> None:
    """Braking turns the engine off, charges the battery, and leaves the rest to the friction brakes."""
    now, _, states = ran(speed_mps=14.0, wheel_power_w=-20_000.0)
    assert np.all(now.engine_on == 0.0)
    assert now.regen_w + now.friction_brake_w == pytest.approx(np.full(N, 20_000.0))
    assert np.all(now.regen_w > 10_000.0)
    assert np.all(states[2].amps > 0.0)


def test_a_hybrid_holds_its_charge() -> None:
    """From a low or a high charge the battery comes nearer to its target within some minutes of driving."""
    for start in (0.45, 0.68):
        now, charge = None, start
        for _ in range(20):
            now, _, states = ran(15, speed_mps=16.0, wheel_power_w=9_000.0, traction_charge=charge)
            charge += float(states[2].charge.mean()) - hybrid_battery.SMALL["held_charge"]
        assert abs(charge - 0.56) < abs(start - 0.56)
        assert now is not None


def test_the_same_seed_gives_the_same_hybrid_in_single_precision() -> None:
    """Two runs agree to the bit, and nothing has widened."""
    (_, _, first), (_, _, second) = (ran(speed_mps=12.0, wheel_power_w=15_000.0) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        for field in fields(one):
            assert getattr(one, field.name).dtype == np.float32, field.name
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
