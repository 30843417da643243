"""Electric cars of the fleet: cells, traction battery, motor, charging, and the 12 V battery."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.fleet import auxiliary_battery as auxiliary
from simulators.fleet import battery_system, cells, electric_drive, insulation
from simulators.fleet import traction_battery as battery
from simulators.fleet.arrays import full
from simulators.fleet.moment import Weather, still
from vehicle import signals

N = 4
DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S


def weather(ambient_c: float = 20.0, humidity: float = 0.5) -> Weather:
    return Weather(ambient_c=full(N, ambient_c), baro_kpa=full(N, 101.3), humidity=full(N, humidity))


def moment(**given: float):
    now = still(N)
    now.charge_to = full(N, 1.0)
    for name, value in given.items():
        setattr(now, name, full(N, value))
    return now


def cars(ambient_c: float = 20.0, **platform: float):
    rng = np.random.default_rng(11)
    built = battery.build({"cell_volts": 1.0, **platform}, N, rng)
    return built, battery.sound(N, rng), battery.begin(built, weather(ambient_c))


def ran(car, steps: int, dt_s: float = 1.0, **given: float):
    built, condition, state = car
    now = moment(**given)
    for _ in range(steps):
        state = battery.step(state, now, built, condition, dt_s, np.random.default_rng(0))
    return state


def parked(car, state, days: float, seed: int = 2, **air: float):
    built, condition, _ = car
    return battery.park(state, built, condition, full(N, days * DAY_S), weather(**air), np.random.default_rng(seed))


def changed(car, block: int | None = None, **now: float):
    built, condition, state = car
    fresh = {}
    for name, value in now.items():
        fresh[name] = np.array(getattr(condition, name))
        fresh[name][..., slice(None) if block is None else block] = value
    return built, replace(condition, **fresh), state


@pytest.mark.parametrize("curve", [cells.nickel(), cells.iron()])
def test_a_fuller_cell_has_a_higher_voltage(curve: cells.Curve) -> None:
    """The voltage at rest rises all the way from empty to full, within the allowed range."""
    volts = cells.rest_v(np.linspace(0.0, 1.0, 501, dtype=np.float32), curve)
    assert np.all(np.diff(volts) >= 0.0)
    assert curve.lowest_v < volts[0]
    assert volts[-1] < curve.highest_v


@settings(max_examples=25, deadline=None)
@given(power_w=st.floats(-90_000.0, 60_000.0), charge=st.floats(0.2, 0.75))
def test_what_goes_in_at_the_terminals_is_stored_or_becomes_heat(power_w: float, charge: float) -> None:
    """Power at the terminals is current times voltage; of it, heat is what is above the voltage at rest, never < 0."""
    built, condition, state = cars()
    state = replace(state, charge=full(N, charge), shown_charge=full(N, charge))
    after = battery.step(state, moment(motor_w=-power_w), built, condition, 1.0, np.random.default_rng(0))
    terminal_w = after.amps * after.cell_v * built.series
    assert terminal_w == pytest.approx(np.full(N, power_w), rel=2e-3, abs=30.0)
    assert np.all(after.amps * (after.cell_v - cells.rest_v(state.charge, built.curve)) >= -1e-6)


def test_charge_is_neither_lost_nor_made() -> None:
    """What an hour of changing current moves is what the charge changes by, of the capacity that the battery has."""
    car = built, condition, state = cars()
    rng, moved, now = np.random.default_rng(1), np.zeros(N), moment()
    for power in rng.normal(4_000.0, 20_000.0, 3600):
        now.motor_w = full(N, power)
        state = battery.step(state, now, built, condition, 1.0, rng)
        moved += state.amps
    capacity = built.capacity_as * battery.health(state, condition)
    assert state.charge - car[2].charge == pytest.approx(moved / capacity, rel=3e-3)


def test_a_drive_empties_and_warms_and_the_battery_recovers_at_rest() -> None:
    """Under load the voltage is below, an hour afterwards at, its rest voltage; the battery is warmer than the air."""
    car = cars()
    after = ran(car, 1800, motor_w=30_000.0, speed_mps=25.0)
    rest = cells.rest_v(after.charge, car[0].curve)
    assert np.all(after.charge < 0.6)
    assert np.all(after.cell_v < rest - 0.02)
    assert np.all(after.battery_c > 21.0)
    assert parked(car, after, 0.1).cell_v == pytest.approx(
        cells.rest_v(parked(car, after, 0.1).charge, car[0].curve), abs=1e-3
    )


def test_fast_charging_tapers_and_ends_at_the_drivers_limit() -> None:
    """At a fast post the power falls as the battery fills, and nothing is taken above the limit that was set."""
    car = cars()
    early = ran(car, 5, 60.0, charger_w=90_000.0, charge_to=0.9)
    late = ran(car, 12, 60.0, charger_w=90_000.0, charge_to=0.98)
    assert np.all(early.amps > 1.5 * late.amps)
    assert np.all(late.amps > 0.0)
    over = ran(car, 200, 60.0, charger_w=90_000.0, charge_to=0.9)
    assert over.shown_charge == pytest.approx(np.full(N, 0.9), abs=0.02)
    assert np.all(over.charging == 0.0)
    assert np.all(over.cell_v < car[0].curve.highest_v)


def test_a_cold_battery_takes_little_and_is_warmed_while_it_charges() -> None:
    """At -10 °C much less is taken than at 20 °C, and the heater brings the battery up."""
    cold = ran(cars(ambient_c=-10.0), 3, 60.0, charger_w=80_000.0, ambient_c=-10.0)
    warm = ran(cars(), 3, 60.0, charger_w=80_000.0)
    assert np.all(cold.amps < 0.5 * warm.amps)
    later = ran(cars(ambient_c=-10.0), 60, 60.0, charger_w=11_000.0, ambient_c=-10.0)
    assert np.all(later.battery_c > -5.0)


def test_a_dead_pump_lets_the_battery_grow_hot() -> None:
    """Charged fast on a hot day, a battery without its pump ends much hotter, and has failed by function."""
    hot = {"charger_w": 95_000.0, "ambient_c": 32.0}
    sound = cars(ambient_c=32.0)
    dead = changed(cars(ambient_c=32.0), pump=0.0)
    good, bad = (
        ran((b, c, replace(s, charge=s.charge - 0.6, shown_charge=s.shown_charge - 0.6)), 35, 60.0, **hot)
        for b, c, s in (sound, dead)
    )
    assert np.all(bad.battery_c > good.battery_c + 5.0)
    assert battery_system.is_too_hot(bad, dead[0], dead[1]).all()
    assert not battery_system.is_too_hot(good, sound[0], sound[1]).any()


def test_batteries_age_by_standing_and_by_use_and_never_grow_young() -> None:
    """Eight years of moderate use cost 7 to 16 % of the capacity, most of it early, and more in the heat."""
    car = built, condition, state = cars()
    lost, hot = [], state
    for year in range(8):
        used = replace(state, moved_as=built.capacity_as * 110.0)
        state = parked(car, used, 365.0, year, ambient_c=14.0)
        hot = parked(car, replace(hot, moved_as=built.capacity_as * 110.0), 365.0, year, ambient_c=32.0)
        lost.append(1.0 - battery.health(state, condition))
    assert np.all(np.diff(lost, axis=0) > 0.0)
    assert np.all((np.array(lost[-1]) > 0.05) & (np.array(lost[-1]) < 0.17))
    assert np.all(lost[0] > lost[-1] / 8.0)
    assert np.all(battery.health(hot, condition) < battery.health(state, condition))


def test_the_shown_charge_strays_and_is_set_right_at_rest() -> None:
    """The BMS's count strays from the truth with use; after a night's rest it is within some percent again."""
    car = cars()
    state = replace(car[2], shown_charge=car[2].charge - 0.06)
    again = parked(car, state, 0.4)
    assert np.all(np.abs(again.shown_charge - again.charge) < 0.045)
    flat = cars(iron_phosphate=1.0)
    still_off = parked(flat, replace(flat[2], shown_charge=flat[2].charge - 0.06), 0.4)
    assert still_off.shown_charge - still_off.charge == pytest.approx(np.full(N, -0.06), abs=0.005)


def test_an_internal_short_empties_its_block_day_by_day() -> None:
    """A block that discharges itself falls behind the others evenly with time, and shows it at rest."""
    car = changed(cars(), block=3, self_discharge=0.004)
    built, condition, state = car
    gaps = []
    for day in range(8):
        state = parked(car, state, 5.0, day)
        gaps.append(state.apart[:, 0] - state.apart[:, 3])
    assert np.diff(gaps, axis=0) == pytest.approx(np.full((7, N), 0.02), abs=0.001)
    volts = battery.block_v(state, built, condition)
    assert np.all(np.median(volts, axis=1) - volts[:, 3] > 0.05)
    assert battery_system.is_unbalanced(state, built, condition).all()
    good = battery_system.rebalanced(state, built, np.ones(N, dtype=np.bool_))
    assert not battery_system.is_unbalanced(good, built, cars()[1]).any()


def test_a_bad_joint_shows_with_the_current_only() -> None:
    """A joint's voltage is there under load, with its sign, and gone at rest."""
    car = changed(cars(), block=5, joint=2.0)
    built, condition, state = car

    def apart(at) -> np.ndarray:
        volts = battery.block_v(at, built, condition)
        return volts[:, 5] - np.median(volts, axis=1)

    load, takes = ran(car, 1, motor_w=60_000.0), ran(car, 1, motor_w=-60_000.0)
    assert np.all(apart(load) < -0.1)
    assert np.all(apart(takes) > 0.1)
    assert np.all(np.abs(apart(state)) < 0.02)


