"""Petrol and diesel cars of the fleet: balance of energy, warm-up, and what each fault does."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from simulators.fleet.arrays import full
from simulators.fleet.electrical import capacity_as
from simulators.fleet.garage import parts
from simulators.fleet.moment import Weather, still
from simulators.fleet.stepping import new_cars, readings, stand, started, step, stopped, told
from vehicle.signals import (
    BOOST,
    BOOST_COMMANDED,
    CATALYST_RESULT,
    CATALYST_TEMPERATURE_11,
    CONTROL_MODULE_VOLTAGE,
    COOLANT_TEMPERATURE,
    EGR_RESULT,
    EVAPORATIVE_RESULT,
    FILTER_PRESSURE,
    FILTER_REGENERATING,
    FRONT_OXYGEN_RESULT,
    FUEL_RATE,
    INTAKE_AIR_TEMPERATURE,
    LONG_TERM_FUEL_TRIM_1,
    MAF,
    MAP,
    MISFIRES,
    SHORT_TERM_FUEL_TRIM_1,
)

CRUISE, TOWN, IDLE = 25.0, None, 0.0
N = 4


def made(powertrain: str, ambient_c: float = 15.0, **platform: float):
    air = Weather(ambient_c=full(N, ambient_c), baro_kpa=full(N, 100.0), humidity=full(N, 0.6))
    subsystems = tuple(part.subsystem for part in parts(powertrain))
    cars = new_cars(subsystems, platform, np.zeros(N, dtype=np.int64), air, np.random.default_rng(7))
    return stand(cars, full(N, 40_000.0), air, np.random.default_rng(8))


def of(cars, name: str):
    return cars.states[next(at for at, part in enumerate(cars.subsystems) if part.name == name)]


def ill(cars, name: str, **values: float):
    """The cars with fields of a subsystem's condition set, the last two cars only."""
    conditions = list(cars.conditions)
    at = next(at for at, part in enumerate(cars.subsystems) if part.name == name)
    changed = {}
    for field, value in values.items():
        array = np.array(getattr(conditions[at], field))
        array[2:] = value
        changed[field] = array
    conditions[at] = replace(conditions[at], **changed)
    return replace(cars, conditions=tuple(conditions))


def alike(cars):
    """The cars with the builds, conditions and states of the first, so that they differ by what is done to them."""

    def of_first(value):
        names = {field.name: getattr(value, field.name) for field in fields(value)}
        first = {
            name: of_first(entry) if hasattr(entry, "__dataclass_fields__")
            else np.repeat(entry[:1], N, axis=0) if isinstance(entry, np.ndarray) else entry
            for name, entry in names.items()
        }  # fmt: skip
        return replace(value, **first)

    return replace(
        cars,
        builds=tuple(of_first(each) for each in cars.builds),
        conditions=tuple(of_first(each) for each in cars.conditions),
        states=tuple(of_first(each) for each in cars.states),
    )


def speeds(kind: float | None, seconds: int):
    """A constant speed reached at 1.5 m/s², or stop and go between 0 and 14 m/s."""
    time = np.arange(seconds)
    if kind is None:
        return 14.0 * np.clip(np.sin(2 * np.pi * time / 55.0) + 0.35, 0.0, 1.0)
    return np.minimum(1.5 * time, kind)


def drive(cars, kind: float | None, seconds: int, *, ambient_c: float = 15.0, seed: int = 3, **fields_of_moment):
    """Drives in steps of 2 s; gives the cars, each reading at every tenth second ``(rows, N)``, and the moment."""
    rng, moment = np.random.default_rng(seed), still(N)
    moment.ambient_c, moment.baro_kpa = full(N, ambient_c), full(N, 100.0)
    for name, value in (told(cars) | fields_of_moment).items():
        setattr(moment, name, value if isinstance(value, np.ndarray) else full(N, value))
    speed, rows = speeds(kind, seconds + 2), []
    for second in range(0, seconds, 2):
        moment.speed_mps = full(N, (speed[second] + speed[second + 2]) / 2)
        moment.accel_mps2 = full(N, (speed[second + 2] - speed[second]) / 2)
        moment.session_s = moment.session_s + np.float32(2)
        moment.run_s = moment.session_s
        cars = step(cars, moment, 2.0, rng)
        if second % 10 == 8:
            rows.append(readings(cars))
    return cars, {path: np.array([row[path] for row in rows]) for path in rows[0]}, moment


def ended(cars):
    return readings(stopped(cars, np.random.default_rng(5)))


