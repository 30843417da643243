"""The whole car: its state, and one pure step of time. Every array has the shape ``(n_vehicles,)``."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators import engine
from simulators.brakes import NEW_PAD_MM, Brakes, step_brakes
from simulators.cooling import Heat, cool_down, soaked, step_heat
from simulators.electrical import Power, crank, park, rested, step_power, with_key_on
from simulators.mixture import Mixture, leak_gps, step_mixture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from simulators.engine import Demand
    from simulators.parameters import Condition, FloatArray, Parameters

_ROUGH_IDLE_RPM = 14.0
_MISFIRE_RPM = 480.0
_INTAKE_S = 55.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What comes from outside: the road by way of the driver, and the weather."""

    demand: Demand
    ambient_c: FloatArray
    baro_kpa: FloatArray
    extra_load_w: FloatArray
    """Lights, blower, air conditioning: electrical load on top of what the engine needs."""
    noise: FloatArray
    """Standard normal numbers, ``(3, n_vehicles)``: the step itself draws none, so that it is a pure function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is so at one moment. Temperatures in °C, flows in g/s, distances in m."""

    run_time_s: FloatArray
    speed_mps: FloatArray
    rpm: FloatArray
    fuel_gps: FloatArray
    air_gps: FloatArray
    leak_gps: FloatArray
    manifold_kpa: FloatArray
    full_air_gps: FloatArray
    intake_c: FloatArray
    ambient_c: FloatArray
    baro_kpa: FloatArray
    odometer_m: FloatArray
    fuel_l: FloatArray
    misfires: FloatArray
    """Firings of cylinder 1 that failed in this step."""
    heat: Heat
    power: Power
    mixture: Mixture
    brakes: Brakes


def parked_car(
    cars: Parameters,
    ambient_c: float,
    *,
    odometer_km: float = 24_000.0,
    pad_mm: float = NEW_PAD_MM,
    charge: float = 0.9,
) -> State:
    """Cars that have stood overnight."""
    air = np.full_like(cars.mass_kg, ambient_c)
    zero = np.zeros_like(air)
    return State(
        run_time_s=zero, speed_mps=zero, rpm=zero, fuel_gps=zero, air_gps=zero, leak_gps=zero,
        manifold_kpa=zero + 101.0, full_air_gps=zero + 1.0, intake_c=air, ambient_c=air, baro_kpa=zero + 101.0,
        odometer_m=zero + odometer_km * 1e3, fuel_l=0.8 * cars.tank_l, misfires=zero,
        heat=soaked(air), power=rested(zero + charge, air),
        mixture=Mixture(short_trim=zero, long_trim=zero, wander=zero, offset=zero, closed=zero),
        brakes=Brakes(disc_c=air, pad_mm=zero + pad_mm, work_j=zero),
    )  # fmt: skip


def after_parking(
    state: State,
    parked_s: FloatArray,
    ambient_c: FloatArray,
    offset: FloatArray,
    cars: Parameters,
    condition: Condition,
) -> State:
    """The cars with the key on after standing; ``offset`` is what this trip's fuel and air differ by, percent."""
    zero = np.zeros_like(ambient_c)
    power = with_key_on(park(state.power, parked_s, ambient_c, cars, condition), cars, condition)
    cooled = np.exp(-parked_s / 1500.0)
    return replace(
        state,
        run_time_s=zero, speed_mps=zero, rpm=zero, fuel_gps=zero, air_gps=zero, leak_gps=zero, misfires=zero,
        manifold_kpa=state.baro_kpa, ambient_c=ambient_c,
        intake_c=ambient_c + (state.heat.coolant_c - ambient_c) * 0.25 * np.exp(-parked_s / 3000.0),
        fuel_l=np.where(state.fuel_l < 0.18 * cars.tank_l, 0.97 * cars.tank_l, state.fuel_l),
        heat=cool_down(state.heat, ambient_c, parked_s),
        power=power,
        mixture=replace(state.mixture, short_trim=zero, wander=zero, offset=offset, closed=zero),
        brakes=replace(state.brakes, disc_c=ambient_c + (state.brakes.disc_c - ambient_c) * cooled),
    )  # fmt: skip


def start_engine(state: State, cars: Parameters, condition: Condition) -> tuple[FloatArray, State]:
    """Voltage while cranking, ``(n_steps, n_vehicles)`` at 20 ms, and the cars with the engine just running."""
    trace, power = crank(state.power, state.heat.oil_c, cars, condition)
    return trace, replace(state, power=power, rpm=engine.idle_rpm(state.heat.coolant_c, cars))


