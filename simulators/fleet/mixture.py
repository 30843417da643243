"""Fuel for the air: what the control unit gives, what the engine would need, and the trims that close the gap.

Needed correction = (air in the cylinders / air the control unit reckons with) * (stoichiometry reckoned / true) /
delivery - vapour from the tank, as seen by the front oxygen sensor. In closed loop the short-term trim integrates the
error, and the long-term trim takes over what lasts, in a cell each for idle, part and high load. What varies from
second to second (fuel film, transport) is an Ornstein-Uhlenbeck process; from trip to trip an autoregressive offset.

Platform: ``trip_trim_percent`` (deviation from trip to trip), ``trim_persistence``, ``wander_percent``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from simulators.fleet.tank import PETROL_G_PER_L
from vehicle.signals import (
    COMMANDED_EQUIVALENCE_RATIO,
    FRONT_OXYGEN_RESULT,
    FUEL_RATE,
    FUEL_SYSTEM_STATUS,
    LONG_TERM_FUEL_TRIM_1,
    SHORT_TERM_FUEL_TRIM_1,
    TIMING_ADVANCE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

STOICHIOMETRIC = 14.65
ETHANOL_NEEDS = 0.39
"""How much less air a gram of ethanol burns with than a gram of petrol, as a part (9.0 against 14.65)."""
RECKONED_ETHANOL = 0.075
CLOSED_FROM_C, CLOSED_AFTER_S = 25.0, 18.0
LEARNS_FROM_C = 60.0
SHORT_S, LONG_S = 2.1, 105.0
SHORT_LIMIT, LONG_LIMIT = 26.0, 30.0
WANDER_S = 8.0
IDLE_GPS, HIGH_GPS = 3.6, 14.0
FULL_LOAD = 0.9
RICH_AT_FULL_LOAD, RICH_WHEN_COLD = 0.11, 0.10
SLOW_LIMIT = 3.2
"""How many times slower than new the front sensor must be found."""
MISFIRE_LEANS = 1.1
CELLS = 3

GIVES = ("fuel_gps", "lean_percent", "enrichment")


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureBuild:
    """As made, and how the trims of a make wander."""

    injectors: Floats
    """Fuel per opening beside what the control unit reckons, 1 alike."""
    pump_gps: Floats
    flex: Floats
    trip_percent: Floats
    persistence: Floats
    wander_percent: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureCondition:
    """Delivery of fuel, and the front oxygen sensor."""

    injector_gain: Floats
    pump_kept: Floats
    """Part of the pump's delivery that is left."""
    front_slowness: Floats
    """Response time as a multiple of a new sensor's."""
    front_bias_percent: Floats
    """How much leaner than it is the sensor sees the mixture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureState:
    """Trims in percent; status as OBD codes it; the monitor's result in percent of its limit."""

    short: Floats
    idle_trim: Floats
    part_trim: Floats
    high_trim: Floats
    long: Floats
    wander: Floats
    offset: Floats
    status: Floats
    rich: Floats
    fuel_gps: Floats
    advance: Floats
    result: Floats
    closed_s: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> MixtureBuild:
    """Injectors differ by some percent."""
    return MixtureBuild(
        injectors=scatter(rng, n, 1.0, 0.018),
        pump_gps=spread(rng, n, 2.9e-4 * platform.get("power_w", 78_000.0) * 0.42, 0.06),
        flex=full(n, 1.0 if platform.get("flex", 0.0) > 0 else 0.0),
        trip_percent=full(n, platform.get("trip_trim_percent", 2.5)),
        persistence=full(n, platform.get("trim_persistence", 0.68)),
        wander_percent=full(n, platform.get("wander_percent", 3.6)),
    )


def sound(n: int, rng: np.random.Generator) -> MixtureCondition:
    """Sound parts."""
    return MixtureCondition(
        injector_gain=scatter(rng, n, 1.0, 0.006),
        pump_kept=scatter(rng, n, 1.0, 0.03),
        front_slowness=spread(rng, n, 1.15, 0.1),
        front_bias_percent=scatter(rng, n, 0.0, 0.5),
    )