@pytest.mark.parametrize("powertrain", ["petrol", "petrol_turbo", "diesel", "van"])
def test_all_is_float32_and_finite(powertrain: str) -> None:
    """After minutes of stop and go no value of a state has become float64, save the odometer, or is not a number."""
    cars, _, moment = drive(made(powertrain), TOWN, 240)
    for state in cars.states:
        for field in fields(state):
            value = getattr(state, field.name)
            if isinstance(value, np.ndarray) and not field.name.startswith("odometer"):
                assert value.dtype == np.float32, field.name
                assert np.isfinite(value).all(), field.name
    assert {name for name, value in moment.arrays() if value.dtype != np.float32} == set()


def test_work_at_the_wheels_is_the_change_of_energy_and_what_resists() -> None:
    """Without drag and rolling, what the wheels give while speeding up is the kinetic energy of all masses."""
    cars = made("petrol", drag_area_m2=1e-9, rolling=1e-9)
    cars = ill(cars, "road", extra_rolling=0.0)
    rng, moment, work = np.random.default_rng(1), still(N), np.zeros(N)
    speed = speeds(20.0, 21)
    for second in range(20):
        moment.speed_mps, moment.accel_mps2 = (
            full(N, (speed[second] + speed[second + 1]) / 2),
            full(N, speed[second + 1] - speed[second]),
        )
        cars = step(cars, moment, 1.0, rng)
        work += moment.wheel_power_w
    energy = 1.04 * moment.mass_kg * speed[20] ** 2 / 2
    np.testing.assert_allclose(work[2:], energy[2:], rtol=0.001)


@pytest.mark.parametrize(("powertrain", "least", "most"), [("petrol", 3.5, 7.5), ("diesel", 3.0, 6.5)])
def test_a_cruise_takes_a_fuel_that_cars_take(powertrain: str, least: float, most: float) -> None:
    """At 90 km/h, warm, a car takes 3 to 7.5 litres for 100 km."""
    _, seen, _ = drive(made(powertrain), CRUISE, 900)
    litres = seen[FUEL_RATE][-20:].mean() / 90.0 * 100.0
    assert least < litres < most


def test_a_warm_up_rises_and_then_the_thermostat_holds() -> None:
    """In town from 20 °C the coolant passes 75 °C within 4 to 14 minutes and is then held within some kelvin."""
    _, seen, _ = drive(made("petrol", 20.0), TOWN, 2400, ambient_c=20.0)
    coolant = seen[COOLANT_TEMPERATURE]
    passed = 10 * (coolant > 75.0).argmax(axis=0)
    assert ((passed > 240) & (passed < 840)).all()
    assert (np.diff(coolant[:20:2], axis=0) > 0).all()
    assert np.abs(coolant[-30:] - coolant[-30:].mean(axis=0)).max() < 6.0


def test_standing_in_parts_is_standing() -> None:
    """Six hours in two parts leave the coolant, the charge and the oil as six hours at once."""
    cars, _, _ = drive(made("petrol"), CRUISE, 600)
    air = Weather(ambient_c=full(N, 10.0), baro_kpa=full(N, 100.0), humidity=full(N, 0.6))
    once = stand(cars, full(N, 21_600.0), air, np.random.default_rng(1))
    twice = stand(
        stand(cars, full(N, 9_000.0), air, np.random.default_rng(1)), full(N, 12_600.0), air, np.random.default_rng(1)
    )
    for name, field, near in (
        ("cooling", "coolant_c", 0.3),
        ("cooling", "oil_c", 0.3),
        ("electrical", "charge", 0.002),
    ):
        np.testing.assert_allclose(getattr(of(once, name), field), getattr(of(twice, name), field), atol=near)


def test_a_stuck_thermostat_keeps_the_engine_cold() -> None:
    """The more coolant passes the closed thermostat, the colder a motorway drive stays."""
    cars = alike(made("petrol", 5.0))
    _, seen, _ = drive(ill(cars, "cooling", stuck_open=0.3), CRUISE, 900, ambient_c=5.0)
    end = seen[COOLANT_TEMPERATURE][-1]
    assert end[0] > 78.0
    assert end[3] < end[0] - 12.0


@pytest.mark.parametrize(
    ("field", "value", "kind", "grade"),
    [("fan_kept", 0.0, IDLE, 0.0), ("filled", 0.33, CRUISE, 0.0), ("flow_kept", 0.03, CRUISE, 0.0)],
)
def test_faults_of_cooling_make_it_hot(field: str, value: float, kind: float, grade: float) -> None:
    """In 38 °C with the air conditioning on, idling or at 90 km/h is borne by sound cars, not with the fault."""
    cars = alike(made("petrol", 38.0))
    ailing = ill(cars, "cooling", **{field: value})
    _, seen, _ = drive(ailing, kind, 2400, ambient_c=38.0, air_conditioning=1.0, grade=grade)
    end = seen[COOLANT_TEMPERATURE][-30:].max(axis=0)
    assert end[0] < 108.0
    assert end[3] > end[0] + 6.0


