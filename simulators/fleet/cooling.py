"""Heat of the engine: block, coolant and oil, a wax thermostat, a fan, the cabin heater, the air under the bonnet.

Balance of three nodes joined by conductances; form of the lumped warm-up models of the vehicle-simulation literature,
coefficients of our choice, made so that a warm-up from 20 °C in town takes 6 to 10 minutes. The thermostat opens along
a curve with the wax lagging behind, a stuck one lets coolant pass for good. The radiator's conductance follows the flow
of coolant and the root of the flow of air.

Platform: ``heat_j_per_k`` (block and coolant together), ``thermostat_c`` (where it regulates), ``opens_c`` (4.5 K below
it), ``opens_over_k``, ``smooth`` (0 straight, 1 an
S-shaped curve), ``radiator_w_per_k``, ``heat_share`` (of the fuel's heat that gets into the metal), ``fan_c``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import COOLANT_TEMPERATURE, OIL_TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

TO_COOLANT = 0.42
"""Part of the heat that goes through the liner at once; the rest warms head and block first."""
BLOCK_TO_COOLANT_W_PER_K, BLOCK_TO_OIL_W_PER_K = 880.0, 90.0
BLOCK_PART = 0.62
OIL_J_PER_K = 9_800.0
FRICTION_TO_OIL = 0.32
WAX_S = 11.0
FAN_HYSTERESIS_K = 5.0
FAN_AIR_MPS = 5.0
GRILLE = 0.5
CABIN_C = 22.0
HEATER_W_PER_K = 75.0
BONNET_S, BONNET_STANDING_S = 160.0, 500.0
STANDING_S, OIL_STANDING_S = 5_900.0, 7_900.0
RADIATOR, SATURATES = 0.8, 0.3
"""How the conductance follows the flow of coolant: in step with it when there is little, hardly when there is much."""
LESS_AT_LOAD = 0.3
"""Of the fuel's heat, a smaller part gets into the metal at full load than at idle."""
HOT_C = 121.0
BOILS_C = 132.0

GIVES = ("coolant_c", "oil_c", "bonnet_c")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingBuild:
    """As made; ``smooth`` is 1 where the thermostat opens along an S-shaped curve."""

    heat_j_per_k: Floats
    opens_c: Floats
    radiator_w_per_k: Floats
    heat_share: Floats
    fan_c: Floats
    insulated: Floats
    opens_over_k: Floats
    smooth: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingCondition:
    """Thermostat, flow, fan, radiator, coolant, sensor."""

    stuck_open: Floats
    """Part of the full flow that passes the closed thermostat."""
    flow_kept: Floats
    """Flow of the pump and freedom of the radiator's passages."""
    fan_kept: Floats
    filled: Floats
    sensor_offset_c: Floats
    sensor_follows: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingState:
    """Temperatures in °C, opening of the thermostat 0 to 1, fan 0 or 1, seconds of overheating so far."""

    block_c: Floats
    coolant_c: Floats
    oil_c: Floats
    bonnet_c: Floats
    opening: Floats
    fan: Floats
    sensed_c: Floats
    hot_s: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> CoolingBuild:
    """Thermostats open within two kelvin of their mark."""
    return CoolingBuild(
        heat_j_per_k=spread(rng, n, platform.get("heat_j_per_k", 112_000.0), 0.03),
        opens_c=scatter(rng, n, platform.get("opens_c", platform.get("thermostat_c", 87.5) - 4.5), 1.0),
        radiator_w_per_k=spread(rng, n, platform.get("radiator_w_per_k", 1150.0), 0.05),
        heat_share=spread(rng, n, platform.get("heat_share", 0.42), 0.02),
        fan_c=scatter(rng, n, platform.get("fan_c", 97.5), 0.8),
        insulated=spread(rng, n, 1.0, 0.1),
        opens_over_k=full(n, platform.get("opens_over_k", 12.0)),
        smooth=full(n, platform.get("smooth", 0.0)),
    )


def sound(n: int, rng: np.random.Generator) -> CoolingCondition:
    """A thermostat that closes nearly tight, a full system."""
    return CoolingCondition(
        stuck_open=floats(np.abs(rng.normal(0.0, 0.006, n))),
        flow_kept=scatter(rng, n, 0.98, 0.015),
        fan_kept=full(n, 1.0),
        filled=clamp(scatter(rng, n, 0.98, 0.015), 0.9, 1.0),
        sensor_offset_c=scatter(rng, n, 0.0, 0.6),
        sensor_follows=full(n, 1.0),
    )


