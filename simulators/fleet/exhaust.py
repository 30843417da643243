"""Exhaust of a petrol engine: catalyst temperatures, oxygen storage, the rear sensor, and the monitors of both.

The brick takes heat from the gas and from burning what is left in it (misfires heat it), and gives heat to the moving
air. It stores oxygen when lean and gives it when rich; a catalyst with little storage lets the swing through to the
rear sensor. The monitor measures the storage when the brick is hot and the flow is moderate.

Platform: ``storage_mg`` (of a catalyst run in), ``storage_limit_mg``, ``brick_j_per_k``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, averaged, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import (
    CATALYST_RESULT,
    CATALYST_TEMPERATURE_11,
    CATALYST_TEMPERATURE_12,
    REAR_OXYGEN_RESULT,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

GAS_J_PER_G_K = 1.12
GAS_C, GAS_C_PER_G = 470.0, 9.0
BURNS_J_PER_G = 4_000.0
OXYGEN_SHARE_MG = 230.0
"""Oxygen in a gram of air, mg."""
LOSES_W_PER_K, LOSES_W_PER_K_MPS = 0.7, 0.055
SECOND_LAGS_S = 55.0
STANDING_S = 1_300.0
TEST_FROM_C, TEST_GPS = 480.0, (4.0, 18.0)
TEST_NEEDS_S = 90.0
SLOW_LIMIT = 3.0
AVERAGES = 0.3

GIVES = ("exhaust_c",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustBuild:
    """As made, and the storage that the monitor takes for the least."""

    storage_mg: Floats
    brick_j_per_k: Floats
    limit_mg: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustCondition:
    """Catalyst and rear sensor."""

    storage_kept: Floats
    rear_slowness: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustState:
    """Temperatures in °C, oxygen stored in mg, seconds fit for the test, results in percent of their limits."""

    brick_c: Floats
    second_c: Floats
    stored_mg: Floats
    tested_s: Floats
    cuts_s: Floats
    catalyst_result: Floats
    rear_result: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> ExhaustBuild:
    """Coatings differ."""
    return ExhaustBuild(
        storage_mg=spread(rng, n, platform.get("storage_mg", 92.0), 0.08),
        brick_j_per_k=spread(rng, n, platform.get("brick_j_per_k", 900.0), 0.05),
        limit_mg=full(n, platform.get("storage_limit_mg", 30.0)),
    )


def sound(n: int, rng: np.random.Generator) -> ExhaustCondition:
    """Some years old, with reserve."""
    return ExhaustCondition(
        storage_kept=clamp(scatter(rng, n, 0.88, 0.06), 0.7, 1.0), rear_slowness=spread(rng, n, 1.1, 0.1)
    )


def begin(build: ExhaustBuild, weather: Weather) -> ExhaustState:
    """Cold, full of oxygen, tested before."""
    n = len(build.storage_mg)
    zero, air = full(n, 0.0), weather.ambient_c
    return ExhaustState(
        brick_c=air, second_c=air, stored_mg=0.5 * build.storage_mg, tested_s=zero, cuts_s=zero,
        catalyst_result=floats(100.0 * build.limit_mg / (0.88 * build.storage_mg)), rear_result=zero + np.float32(36.0),
    )  # fmt: skip


def park(
    state: ExhaustState, _build: ExhaustBuild, _condition: ExhaustCondition, parked_s: Floats, weather: Weather,
    _rng: np.random.Generator,
) -> ExhaustState:  # fmt: skip
    """Cools down."""
    keeps, air, zero = np.exp(-parked_s / STANDING_S), weather.ambient_c, np.zeros_like(parked_s)
    return replace(
        state,
        brick_c=air + (state.brick_c - air) * keeps,
        second_c=air + (state.second_c - air) * keeps,
        tested_s=zero,
        cuts_s=zero,
    )


def step(
    state: ExhaustState, moment: Moment, build: ExhaustBuild, condition: ExhaustCondition, dt_s: float,
    _rng: np.random.Generator,
) -> ExhaustState:  # fmt: skip
    """A second of gas through the brick."""
    flow = moment.air_gps + moment.fuel_gps
    burning = 1.0 - moment.fuel_cut
    hot_gas = (GAS_C + GAS_C_PER_G * np.minimum(flow, 45.0)) * burning + 130.0 * moment.fuel_cut
    warm = clamp((moment.coolant_c + 25.0) * (1.0 / 110.0), 0.6, 1.0)
    gas_c = moment.ambient_c + hot_gas * warm
    takes = flow * GAS_J_PER_G_K
    takes = takes * 1.6 / (1.0 + 0.02 * takes)
    burnt = flow * burning * (12.0 + BURNS_J_PER_G * moment.misfire_share)
    loss = LOSES_W_PER_K + LOSES_W_PER_K_MPS * moment.speed_mps
    power = takes * (gas_c - state.brick_c) + burnt - loss * (state.brick_c - moment.ambient_c)
    brick = np.minimum(state.brick_c + power * (dt_s / build.brick_j_per_k), 1_100.0)
    moment.exhaust_c = brick
    able = (brick > TEST_FROM_C) & (moment.air_gps > TEST_GPS[0]) & (moment.air_gps < TEST_GPS[1])
    most = build.storage_mg * condition.storage_kept
    gained = moment.air_gps * (OXYGEN_SHARE_MG * dt_s) * (0.01 * moment.lean_percent + moment.fuel_cut)
    return replace(
        state,
        brick_c=brick,
        second_c=state.second_c + (brick * 0.93 - state.second_c) * (dt_s / (SECOND_LAGS_S + dt_s)),
        stored_mg=clamp(state.stored_mg + gained, 0.0, most),
        tested_s=state.tested_s + when(able & (burning > 0), dt_s),
        cuts_s=state.cuts_s + dt_s * moment.fuel_cut,
    )


def after(
    state: ExhaustState, build: ExhaustBuild, condition: ExhaustCondition, rng: np.random.Generator
) -> ExhaustState:
    """The monitors' results where the trip let them run, averaged over trips."""
    noise = rng.standard_normal((2, len(state.brick_c)), dtype=np.float32)
    storage = np.maximum(build.storage_mg * condition.storage_kept * (1.0 + 0.09 * noise[0]), 2.0)
    worn = 100.0 * build.limit_mg / storage
    slow = 100.0 * condition.rear_slowness / SLOW_LIMIT * (1.0 + 0.1 * noise[1])
    tested, cut = state.tested_s > TEST_NEEDS_S, state.cuts_s > 8.0  # noqa: PLR2004
    catalyst = averaged(state.catalyst_result, np.minimum(worn, 400.0), tested, AVERAGES)
    rear = averaged(state.rear_result, slow, cut, AVERAGES)
    return replace(state, catalyst_result=floats(catalyst), rear_result=floats(rear))


def readings(state: ExhaustState, _build: ExhaustBuild, _condition: ExhaustCondition) -> dict[str, Floats]:
    """Temperatures, and results of monitors."""
    return {
        CATALYST_TEMPERATURE_11: state.brick_c,
        CATALYST_TEMPERATURE_12: state.second_c,
        CATALYST_RESULT: state.catalyst_result,
        REAR_OXYGEN_RESULT: state.rear_result,
    }


_PETROL = ("petrol", "petrol_turbo", "hybrid")
FAULTS = (
    FaultKind(
        name="catalyst ages", component="catalyst", observability="B", field="storage_kept", sound=0.88, failed=0.29,
        law="gamma", growth_days=420.0, per_year=0.008, ageing=2.6, powertrains=_PETROL, repair="catalyst replaced",
        codes=("P0420",),
    ),
    FaultKind(
        name="rear oxygen sensor slows", component="oxygen_sensor", observability="B", field="rear_slowness",
        sound=1.1, failed=3.3, law="gamma", growth_days=300.0, per_year=0.005, ageing=2.0, powertrains=_PETROL,
        repair="rear oxygen sensor replaced", codes=("P0139",),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="exhaust", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