def test_a_sound_car_bears_a_trailer_on_a_hill_in_the_heat() -> None:
    """Ten minutes at 60 km/h up 6 % with a trailer of a tonne in 35 °C stay under the temperature of a breakdown."""
    _, seen, _ = drive(made("petrol", 35.0), 16.7, 900, ambient_c=35.0, grade=0.06, payload_kg=1000.0, tow_kg=1000.0)
    assert seen[COOLANT_TEMPERATURE].max() < 118.0


def trims(cars, kind: float | None, seconds: int = 900):
    _, seen, _ = drive(cars, kind, seconds)
    return (seen[SHORT_TERM_FUEL_TRIM_1] + seen[LONG_TERM_FUEL_TRIM_1])[-30:].mean(axis=0)


def test_a_vacuum_leak_shows_at_idle_and_vanishes_at_load() -> None:
    """Half a gram a second of unmetered air asks for many percent at idle and a few on the motorway."""
    cars = ill(alike(made("petrol")), "air", vacuum_leak_gps=0.5)
    idle, cruise = trims(cars, IDLE), trims(cars, CRUISE)
    assert idle[3] - idle[0] > 10.0
    assert 0.5 < cruise[3] - cruise[0] < 5.0


def test_a_car_without_an_air_meter_does_not_notice_a_leak() -> None:
    """Where the control unit reckons by manifold pressure, the leaked air is counted."""
    cars = ill(alike(made("petrol", has_maf=0.0)), "air", vacuum_leak_gps=0.5)
    idle = trims(cars, IDLE)
    assert abs(idle[3] - idle[0]) < 1.0


def test_a_dirty_air_meter_asks_for_fuel_everywhere() -> None:
    """A meter that counts 10 % less asks for about 11 % more, at idle and at speed."""
    cars = ill(alike(made("petrol")), "air", maf_gain=0.9)
    sound = alike(made("petrol"))
    gain = float(sound.conditions[2].maf_gain[0])
    for kind in (IDLE, CRUISE):
        found = trims(cars, kind)
        assert found[3] - found[0] == pytest.approx(100.0 * (gain / 0.9 - 1.0), abs=2.5)


def test_weak_ignition_is_counted_in_its_cylinder() -> None:
    """A cylinder that fails one firing in two hundred is counted, the others hardly; the catalyst gets hotter."""
    cars = alike(made("petrol"))
    conditions = list(cars.conditions)
    at = next(at for at, part in enumerate(cars.subsystems) if part.name == "ignition")
    failing = np.array(conditions[at].failing)
    failing[2:, 1] = 0.05
    conditions[at] = replace(conditions[at], failing=failing)
    after, seen, _ = drive(replace(cars, conditions=tuple(conditions)), CRUISE, 600)
    counts = ended(after)
    assert counts[MISFIRES[1]][3] > 20.0
    assert counts[MISFIRES[0]][3] < 1.0
    assert counts[MISFIRES[1]][0] < 1.0
    assert seen[CATALYST_TEMPERATURE_11][-1, 3] > seen[CATALYST_TEMPERATURE_11][-1, 0]


@pytest.mark.parametrize(
    ("name", "field", "value", "result"),
    [
        ("exhaust", "storage_kept", 0.29, CATALYST_RESULT),
        ("mixture", "front_slowness", 3.5, FRONT_OXYGEN_RESULT),
        ("tank", "leak_mm", 0.62, EVAPORATIVE_RESULT),
    ],
)
def test_monitors_of_petrol_cars_pass_their_limit_at_the_failed_value(
    name: str, field: str, value: float, result: str
) -> None:
    """After some drives the result of a failed part is over 95 % of the limit and a sound part's under 60 %."""
    cars = ill(alike(made("petrol")), name, **{field: value})
    cars, _, _ = drive(cars, CRUISE, 700)
    for trip in range(12):
        cars = stopped(cars, np.random.default_rng(trip))
    found = readings(cars)[result]
    assert found[2:].mean() > 95.0
    assert found[:2].max() < 60.0


def test_boost_that_cannot_be_built_is_missed_under_load() -> None:
    """With lazy vanes, less than the commanded boost is reached on a hill, the more the lazier."""
    cars = ill(alike(made("diesel")), "diesel", boost_lost=0.5)
    _, seen, _ = drive(cars, CRUISE, 120, grade=0.1)
    lacking = (seen[BOOST_COMMANDED] - seen[BOOST])[-3:].mean(axis=0)
    assert abs(lacking[0]) < 5.0
    assert lacking[3] > 15.0