def begin(build: MixtureBuild, _weather: Weather) -> MixtureState:
    """Trims not yet learnt."""
    zero = full(len(build.injectors), 0.0)
    names = ("short", "idle_trim", "part_trim", "high_trim", "long", "wander", "offset", "rich", "fuel_gps", "closed_s")
    return MixtureState(**dict.fromkeys(names, zero), status=zero, advance=zero, result=zero + np.float32(36.0))


def park(
    state: MixtureState, build: MixtureBuild, _condition: MixtureCondition, parked_s: Floats, _weather: Weather,
    rng: np.random.Generator,
) -> MixtureState:  # fmt: skip
    """The next trip differs from the last by chance; a stop of minutes is no new trip."""
    keep = build.persistence ** clamp(parked_s * (1.0 / 1800.0), 0.0, 1.0)
    drawn = rng.standard_normal(len(parked_s), dtype=np.float32)
    zero = np.zeros_like(parked_s)
    return replace(
        state,
        short=zero,
        wander=zero,
        fuel_gps=zero,
        status=zero,
        closed_s=zero,
        offset=floats(keep * state.offset + build.trip_percent * np.sqrt(1.0 - keep * keep) * drawn),
    )


def _needed(
    state: MixtureState, moment: Moment, build: MixtureBuild, condition: MixtureCondition, wander: Floats
) -> tuple[Floats, Floats]:
    """The correction that the fuel needs, percent, and the stoichiometric ratio of the fuel."""
    ratio = STOICHIOMETRIC * (1.0 - ETHANOL_NEEDS * moment.ethanol)
    known = RECKONED_ETHANOL + build.flex * (moment.ethanol - RECKONED_ETHANOL)
    reckoned = STOICHIOMETRIC * (1.0 - ETHANOL_NEEDS * known)
    asked = moment.air_gps / ratio
    reach = np.minimum(1.0, build.pump_gps * condition.pump_kept / (asked + 1e-3))
    delivery = build.injectors * condition.injector_gain * reach
    needed = 100.0 * (moment.air_gps * reckoned / (moment.metered_gps * ratio * delivery) - 1.0)
    return needed - moment.purge_percent + state.offset + wander, ratio


def step(
    state: MixtureState, moment: Moment, build: MixtureBuild, condition: MixtureCondition, dt_s: float,
    rng: np.random.Generator,
) -> MixtureState:  # fmt: skip
    """Closes the loop for a second."""
    keep = np.float32(np.exp(-dt_s / WANDER_S))
    drawn = rng.standard_normal(len(state.short), dtype=np.float32)
    wander = keep * state.wander + build.wander_percent * (np.sqrt(1.0 - keep * keep) * drawn)
    needed, ratio = _needed(state, moment, build, condition, wander)
    cold = clamp((45.0 - moment.coolant_c) * (1.0 / 45.0), 0.0, 1.0) * clamp(
        1.0 - moment.run_s * (1.0 / 70.0), 0.0, 1.0
    )
    heavy = moment.load > FULL_LOAD
    rich = RICH_WHEN_COLD * cold + when(heavy, RICH_AT_FULL_LOAD)
    warm = (moment.coolant_c > CLOSED_FROM_C) & (moment.run_s > CLOSED_AFTER_S)
    closed = (warm & ~heavy & (moment.fuel_cut <= 0)).astype(np.float32)
    long, cells = _cells(state, moment.metered_gps)
    error = needed + MISFIRE_LEANS * 100.0 * moment.misfire_share - state.short - long
    seen = error + condition.front_bias_percent
    gain = closed * (dt_s / (SHORT_S * condition.front_slowness + 0.5 * dt_s))
    short = clamp((state.short + seen * gain) * closed, -SHORT_LIMIT, SHORT_LIMIT)
    learnt = short * (closed * (dt_s / LONG_S) * (moment.coolant_c > LEARNS_FROM_C))
    moment.lean_percent, moment.enrichment = error, rich
    moment.fuel_gps = moment.air_gps / ratio * (1.0 + rich - 0.01 * clamp(error, -40.0, 40.0)) * (1.0 - moment.fuel_cut)
    idle, part, high = (clamp(trim + learnt * cell, -LONG_LIMIT, LONG_LIMIT) for trim, cell in cells)
    return MixtureState(
        short=short - learnt,
        idle_trim=idle,
        part_trim=part,
        high_trim=high,
        long=long + learnt,
        wander=wander,
        offset=state.offset,
        status=np.where(closed > 0, np.float32(2.0), np.where(warm, np.float32(4.0), np.float32(1.0))),
        rich=rich,
        fuel_gps=moment.fuel_gps,
        advance=_advance(moment),
        result=state.result,
        closed_s=state.closed_s + closed * dt_s,
    )


