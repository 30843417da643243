"""The step of the whole car: pure, reproducible, and its faults show where their physics says."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.driving import Ride, draw_ride, drive
from simulators.engine import demand
from simulators.parameters import PLATFORMS, as_new, build_cars, together
from simulators.vehicle import Inputs, State, after_parking, join, parked_car, split, start_engine, step

NIGHT_S = 36_000.0


def leaves(value, path: str = "") -> dict[str, np.ndarray]:
    """Every array of a state or its inputs, by dotted name."""
    if not is_dataclass(value):
        return {path: value}
    found: dict[str, np.ndarray] = {}
    for field in fields(value):
        found |= leaves(getattr(value, field.name), f"{path}.{field.name}")
    return found


def bits(value) -> dict[str, bytes]:
    return {name: np.asarray(array).tobytes() for name, array in leaves(value).items()}


def rides(style: str, number: int, seconds: int, *, seed: int = 3, ambient_c: float = 18.0) -> list[Ride]:
    rng = np.random.default_rng(seed)
    return [
        draw_ride(style, seconds, rng, ambient_c=ambient_c, baro_kpa=101.0, parked_s=NIGHT_S, last_offset=0.0)
        for _ in range(number)
    ]


def driven(platform: str = "compact", style: str = "town", seconds: int = 900, number: int = 6, **faults: float):
    """Trips of some cars of a class with faults, and their states after it."""
    cars = build_cars(platform, number, np.random.default_rng(2))
    return drive(parked_car(cars, 18.0), rides(style, number, seconds), cars, as_new(number, **faults))


def inputs(number: int, rng: np.random.Generator, cars) -> Inputs:
    speed, change = rng.uniform(0.0, 35.0, number), rng.uniform(-3.0, 2.0, number)
    return Inputs(
        demand=demand(speed, change, rng.normal(0.0, 0.02, number), cars), ambient_c=rng.uniform(-20.0, 40.0, number),
        baro_kpa=np.full(number, 101.0), extra_load_w=rng.uniform(0.0, 400.0, number),
        noise=rng.standard_normal((3, number)),
    )  # fmt: skip


def test_a_step_changes_nothing_that_it_is_given() -> None:
    """State, inputs, build and state of repair are the same after it; twice the same gives the same bits."""
    rng = np.random.default_rng(4)
    cars, condition = build_cars("saloon", 5, rng), as_new(5, misfire_rate=0.05, unmetered_gps=0.4)
    state, asked = parked_car(cars, 15.0), inputs(5, rng, cars)
    before = [bits(part) for part in (state, asked, cars, condition)]
    first, second = (step(state, asked, cars, condition, 1.0) for _ in range(2))
    assert [bits(part) for part in (state, asked, cars, condition)] == before
    assert bits(first) == bits(second)
    assert bits(first) != before[0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), seconds=st.integers(1, 120), dt_s=st.floats(0.1, 2.0))
def test_whatever_is_asked_the_car_stays_a_car(seed: int, seconds: int, dt_s: float) -> None:
    """Any speeds, hills and weather leave every quantity finite, shares between 0 and 1 and flows positive."""
    rng = np.random.default_rng(seed)
    cars = build_cars(str(rng.choice(list(PLATFORMS))), 3, rng)
    condition = as_new(3, coolant_fill=float(rng.uniform(0.2, 1.0)), unmetered_gps=float(rng.uniform(0.0, 0.6)))
    _, state = start_engine(parked_car(cars, float(rng.uniform(-20.0, 40.0))), cars, condition)
    for _ in range(seconds):
        state = step(state, inputs(3, rng, cars), cars, condition, dt_s)
    assert all(np.isfinite(array).all() for array in leaves(state).values())
    for share in (state.power.charge, state.heat.opening, state.heat.fan, state.mixture.closed):
        assert ((share >= 0.0) & (share <= 1.0)).all()
    assert (state.air_gps > 0.0).all()
    assert (state.fuel_gps >= 0.0).all()
    assert ((state.manifold_kpa > 5.0) & (state.manifold_kpa < 101.0)).all()


def test_the_same_seed_drives_the_same_trip() -> None:
    """Bit for bit; another seed drives another one."""
    one, two, other = (rides("commute", 1, 300, seed=seed)[0] for seed in (7, 7, 8))
    assert bits(one) == bits(two)
    assert bits(one)[".speed_mps"] != bits(other)[".speed_mps"]
    (first, _), (second, _) = driven(seconds=200), driven(seconds=200)
    for a, b in zip(first, second, strict=True):
        assert {name: values.tobytes() for name, values in a.trace.items()} == {
            name: values.tobytes() for name, values in b.trace.items()
        }


def test_cars_side_by_side_do_not_know_of_each_other() -> None:
    """A short trip driven beside a long one ends in the same state as when it is driven alone."""
    rng = np.random.default_rng(1)
    builds = [build_cars(platform, 1, rng) for platform in ("compact", "van")]
    states, (short, long) = [parked_car(build, 18.0) for build in builds], (rides("town", 1, n)[0] for n in (150, 400))
    _, both = drive(join(states), [short, long], together(builds), as_new(2))
    _, alone = drive(states[0], [short], builds[0], as_new(1))
    after = split(both)[0]
    for name, values in leaves(alone).items():
        np.testing.assert_allclose(leaves(after)[name], values, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("style", ["town", "commute", "motorway", "courier"])
def test_a_trip_begins_and_ends_at_rest(style: str) -> None:
    """Speed is never negative, starts and ends at standstill, and the odometer is its sum."""
    cars = build_cars("compact", 1, np.random.default_rng(2))
    (ride,) = rides(style, 1, 800)
    (trip,), _ = drive(parked_car(cars, 18.0, odometer_km=10.0), [ride], cars, as_new(1))
    assert ride.speed_mps.min() >= 0.0
    assert ride.speed_mps[0] == ride.speed_mps[-1] == 0.0
    assert trip.trace["odometer_m"][-1] == pytest.approx(10_000.0 + ride.speed_mps.sum())


def least_crank_v(charge: float, **faults: float) -> np.ndarray:
    cars = build_cars("compact", 6, np.random.default_rng(2))
    ready = after_parking(
        parked_car(cars, 10.0, charge=charge), np.full(6, NIGHT_S), np.full(6, 10.0), np.zeros(6), cars, as_new(6)
    )
    trace, _ = start_engine(ready, cars, as_new(6, **faults))
    return trace.min(axis=0)


def test_an_empty_or_aged_battery_cranks_lower() -> None:
    """Charge and resistance both take from the voltage while the starter turns, a sound one keeps 8.5 V at inrush."""
    sound, empty, aged = least_crank_v(0.95), least_crank_v(0.3), least_crank_v(0.95, battery_resistance=2.5)
    assert (sound > 8.5).all()
    assert (empty < sound - 0.2).all()
    assert (aged < sound - 1.0).all()


def test_a_worn_alternator_lets_the_voltage_fall() -> None:
    """A sound one holds the regulator's voltage; a worn one cannot carry the load, and the battery empties."""
    (sound, after), (worn, after_worn) = driven(), driven(alternator_factor=0.2)
    for one, two in zip(sound, worn, strict=True):
        assert np.quantile(one.trace["power.voltage_v"][300:], 0.5) > 13.3
        assert two.trace["power.voltage_v"][300:].mean() < 12.6
    assert (after_worn.power.charge < after.power.charge - 0.02).all()


