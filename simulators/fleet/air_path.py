"""The air of a petrol engine, with or without a turbocharger: filter, compressor, throttle, manifold, meters.

Air = heat asked / heat that a gram of air burns with, at most what the cylinders take in at full throttle; manifold
pressure by speed-density on top of residual gas. A leak behind the meter flows like a nozzle: choked at idle, nothing
at full load. A charge leak lets metered air out under boost. The intake air takes heat from under the bonnet, the more
the slower it flows; a charge cooler takes most of the compressor's heat away.

Platform: ``has_maf`` (1 or 0), ``filling``, ``boost_kpa`` (0: none), ``filter_tonnes`` (air that clogs a filter),
``intake_heat``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.road import AIR_J_PER_KG_K, KELVIN
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import (
    ABSOLUTE_LOAD,
    BOOST,
    BOOST_COMMANDED,
    ENGINE_LOAD,
    INTAKE_AIR_TEMPERATURE,
    MAF,
    MAP,
    THROTTLE,
    TURBOCHARGER_CONTROL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

HEAT_J_PER_G_AIR = 2_930.0
"""Petrol and its mixtures with ethanol alike, burnt completely."""
RESIDUAL_KPA = 6.5
CHOKED = 0.528
OVERRUN_FILLING = 0.17
NEW_FILTER_KPA = 1.1
"""Drop over a new filter at 100 g/s (our choice)."""
WORN_FILTER = 4.0
"""How many times the drop of a new filter one at the end of its use adds."""
SPOOLS_FROM_RPM, SPOOLS_OVER_RPM = 1050.0, 850.0
BOOST_LAG_S = 0.9
RESERVE_KPA = 6.0
HEAT_K_PER_KPA = 0.85
COOLED = 0.74
INTAKE_LAG_S = 22.0
SOAKS_S, COOLS_S = 700.0, 5600.0
STANDARD_DENSITY = 1.184
WIDE_OPEN = 0.93

GIVES = ("air_gps", "metered_gps", "manifold_kpa", "boost_kpa", "load", "intake_c")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirBuild:
    """As made."""

    displacement_l: Floats
    filling: Floats
    boost_kpa: Floats
    maf_share: Floats
    """1 where a meter counts the air, 0 where the control unit computes it from manifold pressure."""
    filter_tonnes: Floats
    heat_seen: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AirCondition:
    """Leaks, sensors and the turbocharger's control."""

    vacuum_leak_gps: Floats
    """Air past the meter at choked flow."""
    charge_leak_gps: Floats
    """Air lost at 100 kPa of boost."""
    boost_lost: Floats
    """Part of the boost that can no longer be built: wastegate, vanes, bearing."""
    maf_gain: Floats
    map_offset_kpa: Floats
    intake_offset_c: Floats
    intake_follows: Floats
    dust: Floats
    """How fast the filter fills, 1 usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AirState:
    """Pressures in kPa absolute, temperatures in °C, flows in g/s; ``filter_used`` 0 new to 1 at the end of its use."""

    filter_used: Floats
    boost_kpa: Floats
    wanted_boost_kpa: Floats
    duty: Floats
    upstream_kpa: Floats
    manifold_kpa: Floats
    metered_gps: Floats
    load: Floats
    filling: Floats
    throttle: Floats
    intake_c: Floats
    bonnet_c: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> AirBuild:
    """Manufacture makes filling and boost differ by some percent."""
    boost = platform.get("boost_kpa", 0.0)
    return AirBuild(
        displacement_l=full(n, platform.get("displacement_l", 1.5)),
        filling=spread(rng, n, platform.get("filling", 0.86), 0.02),
        boost_kpa=spread(rng, n, boost, 0.03) if boost else full(n, 0.0),
        maf_share=full(n, platform.get("has_maf", 1.0)),
        filter_tonnes=spread(rng, n, platform.get("filter_tonnes", 26.0), 0.2),
        heat_seen=spread(rng, n, platform.get("intake_heat", 0.85), 0.1),
    )


def sound(n: int, rng: np.random.Generator) -> AirCondition:
    """No leaks to speak of; sensors as they come."""
    return AirCondition(
        vacuum_leak_gps=floats(np.abs(rng.normal(0.0, 0.015, n))),
        charge_leak_gps=floats(np.abs(rng.normal(0.0, 0.15, n))),
        boost_lost=full(n, 0.0),
        maf_gain=scatter(rng, n, 1.0, 0.012),
        map_offset_kpa=scatter(rng, n, 0.0, 0.35),
        intake_offset_c=scatter(rng, n, 0.0, 0.5),
        intake_follows=full(n, 1.0),
        dust=spread(rng, n, 1.0, 0.35),
    )


def begin(build: AirBuild, weather: Weather) -> AirState:
    """Filters anywhere between new and due, the engine still."""
    zero = full(len(build.filling), 0.0)
    return AirState(
        filter_used=zero,
        **_still(weather),
        intake_c=weather.ambient_c,
        bonnet_c=weather.ambient_c,
    )


def _still(weather: Weather) -> dict[str, Floats]:
    zero = np.zeros_like(weather.baro_kpa)
    names = ("boost_kpa", "wanted_boost_kpa", "duty", "metered_gps", "load", "filling")
    return {
        **dict.fromkeys(names, zero),
        "upstream_kpa": weather.baro_kpa,
        "manifold_kpa": weather.baro_kpa,
        "throttle": zero + np.float32(0.16),
    }


def park(
    state: AirState, _build: AirBuild, condition: AirCondition, parked_s: Floats, weather: Weather,
    _rng: np.random.Generator,
) -> AirState:  # fmt: skip
    """The intake first takes on the heat under the bonnet, then both cool down."""
    over, warmth = state.bonnet_c - weather.ambient_c, np.exp(-parked_s / COOLS_S)
    fresh = np.exp(-parked_s / SOAKS_S)
    soaked = weather.ambient_c + over * warmth * (1.0 - fresh) + (state.intake_c - weather.ambient_c) * fresh
    return replace(
        state,
        **_still(weather),
        intake_c=state.intake_c + (soaked - state.intake_c) * condition.intake_follows,
        bonnet_c=weather.ambient_c + over * warmth,
    )


def _boost(
    state: AirState, needed_kpa: Floats, base_kpa: Floats, rpm: Floats, build: AirBuild, condition: AirCondition,
    dt_s: float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Boost wanted and reached, kPa above the air, and how far the control opens the flow to the turbine."""
    wanted = clamp(needed_kpa + RESERVE_KPA - base_kpa, 0.0, build.boost_kpa)
    spooled = clamp((rpm - SPOOLS_FROM_RPM) * (1.0 / SPOOLS_OVER_RPM), 0.02, 1.0)
    lost = condition.boost_lost + 0.012 * condition.charge_leak_gps
    able = 1.22 * build.boost_kpa * spooled * np.maximum(0.05, 1.0 - lost) + 0.01
    reached = state.boost_kpa + (np.minimum(wanted, able) - state.boost_kpa) * (dt_s / (BOOST_LAG_S + dt_s))
    return wanted, reached, np.minimum(1.0, wanted / able)


