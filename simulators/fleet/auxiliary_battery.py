"""The 12 V battery of cars without a starter: fed by a converter from the traction battery, drawn on while they sleep.

Parked, the car's control units draw on it, more whenever something wakes them; when it is down to a threshold the
converter tops it up for an hour, as often as needed. No starter turns, so age shows as the capacity between two such
top-ups, as rest voltage, and as the dip when the contactors of the traction battery are pulled in; they do not close
if it dips too far. Voltage at rest is linear in the charge, resistance grows with cold, emptiness and age.

Reads of the platform ``auxiliary_ah``, ``auxiliary_ohm``, ``converter_v``, ``sleep_a``, ``topped_below``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, floats, full, scatter, spread
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import START_ROWS, Subsystem
from vehicle.signals import BATTERY_CURRENT, CONTROL_MODULE_VOLTAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

EMPTY_V, SPAN_V = 11.55, 1.2
COLD_PER_K = 0.011
EMPTY_CHARGE = 0.04
"""Charge within which the battery can hardly give any current."""
CHARGING_OHM = 0.055
SURFACE_S = 5_400.0
"""Time constant with which the surface charge of a battery just charged goes."""
SURFACE_V = 0.32
AWAKE_A = 7.5
"""Control units awake, key on, before the converter works."""
CONTACTORS_A = 26.0
"""Coils of the contactors and the precharge at once (our choice)."""
LEAST_V = 8.6
"""Below this the contactors do not pull in."""
CONTACTOR_ROW, PULLED_ROWS = 6, 3
TOPPED_S, TOPPED_TO = 3_600.0, 0.92
TOPPED_AFTER_S = 28_800.0
"""The traction battery is not drawn on more often than that, whatever the 12 V battery wants (our choice)."""
AGE_PER_YEAR = 0.18
"""Of the capacity at 22 °C, doubling each 12 K: seven tenths are gone after four years there, after some ten where the
mean is 10 °C (our choice; batteries of the kind are renewed after five to eight years, before all of that is gone)."""
DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
CONVERTER_W = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryBuild:
    """``(n,)``."""

    capacity_as: Floats
    ohm: Floats
    converter_v: Floats
    sleep_a: Floats
    topped_below: Floats
    ageing: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryCondition:
    """Factors of capacity and resistance, current drawn beyond sleep, ``converter`` 1 good to 0 dead; ``(n,)``."""

    capacity: Floats
    resistance: Floats
    drain_a: Floats
    converter: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryState:
    """``surface_v`` above rest after charging, ``aged`` part of the capacity lost, ``dip_v`` at the last closing."""

    charge: Floats
    volts: Floats
    amps: Floats
    battery_c: Floats
    surface_v: Floats
    aged: Floats
    dip_v: Floats
    top_ups: Floats
    """Since the car was built."""


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> AuxiliaryBuild:
    """Batteries and converters of ``n`` cars of a platform."""
    return AuxiliaryBuild(
        capacity_as=spread(rng, n, platform.get("auxiliary_ah", 45.0) * 3600.0, 0.03),
        ohm=spread(rng, n, platform.get("auxiliary_ohm", 0.007), 0.07),
        converter_v=scatter(rng, n, platform.get("converter_v", 13.9), 0.07),
        sleep_a=spread(rng, n, platform.get("sleep_a", 0.055), 0.3),
        topped_below=scatter(rng, n, platform.get("topped_below", 0.58), 0.02),
        ageing=spread(rng, n, 1.0, 0.25),
    )


def sound(n: int, rng: np.random.Generator) -> AuxiliaryCondition:
    """Healthy batteries differ a little."""
    return AuxiliaryCondition(
        capacity=spread(rng, n, 1.0, 0.02), resistance=spread(rng, n, 1.0, 0.04), drain_a=full(n, 0.0),
        converter=full(n, 1.0),
    )  # fmt: skip


def begin(build: AuxiliaryBuild, weather: Weather) -> AuxiliaryState:
    """A new battery at rest."""
    n = len(build.ohm)
    zero, charge = full(n, 0.0), full(n, 0.85)
    volts = floats(EMPTY_V + SPAN_V * charge)
    return AuxiliaryState(
        charge=charge, volts=volts, amps=zero, battery_c=weather.ambient_c, surface_v=zero, aged=zero, dip_v=volts,
        top_ups=zero,
    )  # fmt: skip


def capacity_as(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition) -> Floats:
    """Charge of the battery when full, as it is."""
    return floats(build.capacity_as * np.maximum(condition.capacity - state.aged, np.float32(0.06)))


def ohm(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition) -> Floats:
    """Resistance of the battery as it is."""
    cold = np.exp(np.float32(COLD_PER_K) * (np.float32(20.0) - state.battery_c))
    empty = 1.0 - state.charge
    drained = 1.0 + 0.8 * empty * empty + 12.0 * np.exp(state.charge * np.float32(-1.0 / EMPTY_CHARGE))
    return floats(build.ohm * condition.resistance * (1.0 + 1.4 * state.aged) * cold * drained)


def step(
    state: AuxiliaryState, moment: Moment, build: AuxiliaryBuild, condition: AuxiliaryCondition, dt_s: float,
    rng: np.random.Generator,
) -> AuxiliaryState:  # fmt: skip
    """Driving or charging: the converter feeds the 12 V system; gives ``low_voltage_v``."""
    del rng
    rest_v = np.float32(EMPTY_V) + np.float32(SPAN_V) * state.charge
    load_a = moment.electrical_load_w * np.float32(1.0 / 13.0)
    most_a = condition.converter * np.float32(CONVERTER_W / 13.0) - load_a
    accepts = np.minimum((np.float32(1.0) - state.charge) * np.float32(1.0 / 0.2), np.float32(1.0))
    wanted_a = (build.converter_v - rest_v) * np.float32(1.0 / CHARGING_OHM) * accepts
    amps = np.minimum(wanted_a, np.minimum(most_a, np.float32(45.0)))
    short = most_a < np.minimum(wanted_a, np.float32(45.0))
    volts = np.where(short, rest_v + amps * np.float32(CHARGING_OHM), build.converter_v)
    near = np.float32(dt_s / (dt_s + 600.0))
    moment.low_voltage_v = volts
    return AuxiliaryState(
        charge=np.minimum(
            state.charge + amps * np.float32(dt_s) / capacity_as(state, build, condition), np.float32(1.0)
        ),
        volts=volts,
        amps=amps,
        battery_c=state.battery_c + (moment.ambient_c + np.float32(4.0) - state.battery_c) * np.float32(dt_s / 9_000.0),
        surface_v=state.surface_v + (np.float32(SURFACE_V) * (amps > 0.0) - state.surface_v) * near,
        aged=state.aged,
        dip_v=state.dip_v,
        top_ups=state.top_ups,
    )


def park(
    state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> AuxiliaryState:  # fmt: skip
    """Asleep: drawn on, topped up when low, a little older, and as warm as the air."""
    capacity = capacity_as(state, build, condition)
    drawn = (build.sleep_a * wakefulness(len(parked_s), rng) + condition.drain_a) * parked_s / capacity
    works = condition.converter > 0.4  # noqa: PLR2004 - a converter that still can top up
    room = np.maximum(TOPPED_TO - build.topped_below, 0.05)
    below = build.topped_below - (state.charge - drawn)
    times = np.where(works & (below > 0.0), np.ceil(below / room), 0.0)
    times = np.minimum(times, np.ceil(parked_s / TOPPED_AFTER_S))
    charge = floats(np.clip(state.charge - drawn + times * room, 0.0, 1.0))
    busy = (times > 0) & (rng.random(len(parked_s), dtype=np.float32) < TOPPED_S / np.maximum(parked_s, TOPPED_S))
    surface = floats(np.where(busy, SURFACE_V, state.surface_v * np.exp(-parked_s / SURFACE_S)))
    battery_c = floats(weather.ambient_c + (state.battery_c - weather.ambient_c) * np.exp(-parked_s / 14_000.0))
    age = AGE_PER_YEAR / YEAR_S * build.ageing * np.exp2((battery_c - 22.0) / 12.0) * (1.0 + (charge < 0.4))  # noqa: PLR2004
    rest = EMPTY_V + SPAN_V * charge + surface
    sag = build.sleep_a * ohm(state, build, condition)
    return replace(
        state,
        charge=charge,
        volts=floats(np.where(busy, build.converter_v, rest - sag)),
        amps=floats(np.where(busy, 12.0, -build.sleep_a)),
        battery_c=battery_c,
        surface_v=surface,
        aged=floats(np.minimum(state.aged + age * parked_s, 0.95)),
        top_ups=floats(state.top_ups + times),
    )


def wakefulness(n: int, rng: np.random.Generator) -> Floats:
    """How much more than asleep the control units draw: now and then they hardly sleep (camera, download)."""
    wild = rng.random((2, n), dtype=np.float32)
    return floats(0.7 + 0.8 * wild[0] + np.where(wild[1] < 0.06, 4.0 * wild[0], 0.0))  # noqa: PLR2004 - share of nights


def start(
    state: AuxiliaryState, moment: Moment, build: AuxiliaryBuild, condition: AuxiliaryCondition,
    rng: np.random.Generator,
) -> tuple[AuxiliaryState, dict[str, Floats]]:  # fmt: skip
    """Ready to drive: control units wake, contactors pull in, the converter takes over."""
    del moment, rng
    n = len(state.charge)
    awake_v = dipped_v(state, build, condition, AWAKE_A)
    closing_v = dipped_v(state, build, condition, AWAKE_A + CONTACTORS_A)
    rows = np.tile(build.converter_v[:, None], START_ROWS)
    rows[:, :CONTACTOR_ROW] = awake_v[:, None]
    rows[:, CONTACTOR_ROW : CONTACTOR_ROW + PULLED_ROWS] = closing_v[:, None]
    weak = (condition.converter < 0.4)[:, None]  # noqa: PLR2004 - as above
    rows[:, CONTACTOR_ROW + PULLED_ROWS :] = np.where(weak, awake_v[:, None], build.converter_v[:, None])
    after = replace(state, volts=awake_v, amps=full(n, -AWAKE_A), dip_v=closing_v)
    return after, {CONTROL_MODULE_VOLTAGE: rows}


def dipped_v(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition, amps: float) -> Floats:
    """Voltage while ``amps`` are drawn; a battery with little capacity left sags more, as its plates starve."""
    rest = EMPTY_V + SPAN_V * state.charge + state.surface_v
    starved = 1.2 / np.maximum(condition.capacity - state.aged, 0.06)
    return floats(rest - amps * ohm(state, build, condition) * (1.2 + starved))


def readings(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition) -> dict[str, Floats]:
    """Voltage at the control modules, and current where a sensor sits at the battery."""
    del build, condition
    return {CONTROL_MODULE_VOLTAGE: state.volts, BATTERY_CURRENT: state.amps}


def does_not_wake(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition) -> Bools:
    """Whether the contactors of the traction battery did not close when last tried."""
    del build, condition
    return state.dip_v < LEAST_V


def capacity_left(state: AuxiliaryState, build: AuxiliaryBuild, condition: AuxiliaryCondition) -> Floats:
    """Part of the capacity that may go (to three tenths of the new) which is left."""
    del build
    return floats((condition.capacity - state.aged - 0.3) / 0.7)


def tested_percent(state: AuxiliaryState, _build: AuxiliaryBuild, condition: AuxiliaryCondition) -> Floats:
    """What a workshop's battery tester says of it: capacity as a part of the new one's, %."""
    return floats(100.0 * np.maximum(condition.capacity - state.aged, np.float32(0.06)))


def with_battery(state: AuxiliaryState, build: AuxiliaryBuild, which: Bools, left: Floats) -> AuxiliaryState:
    """Batteries of the cars ``which`` aged to ``left``; a new one is charged."""
    del build
    return replace(
        state,
        aged=floats(np.where(which, 0.7 * (1.0 - left), state.aged)),
        charge=floats(np.where(which, np.maximum(state.charge, 0.85), state.charge)),
        dip_v=floats(np.where(which, EMPTY_V + SPAN_V * 0.85, state.dip_v)),
    )


def renewed(state: AuxiliaryState, build: AuxiliaryBuild, which: Bools) -> AuxiliaryState:
    """New, charged batteries in the cars ``which``."""
    return with_battery(state, build, which, full(len(which), 1.0))


SUBSYSTEM: Subsystem[AuxiliaryBuild, AuxiliaryCondition, AuxiliaryState] = Subsystem(
    name="auxiliary_battery", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings,
    start=start,
)  # fmt: skip

FAULTS = (
    FaultKind(
        name="auxiliary_capacity_fades", component="battery_12v_ev", observability="A", field="capacity", sound=1.0,
        failed=0.18, law="gamma", growth_days=200.0, repair="replace_battery", powertrains=("electric", "hybrid"),
        per_year=0.05, ageing=2.4, also=(("resistance", 2.6),), failed_when=does_not_wake, mended=renewed,
        codes=("P0562",),
    ),
    FaultKind(
        name="auxiliary_drain", component="battery_12v_ev", observability="A", field="drain_a", sound=0.0, failed=3.2,
        law="step", growth_days=60.0, repair="find_drain", powertrains=("electric", "hybrid"), per_year=0.012,
        failed_when=does_not_wake, mended=renewed, codes=("P0562",),
    ),
    FaultKind(
        name="converter_weakens", component="battery_12v_ev", observability="A", field="converter", sound=1.0,
        failed=0.03, law="gamma", growth_days=60.0, repair="replace_converter", powertrains=("electric", "hybrid"),
        per_year=0.004, ageing=1.3, codes=("P0A94", "P0562"),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="auxiliary_battery", component="battery_12v_ev", observability="A", left=capacity_left, worn=with_battery,
        repair="replace_battery", powertrains=("electric", "hybrid"), renew_below=0.1, interval_days=2_200.0,
        measurement="battery_12v_percent", measured=tested_percent, error=8.0, ages=True, codes=("P0562",),
    ),
)  # fmt: skip