def test_what_never_sleeps_empties_the_battery() -> None:
    """A drain of half an ampere over three days takes most of a small battery."""
    cars = build_cars("compact", 1, np.random.default_rng(2))
    state, days = parked_car(cars, 18.0), np.full(1, 3 * 86_400.0)
    kept, drained = (
        after_parking(state, days, np.full(1, 18.0), np.zeros(1), cars, as_new(1, parasitic_a=amperes))
        for amperes in (0.02, 0.5)
    )
    assert kept.power.charge[0] > 0.8
    assert drained.power.charge[0] == pytest.approx(0.9 - 0.5 * 72 / 45, abs=0.01)


def test_air_behind_the_meter_raises_the_trims_most_at_idle() -> None:
    """Sound cars trim about nothing; a leak asks for more fuel, much at idle and little at load."""
    (sound, _), (leaking, _) = driven(seconds=1500), driven(seconds=1500, unmetered_gps=0.4)
    for one, two in zip(sound, leaking, strict=True):
        assert abs(one.trace["mixture.long_trim"][-300:].mean()) < 7.0
        assert two.trace["mixture.long_trim"][-300:].mean() > one.trace["mixture.long_trim"][-300:].mean() + 4.0
        total = (two.trace["mixture.long_trim"] + two.trace["mixture.short_trim"])[600:]
        speed, closed = two.trace["speed_mps"][600:], two.trace["mixture.closed"][600:] > 0
        assert total[(speed == 0) & closed].mean() > total[(speed > 8) & closed].mean() + 2.0


def test_braking_wears_pads_by_its_work() -> None:
    """A courier brakes more than one on the motorway; a factor on the wear is a factor on what is lost."""
    lost, work = {}, {}
    for style, wear in (("courier", 1.0), ("courier", 9.0), ("motorway", 1.0)):
        _, after = driven("van", style, pad_wear=wear)
        lost[style, wear], work[style, wear] = 11.5 - after.brakes.pad_mm, after.brakes.work_j
    assert (lost["courier", 1.0] > 0.0).all()
    assert (work["courier", 1.0] > 1.5 * work["motorway", 1.0]).all()
    np.testing.assert_allclose(lost["courier", 9.0] / lost["courier", 1.0], 9.0, rtol=1e-6)


def test_misfires_are_counted_and_make_the_idle_rough() -> None:
    """None in a sound car; else that part of one cylinder's firings."""
    (sound, _), (missing, _) = driven(), driven(misfire_rate=0.05)
    for one, two in zip(sound, missing, strict=True):
        assert one.trace["misfires"].sum() == 0.0
        assert two.trace["misfires"].sum() / (two.trace["rpm"] / 120.0).sum() == pytest.approx(0.05, rel=0.2)
        idle = two.trace["speed_mps"] == 0
        assert two.trace["rpm"][idle].std() > one.trace["rpm"][idle].std()


def test_without_coolant_or_fan_the_engine_overheats() -> None:
    """In the heat of a summer's day, with both gone, and not with both sound."""
    cars = build_cars("saloon", 4, np.random.default_rng(2))
    hot = rides("town", 4, 1800, ambient_c=35.0)
    sound, _ = drive(parked_car(cars, 35.0), hot, cars, as_new(4))
    failed, _ = drive(parked_car(cars, 35.0), hot, cars, as_new(4, fan_factor=0.0, coolant_fill=0.32))
    assert max(one.trace["heat.coolant_c"].max() for one in sound) < 106.0
    assert min(one.trace["heat.coolant_c"].max() for one in failed) > 115.0


def test_states_can_be_joined_and_split() -> None:
    """What was joined comes apart the same."""
    rng = np.random.default_rng(1)
    states = [parked_car(build_cars("van", 1, rng), air) for air in (3.0, 30.0)]
    again: list[State] = split(join(states))
    assert [bits(state) for state in again] == [bits(state) for state in states]
    assert bits(replace(again[0], rpm=again[0].rpm + 1.0)) != bits(states[0])