def test_full_charging_brings_blocks_together() -> None:
    """Standing full, the battery management bleeds the fuller blocks; half full it does nothing."""
    car = cars()
    state = car[2]
    apart = np.array(state.apart)
    apart[:, 2] = -0.01
    high = replace(state, apart=apart, charge=full(N, 0.95))
    low = replace(state, apart=apart, charge=full(N, 0.5))
    assert np.all(np.ptp(parked(car, high, 0.3).apart, axis=1) < 0.009)
    assert np.all(np.ptp(parked(car, low, 0.3).apart, axis=1) > 0.0099)


def test_insulation_falls_with_moist_air_and_far_with_a_leak() -> None:
    """A sound car stays above 0.3 megohm in any weather; a full leak is at or below 100 ohm a volt."""
    built, condition, state = cars()
    dry = insulation.isolation_ohm(state, built, condition)
    wet = insulation.isolation_ohm(replace(state, humidity=full(N, 0.95), wetness=full(N, 1.0)), built, condition)
    assert np.all(wet < dry)
    assert np.all(wet > 3e5)
    leaking = changed((built, condition, state), leak=1.0)
    assert np.all(insulation.isolation_ohm(state, built, leaking[1]) < 45_000.0)
    assert battery_system.is_unsafe(state, built, changed((built, condition, state), leak=1.05)[1]).all()
    assert not battery_system.is_unsafe(state, built, condition).any()


