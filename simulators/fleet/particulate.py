"""The particulate filter of a diesel: soot, ash, pressure difference, regeneration.

Soot comes with fuel, more with cold and with faults upstream; it burns off slowly when hot and quickly while the
control unit heats the filter. That begins when the soot it reckons with is over its limit and the car moves; a drive
that ends breaks it off. Ash comes with oil and stays. Pressure difference = a mu Q (soot, ash) + b rho Q²,
Q the volume flow.

Platform: ``soot_limit_g`` (regeneration begins), ``soot_most_g`` (the filter is overfull), ``ash_most_g``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, spread, when
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.road import KELVIN
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import FILTER_PRESSURE, FILTER_REGENERATING, FILTER_SOOT, FILTER_TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

SOOT_PER_FUEL = 8.5e-4
COLD_SOOTS = 1.4
ASH_PER_FUEL = 6.0e-6
EXHAUST_HEAT, GAS_J_PER_G_K = 0.31, 1.1
FILTER_J_PER_K, LOSES_W_PER_K, LOSES_W_PER_K_MPS = 5_200.0, 1.6, 0.12
STANDING_S = 2_200.0
REGENERATES_C, BURNS_S = 610.0, 330.0
ENDS_AT_G = 2.5
FROM_MPS, FROM_COOLANT_C = 6.0, 62.0
PASSIVE_FROM_C, PASSIVE_PER_S = 300.0, 2.4e-5
CLEAN, PER_SOOT_G, PER_ASH_G = 13_500.0, 1_450.0, 620.0
"""Pascal per m³/s at the viscosity of 300 °C: clean, and per gram of soot and of ash."""
TURBULENT = 55_000.0
CORRECTS_S = 9_000.0

GIVES = ("exhaust_c",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticulateBuild:
    """As made."""

    limit_g: Floats
    most_g: Floats
    ash_most_g: Floats
    permeability: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticulateCondition:
    """Soot as a multiple of a sound engine's, and the pressure sensor with its hoses."""

    soot_factor: Floats
    pressure_gain: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticulateState:
    """Masses in grams, pressure in Pa, temperature in °C; ``broken_off`` counts regenerations that a stop ended."""

    soot_g: Floats
    reckoned_g: Floats
    ash_g: Floats
    filter_c: Floats
    pressure_pa: Floats
    regenerating: Floats
    broken_off: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> ParticulateBuild:
    """Filters differ by some percent in what passes them."""
    return ParticulateBuild(
        limit_g=full(n, platform.get("soot_limit_g", 22.0)),
        most_g=full(n, platform.get("soot_most_g", 44.0)),
        ash_most_g=spread(rng, n, platform.get("ash_most_g", 62.0), 0.12),
        permeability=spread(rng, n, 1.0, 0.06),
    )


def sound(n: int, rng: np.random.Generator) -> ParticulateCondition:
    """Engines soot differently."""
    return ParticulateCondition(soot_factor=spread(rng, n, 1.0, 0.18), pressure_gain=spread(rng, n, 1.0, 0.03))


def begin(build: ParticulateBuild, weather: Weather) -> ParticulateState:
    """A third full."""
    n = len(build.limit_g)
    zero, soot = full(n, 0.0), 0.33 * build.limit_g
    return ParticulateState(
        soot_g=soot, reckoned_g=soot, ash_g=zero, filter_c=weather.ambient_c, pressure_pa=zero, regenerating=zero,
        broken_off=zero,
    )  # fmt: skip


def park(
    state: ParticulateState, _build: ParticulateBuild, _condition: ParticulateCondition, parked_s: Floats,
    weather: Weather, _rng: np.random.Generator,
) -> ParticulateState:  # fmt: skip
    """Cools down."""
    return replace(
        state,
        filter_c=weather.ambient_c + (state.filter_c - weather.ambient_c) * np.exp(-parked_s / STANDING_S),
        pressure_pa=np.zeros_like(parked_s),
    )


def _heated(state: ParticulateState, moment: Moment, dt_s: float) -> Floats:
    """Temperature of the filter: exhaust gas, and the control unit's heating while it regenerates."""
    flow = moment.air_gps + moment.fuel_gps
    gas_c = moment.intake_c + EXHAUST_HEAT * moment.heat_w * (1.0 - moment.fuel_cut) / (GAS_J_PER_G_K * (flow + 1.0))
    gas_c = gas_c + (REGENERATES_C + 30.0 - gas_c) * state.regenerating
    gained = 1.5 * GAS_J_PER_G_K * flow * (gas_c - state.filter_c)
    lost = (LOSES_W_PER_K + LOSES_W_PER_K_MPS * moment.speed_mps) * (state.filter_c - moment.ambient_c)
    filter_c: Floats = state.filter_c + (gained - lost) * (dt_s / FILTER_J_PER_K)
    return filter_c