def begin(build: CoolingBuild, weather: Weather) -> CoolingState:
    """As warm as the air."""
    zero = full(len(build.opens_c), 0.0)
    air = weather.ambient_c
    return CoolingState(
        block_c=air, coolant_c=air, oil_c=air, bonnet_c=air, opening=zero, fan=zero, sensed_c=air, hot_s=zero
    )


def park(
    state: CoolingState, build: CoolingBuild, condition: CoolingCondition, parked_s: Floats, weather: Weather,
    _rng: np.random.Generator,
) -> CoolingState:  # fmt: skip
    """Everything nears the air; the bonnet first takes on what the engine gives off."""
    air, zero = weather.ambient_c, np.zeros_like(parked_s)
    keeps = np.exp(-parked_s / (STANDING_S * build.insulated))
    mean = BLOCK_PART * state.block_c + (1.0 - BLOCK_PART) * state.coolant_c
    coolant = air + (mean - air) * keeps
    fresh = np.exp(-parked_s / BONNET_STANDING_S)
    bonnet = air + 0.62 * (coolant - air) * (1.0 - fresh) + (state.bonnet_c - air) * fresh * keeps
    return CoolingState(
        block_c=coolant,
        coolant_c=coolant,
        oil_c=air + (state.oil_c - air) * np.exp(-parked_s / OIL_STANDING_S),
        bonnet_c=bonnet,
        opening=zero,
        fan=zero,
        sensed_c=state.sensed_c + (coolant - state.sensed_c) * condition.sensor_follows,
        hot_s=state.hot_s,
    )


def carried(filled: Floats) -> Floats:
    """Part of the heat that still gets carried when coolant lacks: little changes until the pump draws air."""
    lacks = clamp((1.0 - filled) * (1.0 / 0.65), 0.0, 1.0)
    return np.maximum(0.04, 1.0 - lacks * lacks)


def radiator_w_per_k(
    state: CoolingState, speed_mps: Floats, build: CoolingBuild, condition: CoolingCondition, rpm: Floats
) -> Floats:
    """Conductance from coolant to the air."""
    passing = condition.stuck_open + (1.0 - condition.stuck_open) * state.opening
    pumped = np.minimum(0.45 + rpm * (1.0 / 3600.0), 1.25) * condition.flow_kept * carried(condition.filled)
    pumped = RADIATOR * pumped / (SATURATES + pumped)
    air = np.maximum(GRILLE * speed_mps, FAN_AIR_MPS * state.fan * condition.fan_kept) + 0.1
    conductance: Floats = build.radiator_w_per_k * passing * pumped * np.sqrt(air * (1.0 / 6.0))
    return conductance


def _opening(state: CoolingState, build: CoolingBuild, dt_s: float) -> Floats:
    share = clamp((state.coolant_c - build.opens_c) / build.opens_over_k, 0.0, 1.0)
    if build.smooth.any():
        share = np.where(build.smooth > 0, share * share * (3.0 - 2.0 * share), share)
    return state.opening + (share - state.opening) * (dt_s / (WAX_S + dt_s))


def step(
    state: CoolingState, moment: Moment, build: CoolingBuild, condition: CoolingCondition, dt_s: float,
    _rng: np.random.Generator,
) -> CoolingState:  # fmt: skip
    """A second of heat."""
    air, speed, on = moment.ambient_c, moment.speed_mps, moment.engine_on
    heat = moment.heat_w * build.heat_share * on * (1.0 - LESS_AT_LOAD * np.minimum(moment.load, 1.2))
    friction = moment.friction_w * on
    over = state.coolant_c - air
    carries = carried(condition.filled)
    exchanged = BLOCK_TO_COOLANT_W_PER_K * carries * (state.block_c - state.coolant_c)
    to_oil = BLOCK_TO_OIL_W_PER_K * (state.block_c - state.oil_c)
    block = (1.0 - TO_COOLANT) * heat + (1.0 - FRICTION_TO_OIL) * friction - exchanged - to_oil
    block = block - (3.5 + 0.4 * speed) * (state.block_c - air)
    heater = HEATER_W_PER_K * carries * moment.heater * np.maximum(state.coolant_c - CABIN_C, 0.0)
    lost = radiator_w_per_k(state, speed, build, condition, moment.rpm) + 4.0 + 0.3 * speed
    coolant = TO_COOLANT * heat + exchanged - lost * over - heater
    oil = to_oil + FRICTION_TO_OIL * friction - (2.2 + 0.33 * speed) * (state.oil_c - air)
    return _warmed(state, moment, build, condition, dt_s, block, coolant, oil)