def leak_share(manifold_kpa: Floats, baro_kpa: Floats) -> Floats:
    """Flow through a hole into the manifold, as a part of its choked flow."""
    over = clamp(manifold_kpa / baro_kpa - CHOKED, 0.0, 1.0 - CHOKED) * (1.0 / (1.0 - CHOKED))
    return np.sqrt(1.0 - over * over)


def step(
    state: AirState, moment: Moment, build: AirBuild, condition: AirCondition, dt_s: float, _rng: np.random.Generator
) -> AirState:
    """The air that the asked heat needs, as far as it can be had."""
    flow = state.metered_gps * 0.01
    clogged = 1.0 + WORN_FILTER * state.filter_used * state.filter_used
    base_kpa = moment.baro_kpa - NEW_FILTER_KPA * clogged * flow * flow
    intake_c = _intake_c(state, moment, build, condition, dt_s)
    per_kpa = build.filling * build.displacement_l * moment.rpm * (1e3 / (AIR_J_PER_KG_K * 120.0)) / (intake_c + KELVIN)
    needed = moment.heat_w * (1.0 / HEAT_J_PER_G_AIR)
    needed_kpa = needed / per_kpa
    wanted, boost, duty = _boost(state, needed_kpa, base_kpa, moment.rpm, build, condition, dt_s)
    upstream = base_kpa + boost
    most = per_kpa * upstream
    air = np.where(moment.fuel_cut > 0, OVERRUN_FILLING * per_kpa * base_kpa, np.minimum(needed, most))
    filling = air / most
    manifold = RESIDUAL_KPA + (upstream - 1.0 - RESIDUAL_KPA) * filling
    metered = _metered(air, manifold, boost, moment.baro_kpa, build, condition)
    moment.air_gps, moment.metered_gps, moment.manifold_kpa = air, metered, manifold
    moment.boost_kpa, moment.intake_c = boost, intake_c
    moment.load = air * (120.0 / STANDARD_DENSITY) / (build.displacement_l * moment.rpm)
    used = state.filter_used + condition.dust * air * (dt_s * 1e-6) / build.filter_tonnes
    return AirState(
        filter_used=used,
        boost_kpa=boost,
        wanted_boost_kpa=wanted,
        duty=duty,
        upstream_kpa=upstream,
        manifold_kpa=manifold,
        metered_gps=metered,
        load=moment.load,
        filling=filling,
        throttle=0.14 + 0.2 * filling * np.minimum(moment.rpm * (1.0 / 2200.0), 1.6) + when(filling > WIDE_OPEN, 0.35),
        intake_c=intake_c,
        bonnet_c=moment.bonnet_c,
    )