def step(
    state: ParticulateState, moment: Moment, build: ParticulateBuild, condition: ParticulateCondition, dt_s: float,
    _rng: np.random.Generator,
) -> ParticulateState:  # fmt: skip
    """A second of soot and gas."""
    filter_c = _heated(state, moment, dt_s)
    cold = clamp((60.0 - moment.coolant_c) * (1.0 / 60.0), 0.0, 1.2)
    plain = moment.fuel_gps * (SOOT_PER_FUEL * dt_s) * (1.0 + COLD_SOOTS * cold)
    hot = clamp((filter_c - 480.0) * (1.0 / 130.0), 0.0, 1.1)
    burns = hot * hot * (dt_s / BURNS_S) + when(filter_c > PASSIVE_FROM_C, PASSIVE_PER_S * dt_s)
    soot = (state.soot_g + plain * condition.soot_factor) * (1.0 - burns)
    ash = state.ash_g + moment.fuel_gps * (ASH_PER_FUEL * dt_s)
    reckoned = (state.reckoned_g + plain) * (1.0 - burns)
    reckoned = reckoned + (soot - reckoned) * (dt_s / CORRECTS_S)
    moves = (moment.speed_mps > FROM_MPS) & (moment.coolant_c > FROM_COOLANT_C)
    begins = (reckoned > build.limit_g) & moves
    regenerating = when(((state.regenerating > 0) | begins) & (reckoned > ENDS_AT_G))
    kelvin = filter_c + KELVIN
    volume = (moment.air_gps + moment.fuel_gps) * kelvin * (287.0 / 101_300.0 / 1000.0)
    resists = build.permeability * (CLEAN + PER_SOOT_G * soot + PER_ASH_G * ash) * (0.4 + 0.6 * kelvin * (1.0 / 573.0))
    moment.exhaust_c = filter_c
    return ParticulateState(
        soot_g=soot,
        reckoned_g=reckoned,
        ash_g=ash,
        filter_c=filter_c,
        pressure_pa=volume * (resists + TURBULENT * volume),
        regenerating=regenerating,
        broken_off=state.broken_off,
    )


def after(
    state: ParticulateState, _build: ParticulateBuild, _condition: ParticulateCondition, _rng: np.random.Generator
) -> ParticulateState:
    """A stop ends a regeneration; it begins anew on the next drive that suits."""
    return replace(
        state, broken_off=state.broken_off + state.regenerating, regenerating=np.zeros_like(state.regenerating)
    )


def readings(state: ParticulateState, _build: ParticulateBuild, condition: ParticulateCondition) -> dict[str, Floats]:
    """Pressure as its sensor sees it, the control unit's soot, temperature, regeneration."""
    return {
        FILTER_PRESSURE: state.pressure_pa * condition.pressure_gain,
        FILTER_SOOT: state.reckoned_g,
        FILTER_TEMPERATURE: state.filter_c,
        FILTER_REGENERATING: state.regenerating,
    }


def overfull(state: ParticulateState, build: ParticulateBuild, _condition: ParticulateCondition) -> Bools:
    """More soot than may be burnt off: by function, the end."""
    return state.soot_g > build.most_g


def emptied(state: ParticulateState, _build: ParticulateBuild, which: Bools) -> ParticulateState:
    """Regenerated in a workshop."""
    empty = np.float32(ENDS_AT_G)
    return replace(
        state,
        soot_g=np.where(which, empty, state.soot_g),
        reckoned_g=np.where(which, empty, state.reckoned_g),
    )


def ash_left(state: ParticulateState, build: ParticulateBuild, _condition: ParticulateCondition) -> Floats:
    """Room for ash that is left, 1 to 0."""
    left: Floats = np.maximum(0.0, 1.0 - state.ash_g / build.ash_most_g)
    return left


def cleaned(state: ParticulateState, build: ParticulateBuild, which: Bools, left: Floats) -> ParticulateState:
    """Cleaned of ash in the cars ``which``."""
    return replace(state, ash_g=np.where(which, floats((1.0 - left) * build.ash_most_g), state.ash_g))


_DIESEL = ("diesel", "van")
FAULTS = (
    FaultKind(
        name="engine soots", component="dpf", observability="A", field="soot_factor", sound=1.0, failed=9.0,
        law="gamma", growth_days=110.0, per_year=0.02, ageing=1.6, powertrains=_DIESEL,
        repair="cause of soot mended, filter regenerated", failed_when=overfull, mended=emptied,
        codes=("P2463", "P244A"),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="particulate filter ash", component="dpf", observability="A", left=ash_left, worn=cleaned,
        repair="particulate filter cleaned", powertrains=_DIESEL, renew_below=0.03, codes=("P242F",),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="particulate", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