def test_rain_soaks_while_driving_and_dries() -> None:
    """An hour in the rain soaks plugs and cases, a day at rest dries them."""
    car = cars()
    soaked = ran(car, 60, 60.0, wet=1.0, speed_mps=20.0)
    assert np.all(soaked.wetness > 0.8)
    assert np.all(parked(car, soaked, 1.0).wetness < 0.05)


def test_a_hidden_value_is_not_shown() -> None:
    """A car that does not give its blocks gives neither them nor the lowest cell, but all else."""
    built, condition, state = cars(cell_volts=0.0)
    shown = battery_system.readings(state, built, condition)
    assert np.isnan(shown[signals.BLOCK_VOLTAGES[0]]).all()
    assert np.isnan(shown[signals.CELL_LOWEST]).all()
    rest = [
        values for path, values in shown.items() if path not in signals.BLOCK_VOLTAGES and "CellVoltage" not in path
    ]
    assert all(np.isfinite(values).all() for values in rest)


def test_braking_is_split_between_motor_and_friction() -> None:
    """Motor and friction brakes together give what is asked; below walking pace, and when full, friction alone."""
    rng = np.random.default_rng(0)
    built, condition = electric_drive.build({}, N, rng), electric_drive.sound(N, rng)
    state = electric_drive.begin(built, weather())

    def split(**given: float):
        now = moment(wheel_power_w=-20_000.0, **given)
        electric_drive.step(state, now, built, condition, 1.0, rng)
        return now

    fast = split(speed_mps=15.0, charge_limit_w=80_000.0)
    assert fast.regen_w + fast.friction_brake_w == pytest.approx(np.full(N, 20_000.0))
    assert np.all(fast.regen_w > 0.8 * 20_000.0)
    assert np.all(fast.motor_w < -0.7 * 20_000.0)
    assert np.all(split(speed_mps=1.0, charge_limit_w=80_000.0).regen_w == 0.0)
    assert np.all(split(speed_mps=15.0, charge_limit_w=0.0).friction_brake_w == 20_000.0)


def test_a_hot_battery_gives_ever_less() -> None:
    """Full power up to 50 degC, half of it or so at 55, a tenth from 60 on: the motor pulls no more than that."""
    rng = np.random.default_rng(0)
    built, condition = electric_drive.build({}, N, rng), electric_drive.sound(N, rng)
    pulled = []
    for battery_c in (50.0, 55.0, 60.0, 80.0):
        _, _, state = cars()
        held_back = battery.held_back(replace(state, battery_c=full(N, battery_c)))
        now = moment(wheel_power_w=200_000.0, held_back=float(held_back[0]))
        electric_drive.step(electric_drive.begin(built, weather()), now, built, condition, 1.0, rng)
        pulled.append(float((now.motor_w * built.efficiency / built.motor_w).mean()))
        assert np.all(now.wheel_power_w <= now.motor_w * built.efficiency + 1.0)
    assert pulled == pytest.approx([1.0, 0.55, 0.1, 0.1], abs=0.02)