def _cells(state: MixtureState, metered: Floats) -> tuple[Floats, tuple[tuple[Floats, Floats], ...]]:
    """The long-term trim in force, and each cell with its part in it (1 or 0)."""
    high = (metered > HIGH_GPS).astype(np.float32)
    idle = (metered < IDLE_GPS).astype(np.float32)
    part = 1.0 - high - idle
    cells = ((state.idle_trim, idle), (state.part_trim, part), (state.high_trim, high))
    return state.idle_trim * idle + state.part_trim * part + state.high_trim * high, cells


def _advance(moment: Moment) -> Floats:
    """Ignition before top dead centre, degrees: less with load, more with speed (our choice)."""
    best = 34.0 - 26.0 * np.minimum(moment.load, 1.3) + 0.004 * np.minimum(moment.rpm, 3500.0)
    idling = moment.rpm < 950.0  # noqa: PLR2004  # idle is held with spark in reserve
    return np.where(idling, best - 16.0, best)


def after(
    state: MixtureState, _build: MixtureBuild, condition: MixtureCondition, rng: np.random.Generator
) -> MixtureState:
    """The monitor of the front sensor: its response, seen with an error of some percent, averaged over trips."""
    noise = rng.standard_normal(len(state.short), dtype=np.float32)
    seen = 100.0 * condition.front_slowness / SLOW_LIMIT * (1.0 + 0.08 * noise)
    seen = np.maximum(seen, 9.0 * np.abs(condition.front_bias_percent))
    able = state.closed_s > 240.0  # noqa: PLR2004
    moved = np.where(np.isnan(state.result), seen, 0.7 * state.result + 0.3 * seen)
    return replace(state, result=floats(np.where(able, moved, state.result)))


def readings(state: MixtureState, _build: MixtureBuild, _condition: MixtureCondition) -> dict[str, Floats]:
    """Trims and what goes with them."""
    return {
        SHORT_TERM_FUEL_TRIM_1: state.short,
        LONG_TERM_FUEL_TRIM_1: state.long,
        FUEL_SYSTEM_STATUS: state.status,
        COMMANDED_EQUIVALENCE_RATIO: 1.0 / (1.0 + state.rich),
        FUEL_RATE: state.fuel_gps * np.float32(3600.0 / PETROL_G_PER_L),
        TIMING_ADVANCE: state.advance,
        FRONT_OXYGEN_RESULT: state.result,
    }


_PETROL = ("petrol", "petrol_turbo", "hybrid")
FAULTS = (
    FaultKind(
        name="injectors clog", component="fuel_air", observability="A", field="injector_gain", sound=1.0, failed=0.76,
        law="gamma", growth_days=300.0, per_year=0.004, ageing=1.6, powertrains=_PETROL, repair="injectors cleaned",
        codes=("P0171",),
    ),
    FaultKind(
        name="fuel pump weakens", component="fuel_air", observability="A", field="pump_kept", sound=1.0, failed=0.2,
        law="wiener", growth_days=200.0, per_year=0.005, ageing=2.0, powertrains=_PETROL, repair="fuel pump replaced",
        codes=("P0087", "P0171"),
    ),
    FaultKind(
        name="front oxygen sensor slows", component="oxygen_sensor", observability="B", field="front_slowness",
        sound=1.15, failed=3.5, law="gamma", growth_days=320.0, per_year=0.009, ageing=2.2, powertrains=_PETROL,
        repair="front oxygen sensor replaced", codes=("P0133",),
    ),
    FaultKind(
        name="front oxygen sensor shifts", component="oxygen_sensor", observability="B", field="front_bias_percent",
        sound=0.0, failed=12.0, law="wiener", growth_days=200.0, per_year=0.004, ageing=2.0, powertrains=_PETROL,
        repair="front oxygen sensor replaced", codes=("P2195", "P0131"),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="mixture", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
