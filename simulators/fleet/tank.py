"""The fuel tank: what is in it, its vapours, the canister that keeps them, and whether all of that is tight.

Fuel mixes at each filling; its share of ethanol differs from station to station. Warmth drives vapour into the
canister while the car stands, and a filling more; the engine draws it off when it is warm. The control unit tests the
system after a drive where level and temperatures allow it.

Platform: ``tank_l``, ``ethanol`` (mean share at the pumps), ``flex`` (share of cars that fill E85 at times).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import COMMANDED_EVAP, ETHANOL_SHARE, EVAPORATIVE_RESULT, FUEL_LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

PETROL_G_PER_L = 745.0
LIMIT_MM = 0.5
"""Leak that must be found, as a diameter: the 0.020 inch of the rule."""
TEST_SPREAD = 0.13
PURGES_FROM_C, PURGES_AFTER_S = 58.0, 90.0
PURGE_G_PER_S = 0.034
MOST_PURGE_PERCENT = 9.0
CANISTER_G = 32.0
FILLS_WITH = 0.35
DAY_S = 86_400.0
TESTED_LEVELS = (0.15, 0.85)
TESTED_C = (4.0, 33.0)
E85_FILLINGS = 0.35
FILLING_S, TEST_AFTER_S = 100.0, 600.0

GIVES = ("purge_percent", "ethanol")


@dataclass(frozen=True, slots=True, kw_only=True)
class TankBuild:
    """As made, and where its owner fills it."""

    tank_l: Floats
    ethanol: Floats
    flex: Floats
    fills_at: Floats
    """Level below which the owner looks for a pump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TankCondition:
    """Tightness."""

    leak_mm: Floats
    """All leaks as one hole, diameter."""
    purge_open: Floats
    """Opening of the purge valve when it should be closed, 0 to 1."""
    level_follows: Floats
    """1 the gauge follows the fuel, 0 it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TankState:
    """Fuel in litres, canister 0 empty to 1 full, purge 0 to 1, result of the last test in percent of its limit."""

    fuel_l: Floats
    gauge: Floats
    ethanol: Floats
    canister: Floats
    purge: Floats
    result: Floats
    ambient_c: Floats
    ran_s: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> TankBuild:
    """Owners differ in when they fill."""
    return TankBuild(
        tank_l=full(n, platform.get("tank_l", 48.0)),
        ethanol=scatter(rng, n, platform.get("ethanol", 0.075), 0.01),
        flex=floats(rng.random(n) < platform.get("flex", 0.0)),
        fills_at=clamp(scatter(rng, n, 0.25, 0.1), 0.08, 0.6),
    )


def sound(n: int, rng: np.random.Generator) -> TankCondition:
    """Nearly tight."""
    return TankCondition(
        leak_mm=floats(np.abs(rng.normal(0.1, 0.04, n))), purge_open=full(n, 0.0), level_follows=full(n, 1.0)
    )


def begin(build: TankBuild, weather: Weather) -> TankState:
    """Half full, with half a canister of vapour."""
    n = len(build.tank_l)
    return TankState(
        fuel_l=0.55 * build.tank_l,
        gauge=full(n, 0.55),
        ethanol=build.ethanol,
        canister=full(n, 0.3),
        purge=full(n, 0.0),
        result=25.0 + full(n, 0.0),
        ambient_c=weather.ambient_c,
        ran_s=full(n, 0.0),
    )


def park(
    state: TankState, build: TankBuild, condition: TankCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> TankState:  # fmt: skip
    """Some fill their tanks; warmth fills the canister."""
    chance = rng.random((4, len(parked_s)), dtype=np.float32)
    level = state.fuel_l / build.tank_l
    filled = (level < build.fills_at * (0.7 + 0.6 * chance[0])) & (parked_s > FILLING_S)
    added = np.where(filled, (0.9 + 0.1 * chance[1]) * build.tank_l - state.fuel_l, 0.0).astype(np.float32)
    fresh = clamp(build.ethanol + 0.02 * (chance[2] - 0.5), 0.0, 1.0)
    fresh = np.where((build.flex > 0) & (chance[3] < E85_FILLINGS), np.float32(0.78), fresh)
    fuel = state.fuel_l + added
    level = fuel / build.tank_l
    warmth = clamp((weather.ambient_c + 5.0) * 0.03, 0.05, 1.3)
    kept = state.canister + when(added > 0, FILLS_WITH) + 0.3 * warmth * (parked_s * (1.0 / DAY_S))
    return replace(
        state,
        fuel_l=fuel,
        gauge=state.gauge + (level - state.gauge) * condition.level_follows,
        ethanol=(state.fuel_l * state.ethanol + added * fresh) / fuel,
        canister=clamp(kept, 0.0, 1.0),
        purge=np.zeros_like(fuel),
        ambient_c=weather.ambient_c,
        ran_s=np.zeros_like(fuel),
    )


def step(
    state: TankState, moment: Moment, build: TankBuild, condition: TankCondition, dt_s: float,
    _rng: np.random.Generator,
) -> TankState:  # fmt: skip
    """Fuel goes, vapour is drawn off."""
    warm = (moment.coolant_c > PURGES_FROM_C) & (moment.run_s > PURGES_AFTER_S)
    wanted = clamp(0.08 + 0.055 * (moment.air_gps - 1.5), 0.0, 0.75) * when(warm & (moment.fuel_cut <= 0))
    purge = state.purge + (wanted - state.purge) * (dt_s / (6.0 + dt_s))
    drawn = np.maximum(purge, condition.purge_open) * PURGE_G_PER_S * state.canister
    burnt = moment.air_gps * (1.0 / 14.5) + 0.02
    moment.purge_percent = np.minimum(100.0 * drawn / burnt, MOST_PURGE_PERCENT + 20.0 * condition.purge_open)
    moment.ethanol = state.ethanol
    fuel = np.maximum(state.fuel_l - moment.fuel_gps * (dt_s / PETROL_G_PER_L), 1.0)
    level = fuel / build.tank_l
    return TankState(
        fuel_l=fuel,
        gauge=state.gauge + (level - state.gauge) * ((dt_s / (40.0 + dt_s)) * condition.level_follows),
        ethanol=state.ethanol,
        canister=np.maximum(state.canister - drawn * (dt_s / CANISTER_G), 0.0),
        purge=purge,
        result=state.result,
        ambient_c=moment.ambient_c,
        ran_s=moment.run_s,
    )


def after(state: TankState, build: TankBuild, condition: TankCondition, rng: np.random.Generator) -> TankState:
    """The test of tightness after a drive: pressure lost goes with the area of the hole, seen with some error."""
    level = state.fuel_l / build.tank_l
    noise = rng.standard_normal((2, len(level)), dtype=np.float32)
    able = (level > TESTED_LEVELS[0]) & (level < TESTED_LEVELS[1]) & (state.ran_s > TEST_AFTER_S)
    able &= (state.ambient_c > TESTED_C[0]) & (state.ambient_c < TESTED_C[1])
    area = (condition.leak_mm / LIMIT_MM) ** 2 + 1.5 * condition.purge_open
    seen = clamp(100.0 * area * (1.0 + TEST_SPREAD * noise[0]) + 5.0 * np.abs(noise[1]), 0.0, 800.0)
    return replace(state, result=np.where(able, seen, state.result).astype(np.float32))


def readings(state: TankState, _build: TankBuild, _condition: TankCondition) -> dict[str, Floats]:
    """Gauge, purge, and the result that the monitor keeps."""
    return {
        FUEL_LEVEL: 100.0 * state.gauge,
        COMMANDED_EVAP: 100.0 * state.purge,
        ETHANOL_SHARE: 100.0 * state.ethanol,
        EVAPORATIVE_RESULT: state.result,
    }


_PETROL = ("petrol", "petrol_turbo", "hybrid")
FAULTS = (
    FaultKind(
        name="tank system leaks", component="evap", observability="B", field="leak_mm", sound=0.1, failed=0.62,
        law="gamma", growth_days=200.0, per_year=0.006, ageing=1.5, powertrains=_PETROL, repair="tank seal replaced",
        codes=("P0456", "P0442"),
    ),
    FaultKind(
        name="filler cap loose", component="evap", observability="B", field="leak_mm", sound=0.1, failed=1.4,
        law="sudden", growth_days=0.2, per_year=0.006, powertrains=_PETROL, repair="filler cap tightened",
        codes=("P0457", "P0455"),
    ),
    FaultKind(
        name="purge valve leaks", component="evap", observability="B", field="purge_open", sound=0.0, failed=0.75,
        law="gamma", growth_days=120.0, per_year=0.004, ageing=1.3, powertrains=_PETROL,
        repair="purge valve replaced", codes=("P0496", "P0172"),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="tank", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