def test_clogged_recirculation_lets_fresh_air_in() -> None:
    """The meter counts more air at part load, and the monitor's result passes its limit."""
    cars = ill(alike(made("diesel")), "diesel", egr_kept=0.4)
    after, seen, _ = drive(cars, CRUISE, 900)
    assert (seen[MAF][-6:, 3] > 1.02 * seen[MAF][-6:, 0]).all()
    for trip in range(10):
        after = stopped(after, np.random.default_rng(trip))
    result = readings(after)[EGR_RESULT]
    assert result[3] > 95.0
    assert result[0] < 50.0


def test_soot_raises_the_pressure_and_is_burnt_off() -> None:
    """A filter with more soot resists more; over the limit it is heated and the soot goes."""
    cars = alike(made("diesel"))
    states = list(cars.states)
    at = next(at for at, part in enumerate(cars.subsystems) if part.name == "particulate")
    soot = np.array([5.0, 15.0, 15.0, 24.0], dtype=np.float32)
    states[at] = replace(states[at], soot_g=soot, reckoned_g=soot)
    after, seen, _ = drive(replace(cars, states=tuple(states)), CRUISE, 1500)
    assert seen[FILTER_PRESSURE][6, 1] > 1.3 * seen[FILTER_PRESSURE][6, 0]
    assert seen[FILTER_REGENERATING][:, 3].max() == 1.0
    assert seen[FILTER_REGENERATING][:, 0].max() == 0.0
    assert of(after, "particulate").soot_g[3] < 6.0


def test_an_aged_battery_dips_deeper_and_fails_in_the_cold() -> None:
    """More resistance means less volts while cranking; at -25 °C a worn battery does not start the engine."""
    cars = ill(alike(made("petrol", -25.0)), "electrical", resistance=5.0, capacity=0.4)
    moment = still(N)
    moment.oil_c = full(N, -25.0)
    after, seen = started(cars, moment, np.random.default_rng(2))
    lowest = seen[CONTROL_MODULE_VOLTAGE].min(axis=1)
    assert lowest[3] < lowest[0] - 1.0
    np.testing.assert_array_equal(of(after, "electrical").not_started, [0, 0, 1, 1])


def test_an_alternator_that_gives_too_little_empties_the_battery() -> None:
    """With a tenth of the current the voltage falls under 13 V and the charge falls; sound cars hold 13.5 V."""
    cars = ill(alike(made("petrol")), "electrical", alternator_kept=0.1)
    after, seen, _ = drive(cars, TOWN, 1200, consumers_w=250.0)
    volts = seen[CONTROL_MODULE_VOLTAGE][-30:].mean(axis=0)
    assert volts[0] > 13.4
    assert volts[3] < 12.9
    charge = of(after, "electrical").charge
    assert charge[3] < charge[0] - 0.05


def test_charge_is_kept_account_of() -> None:
    """What the battery's current sums up to is what its charge changed by."""
    cars = ill(made("petrol"), "electrical", alternator_kept=0.1)
    at = next(at for at, part in enumerate(cars.subsystems) if part.name == "electrical")
    capacity = capacity_as(cars.states[at], cars.builds[at], cars.conditions[at])
    before = of(cars, "electrical").charge.copy()
    moved, rng, moment = np.zeros(N), np.random.default_rng(4), still(N)
    for _ in range(400):
        cars = step(cars, moment, 1.0, rng)
        moved += of(cars, "electrical").current_a
    changed = (of(cars, "electrical").charge - before) * capacity
    np.testing.assert_allclose(changed, moved, rtol=0.03, atol=10.0)


def test_intake_air_is_not_the_air_outside() -> None:
    """Idling hot it is far above, at speed nearer."""
    cars, idle, _ = drive(made("petrol"), IDLE, 2400)
    _, fast, _ = drive(cars, CRUISE, 400)
    assert (idle[INTAKE_AIR_TEMPERATURE][-1] > 32.0).all()
    assert (fast[INTAKE_AIR_TEMPERATURE][-1] < idle[INTAKE_AIR_TEMPERATURE][-1] - 8.0).all()


def test_with_the_engine_still_the_manifold_is_at_the_pressure_of_the_air() -> None:
    """Before a start, manifold pressure is barometric pressure within the sensor's error, and no air flows."""
    found = readings(made("petrol"))
    np.testing.assert_allclose(found[MAP], 100.0, atol=1.5)
    np.testing.assert_array_equal(found[MAF], 0.0)


def test_chance_decides_alike_with_the_same_seed() -> None:
    """The same cars on the same drive with the same chance give the same values to the bit; another seed does not."""
    cars = made("petrol")
    one, other, third = (drive(cars, TOWN, 200, seed=seed)[1] for seed in (3, 3, 4))
    for path, values in one.items():
        np.testing.assert_array_equal(values, other[path])
    assert (one[SHORT_TERM_FUEL_TRIM_1] != third[SHORT_TERM_FUEL_TRIM_1]).any()