def _warmed(
    state: CoolingState, moment: Moment, build: CoolingBuild, condition: CoolingCondition, dt_s: float,
    block_w: Floats, coolant_w: Floats, oil_w: Floats,
) -> CoolingState:  # fmt: skip
    """The temperatures that these flows of heat lead to."""
    capacity = dt_s / build.heat_j_per_k
    coolant_c = state.coolant_c + coolant_w * capacity * (1.0 / (1.0 - BLOCK_PART)) / np.maximum(condition.filled, 0.4)
    coolant_c = np.minimum(coolant_c, BOILS_C)
    block_c = state.block_c + block_w * capacity * (1.0 / BLOCK_PART)
    oil_c = state.oil_c + oil_w * (dt_s / OIL_J_PER_K)
    under = moment.ambient_c + 0.55 * (coolant_c - moment.ambient_c) / (1.0 + 0.035 * moment.speed_mps)
    bonnet = state.bonnet_c + (under - state.bonnet_c) * (dt_s / (BONNET_S + dt_s))
    warm = state.fan * FAN_HYSTERESIS_K
    cooled = (moment.air_conditioning > 0.3) & (moment.speed_mps < 14.0)  # noqa: PLR2004
    moment.coolant_c, moment.oil_c, moment.bonnet_c = coolant_c, oil_c, bonnet
    return CoolingState(
        block_c=block_c,
        coolant_c=coolant_c,
        oil_c=oil_c,
        bonnet_c=bonnet,
        opening=_opening(state, build, dt_s),
        fan=((coolant_c + warm > build.fan_c) | cooled).astype(np.float32),
        sensed_c=state.sensed_c + (coolant_c - state.sensed_c) * ((dt_s / (1.5 + dt_s)) * condition.sensor_follows),
        hot_s=state.hot_s + when(coolant_c > HOT_C, dt_s),
    )


def readings(state: CoolingState, _build: CoolingBuild, condition: CoolingCondition) -> dict[str, Floats]:
    """Coolant as its sensor sees it, and the oil."""
    return {COOLANT_TEMPERATURE: state.sensed_c + condition.sensor_offset_c, OIL_TEMPERATURE: state.oil_c}


def tell(state: CoolingState) -> dict[str, Floats]:
    """How warm the standing engine is."""
    return {"coolant_c": state.coolant_c, "oil_c": state.oil_c, "bonnet_c": state.bonnet_c}


def overheated(state: CoolingState, _build: CoolingBuild, _condition: CoolingCondition) -> Bools:
    """The engine has been too hot for a minute in all: by function, a breakdown."""
    return state.hot_s > 60.0  # noqa: PLR2004


FAULTS = (
    FaultKind(
        name="thermostat stuck open", component="thermostat", observability="A", field="stuck_open", sound=0.005,
        failed=0.32, law="gamma", growth_days=90.0, per_year=0.012, ageing=1.8, repair="thermostat replaced",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), codes=("P0128",),
    ),
    FaultKind(
        name="cooling fan fails", component="cooling", observability="B", field="fan_kept", sound=1.0, failed=0.0,
        law="gamma", growth_days=60.0, per_year=0.004, ageing=1.5, repair="cooling fan replaced",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), failed_when=overheated, codes=("P0480",),
    ),
    FaultKind(
        name="coolant leaks", component="cooling", observability="B", field="filled", sound=0.98, failed=0.33,
        law="gamma", growth_days=100.0, per_year=0.007, ageing=1.7, repair="coolant leak repaired and refilled",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), failed_when=overheated, codes=("P0217",),
    ),
    FaultKind(
        name="radiator or pump clogs", component="cooling", observability="B", field="flow_kept", sound=0.98,
        failed=0.03, law="gamma", growth_days=240.0, per_year=0.005, ageing=2.0, repair="water pump replaced",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), failed_when=overheated, codes=("P0217",),
    ),
    FaultKind(
        name="coolant sensor drifts", component="sensors", observability="A", field="sensor_offset_c", sound=0.0,
        failed=-18.0, law="wiener", growth_days=120.0, per_year=0.003, repair="coolant sensor replaced",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), codes=("P0116", "P0128"),
    ),
    FaultKind(
        name="coolant sensor stuck", component="sensors", observability="A", field="sensor_follows", sound=1.0,
        failed=0.0, law="sudden", growth_days=0.1, per_year=0.002, repair="coolant sensor replaced",
        powertrains=("petrol", "petrol_turbo", "diesel", "hybrid", "van"), codes=("P0116", "P0125"),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="cooling", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, tell=tell
)  # fmt: skip