def _metered(
    air: Floats, manifold: Floats, boost: Floats, baro: Floats, build: AirBuild, condition: AirCondition
) -> Floats:
    """What the control unit takes for the air: by the meter, or by manifold pressure."""
    past = condition.vacuum_leak_gps * leak_share(manifold, baro)
    lost = condition.charge_leak_gps * np.sqrt(np.maximum(boost, 0.0) * 0.01)
    counted = np.maximum(0.12, air - past + lost) * condition.maf_gain
    computed = air * (1.0 + condition.map_offset_kpa / manifold)
    return computed + build.maf_share * (counted - computed)


def _intake_c(state: AirState, moment: Moment, build: AirBuild, condition: AirCondition, dt_s: float) -> Floats:
    """Temperature of the air into the manifold, as its sensor sees it."""
    soak = (
        build.heat_seen
        * (moment.bonnet_c - moment.ambient_c)
        / (1.0 + 0.04 * moment.speed_mps + 0.015 * state.metered_gps)
    )
    target = moment.ambient_c + soak + (HEAT_K_PER_KPA * (1.0 - COOLED)) * state.boost_kpa
    return state.intake_c + (target - state.intake_c) * (dt_s / (INTAKE_LAG_S + dt_s)) * condition.intake_follows


def readings(state: AirState, build: AirBuild, condition: AirCondition) -> dict[str, Floats]:
    """What the sensors give; boost where some car has a turbocharger, air flow where one has a meter."""
    found = {
        MAP: state.manifold_kpa + condition.map_offset_kpa,
        ENGINE_LOAD: 100.0 * state.filling,
        ABSOLUTE_LOAD: 100.0 * state.load,
        THROTTLE: 100.0 * state.throttle,
        INTAKE_AIR_TEMPERATURE: state.intake_c + condition.intake_offset_c,
    }
    if build.maf_share.any():
        found[MAF] = state.metered_gps
    if build.boost_kpa.any():
        baro = state.upstream_kpa - state.boost_kpa
        found |= {
            BOOST: state.upstream_kpa + condition.map_offset_kpa,
            BOOST_COMMANDED: baro + state.wanted_boost_kpa,
            TURBOCHARGER_CONTROL: 15.0 + 80.0 * state.duty,
        }
    return found


def filter_left(state: AirState, _build: AirBuild, _condition: AirCondition) -> Floats:
    """What is left of the filter's use, 1 to 0."""
    left: Floats = np.maximum(0.0, 1.0 - state.filter_used)
    return left


def filter_worn(state: AirState, _build: AirBuild, which: Bools, left: Floats) -> AirState:
    """Another filter in the cars ``which``."""
    return replace(state, filter_used=np.where(which, 1.0 - left, state.filter_used).astype(np.float32))


_TURBO = ("petrol_turbo",)
_PETROL = ("petrol", "petrol_turbo", "hybrid")
FAULTS = (
    FaultKind(
        name="vacuum leak", component="fuel_air", observability="A", field="vacuum_leak_gps", sound=0.01, failed=0.95,
        law="gamma", growth_days=150.0, per_year=0.008, ageing=1.6, powertrains=_PETROL, repair="intake hose replaced",
        codes=("P0171",),
    ),
    FaultKind(
        name="air meter dirty", component="fuel_air", observability="A", field="maf_gain", sound=1.0, failed=0.74,
        law="gamma", growth_days=260.0, per_year=0.007, ageing=1.4, powertrains=_PETROL, repair="air meter replaced",
        codes=("P0171", "P0101"),
    ),
    FaultKind(
        name="charge air leaks", component="boost", observability="A", field="charge_leak_gps", sound=0.1,
        failed=22.0, law="gamma", growth_days=110.0, per_year=0.007, ageing=1.6, powertrains=_TURBO,
        repair="charge air hose replaced", codes=("P0299",),
    ),
    FaultKind(
        name="wastegate does not close", component="boost", observability="A", field="boost_lost", sound=0.0,
        failed=0.45, law="wiener", growth_days=180.0, per_year=0.005, ageing=1.8, powertrains=_TURBO,
        repair="wastegate actuator replaced", codes=("P0299",),
    ),
    FaultKind(
        name="manifold pressure sensor drifts", component="sensors", observability="A", field="map_offset_kpa",
        sound=0.0, failed=9.0, law="wiener", growth_days=140.0, per_year=0.002, powertrains=_PETROL,
        repair="manifold pressure sensor replaced", codes=("P0106",),
    ),
    FaultKind(
        name="intake air sensor drifts", component="sensors", observability="A", field="intake_offset_c", sound=0.0,
        failed=20.0, law="wiener", growth_days=120.0, per_year=0.002, powertrains=_PETROL,
        repair="intake air temperature sensor replaced", codes=("P0111",),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="air filter", component="air_filter", observability="C", left=filter_left, worn=filter_worn,
        repair="air filter replaced", powertrains=_PETROL, renew_below=0.25, interval_km=45_000.0,
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="air", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)  # fmt: skip