def an_auxiliary(**now: float):
    rng = np.random.default_rng(7)
    built, condition = auxiliary.build({}, N, rng), auxiliary.sound(N, rng)
    condition = replace(condition, **{name: full(N, value) for name, value in now.items()})
    return built, condition, auxiliary.begin(built, weather())


def slept(car, days: int, **air: float):
    built, condition, state = car
    rng = np.random.default_rng(3)
    for _ in range(days * 4):
        state = auxiliary.park(state, built, condition, full(N, DAY_S / 4), weather(**air), rng)
    return state


def test_a_sleeping_car_tops_its_battery_up_when_it_must() -> None:
    """Three weeks asleep need a top-up or two; a battery of little capacity, or a drain, needs many more."""
    sound = slept(an_auxiliary(), 21)
    weak = slept(an_auxiliary(capacity=0.35), 21)
    drained = slept(an_auxiliary(drain_a=0.4), 21)
    assert np.all((sound.top_ups >= 1) & (sound.top_ups <= 6))
    assert np.all(weak.top_ups > 1.8 * sound.top_ups)
    assert np.all(drained.top_ups > 3.0 * sound.top_ups)
    assert np.all(sound.charge > 0.5)


def test_a_great_drain_empties_the_battery_in_spite_of_the_top_ups() -> None:
    """A control unit that stays awake draws more than the converter is allowed to give: the car does not wake."""
    car = built, condition, _ = an_auxiliary(drain_a=3.2)
    tried, _ = auxiliary.start(slept(car, 4), moment(), built, condition, np.random.default_rng(0))
    assert auxiliary.does_not_wake(tried, built, condition).all()


def test_contactors_do_not_close_on_a_worn_out_battery() -> None:
    """The dip at closing is a third of a volt on a good battery; on a worn one in the cold it is too deep."""
    built, condition, state = an_auxiliary()
    state, seen = auxiliary.start(state, moment(), built, condition, np.random.default_rng(0))
    rows = seen[signals.CONTROL_MODULE_VOLTAGE]
    assert rows.shape == (N, 30)
    assert np.all(rows[:, 0] - rows.min(axis=1) < 0.6)
    assert np.all(rows[:, -1] > 13.5)
    assert not auxiliary.does_not_wake(state, built, condition).any()
    worn = built, condition, _ = an_auxiliary(capacity=0.18, resistance=2.6)
    tried, _ = auxiliary.start(slept(worn, 2, ambient_c=0.0), moment(), built, condition, np.random.default_rng(0))
    assert auxiliary.does_not_wake(tried, built, condition).all()
    again = auxiliary.renewed(tried, built, np.ones(N, dtype=np.bool_))
    assert not auxiliary.does_not_wake(again, built, condition).any()


def test_the_converter_holds_the_voltage_and_fills_the_battery() -> None:
    """With a good converter the 12 V system is at its voltage and the battery fills; with a dead one it empties."""
    built, condition, state = an_auxiliary()
    low = replace(state, charge=full(N, 0.6))
    good, bad = low, low
    dead = replace(condition, converter=full(N, 0.0))
    for _ in range(1200):
        now = moment(electrical_load_w=300.0)
        good = auxiliary.step(good, now, built, condition, 1.0, np.random.default_rng(0))
        bad = auxiliary.step(bad, now, built, dead, 1.0, np.random.default_rng(0))
    assert good.volts == pytest.approx(built.converter_v, abs=1e-4)
    assert np.all(good.charge > 0.7)
    assert np.all(bad.volts < 12.5)
    assert np.all(bad.charge < 0.6)


@pytest.mark.parametrize("module", [battery_system, electric_drive, auxiliary])
def test_the_same_seed_gives_the_same_cars_in_single_precision(module) -> None:
    """Two runs from one seed agree to the bit, and no array has widened."""

    def run():
        rng = np.random.default_rng(21)
        part = module.SUBSYSTEM
        built, condition = part.build({}, N, rng), part.sound(N, rng)
        state = part.begin(built, weather())
        for _ in range(5):
            now = moment(speed_mps=12.0, wheel_power_w=9_000.0, motor_w=9_000.0)
            state = part.step(state, now, built, condition, 1.0, rng)
        return part.park(state, built, condition, full(N, 30_000.0), weather(), rng)

    first, second = run(), run()
    for field in fields(first):
        assert getattr(first, field.name).dtype == np.float32, field.name
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