def step(state: State, inputs: Inputs, cars: Parameters, condition: Condition, dt_s: float) -> State:
    """The cars ``dt_s`` seconds later (at most 2), engine running."""
    asked, heat = inputs.demand, state.heat
    noise = inputs.noise
    idle = engine.idle_rpm(heat.coolant_c, cars)
    rough = noise[0] * (_ROUGH_IDLE_RPM + _MISFIRE_RPM * condition.misfire_rate)
    rpm = np.maximum(asked.driven_rpm, idle + rough)
    friction = engine.friction_w(rpm, heat.oil_c, cars)
    overrun = engine.in_overrun(asked, friction, rpm, idle)
    load_w = cars.accessories_w + inputs.extra_load_w
    fuel = engine.fuel_gps(asked, load_w / 0.6, friction, cars)
    full_air = engine.full_load_air_gps(rpm, state.intake_c, inputs.baro_kpa, cars)
    wanted_air = np.where(overrun > 0, 0.14 * full_air, fuel * engine.STOICHIOMETRIC)
    air = np.minimum(wanted_air, full_air)
    fuel = np.where(overrun > 0, 0.0, np.minimum(fuel, full_air / engine.STOICHIOMETRIC / engine.FULL_LOAD_LAMBDA))
    manifold = engine.manifold_kpa(air, full_air, inputs.baro_kpa)
    leak = np.minimum(leak_gps(manifold, inputs.baro_kpa, condition), 0.8 * air)
    bonnet = 0.5 * inputs.ambient_c + 0.5 * heat.coolant_c
    return State(
        run_time_s=state.run_time_s + dt_s,
        speed_mps=asked.speed_mps,
        rpm=rpm,
        fuel_gps=fuel,
        air_gps=air,
        leak_gps=leak,
        manifold_kpa=manifold,
        full_air_gps=full_air,
        intake_c=_intake(state, inputs, dt_s),
        ambient_c=inputs.ambient_c,
        baro_kpa=inputs.baro_kpa,
        odometer_m=state.odometer_m + asked.speed_mps * dt_s,
        fuel_l=np.maximum(0.5, state.fuel_l - fuel * dt_s / engine.PETROL_G_PER_L),
        misfires=_misfires(rpm, dt_s, condition, noise[2]),
        heat=step_heat(heat, fuel, friction, asked.speed_mps, inputs.ambient_c, cars, condition, dt_s),
        power=step_power(state.power, rpm, load_w, inputs.ambient_c, bonnet, cars, condition, dt_s),
        mixture=step_mixture(
            state.mixture, air, leak, overrun, heat.coolant_c, state.run_time_s, noise[1], condition, dt_s
        ),
        brakes=step_brakes(
            state.brakes, engine.braking_w(asked, friction), asked.speed_mps, inputs.ambient_c, cars, condition, dt_s
        ),
    )


def _intake(state: State, inputs: Inputs, dt_s: float) -> FloatArray:
    """Intake air: what stands under the bonnet warms it, what is driven through cools it."""
    soak = 0.38 * (state.heat.coolant_c - inputs.ambient_c) * np.exp(-inputs.demand.speed_mps / 7.0)
    return state.intake_c + (inputs.ambient_c + 4.0 + soak - state.intake_c) * dt_s / _INTAKE_S


def _misfires(rpm: FloatArray, dt_s: float, condition: Condition, noise: FloatArray) -> FloatArray:
    """Failed firings of one cylinder: one firing every two turns; binomial by its normal limit."""
    mean = rpm / 120.0 * dt_s * condition.misfire_rate
    return np.maximum(0.0, np.rint(mean + np.sqrt(mean) * noise))


_PARTS: Mapping[str, type[Any]] = {"heat": Heat, "power": Power, "mixture": Mixture, "brakes": Brakes}


def trace_of(states: Sequence[State]) -> dict[str, FloatArray]:
    """The states of a stretch of time as one array ``(n_times, n_vehicles)`` a quantity; parts by ``part.quantity``."""
    return {name: np.stack([read(state) for state in states]) for name, read in _READERS.items()}


def state_at(trace: Mapping[str, FloatArray], ends: Sequence[int]) -> State:
    """The state of each vehicle at its own row of a trace."""
    columns = range(len(ends))
    return _state({name: values[list(ends), list(columns)] for name, values in trace.items()})


def join(states: Sequence[State]) -> State:
    """States of several cars as one, vehicle after vehicle."""
    return _state({name: np.concatenate([read(state) for state in states]) for name, read in _READERS.items()})


def split(state: State) -> list[State]:
    """The state of each vehicle alone."""
    whole = {name: read(state) for name, read in _READERS.items()}
    return [_state({name: values[at : at + 1] for name, values in whole.items()}) for at in range(len(state.speed_mps))]


def _state(values: Mapping[str, FloatArray]) -> State:
    parts: dict[str, Any] = {
        part: form(**{field.name: values[f"{part}.{field.name}"] for field in fields(form)})
        for part, form in _PARTS.items()
    }
    plain: dict[str, Any] = {name: array for name, array in values.items() if "." not in name}
    return State(**plain, **parts)


def _reader(path: str) -> Callable[[State], FloatArray]:
    return attrgetter(path)


_READERS = {
    name: _reader(name)
    for field in fields(State)
    for name in (
        [f"{field.name}.{inner.name}" for inner in fields(_PARTS[field.name])] if field.name in _PARTS else [field.name]
    )
}
"""How to read each quantity of a state, by its dotted name."""
