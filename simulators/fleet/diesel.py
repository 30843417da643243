"""Air and fuel of a diesel engine: variable-vane turbocharger, exhaust gas recirculation, meters, the fuel tank.

Cylinder charge by speed-density from the boost; recirculated gas takes the place of fresh air, most at part load on a
warm engine. Fuel is what the asked heat needs, as far as the fresh air lets it burn without smoke. A charge leak and
lazy vanes lower the boost that can be had; clogged recirculation lets in more fresh air than is reckoned with.

Platform: ``displacement_l``, ``filling``, ``boost_kpa``, ``egr`` (largest share), ``tank_l``, ``intake_heat``,
``filter_tonnes``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.air_path import COOLS_S, NEW_FILTER_KPA, SOAKS_S, STANDARD_DENSITY, WORN_FILTER
from simulators.fleet.arrays import Floats, averaged, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.road import AIR_J_PER_KG_K, KELVIN
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import (
    BOOST,
    BOOST_COMMANDED,
    COMMANDED_EGR,
    EGR_ERROR,
    EGR_RESULT,
    ENGINE_LOAD,
    FUEL_LEVEL,
    FUEL_RATE,
    INTAKE_AIR_TEMPERATURE,
    MAF,
    MAP,
    TURBOCHARGER_CONTROL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

DIESEL_J_PER_G, DIESEL_G_PER_L = 42_600.0, 832.0
SMOKE_RATIO = 16.5
SPOOLS_FROM_RPM, SPOOLS_OVER_RPM = 950.0, 900.0
BOOST_LAG_S, EGR_LAG_S = 1.1, 0.8
RECIRCULATES_FROM_C, RECIRCULATES_TO_RPM = 45.0, 3_000.0
HEAT_K_PER_KPA, COOLED, INTAKE_LAG_S = 0.85, 0.72, 24.0
EGR_LIMIT = 0.5
"""Part of the commanded flow whose lack must be found."""
TEST_NEEDS_S = 120.0
FILLING_S = 100.0

GIVES = ("air_gps", "metered_gps", "manifold_kpa", "boost_kpa", "load", "intake_c", "fuel_gps")


@dataclass(frozen=True, slots=True, kw_only=True)
class DieselBuild:
    """As made, and where its owner fills it; ``egr`` is the largest share recirculated."""

    displacement_l: Floats
    filling: Floats
    boost_kpa: Floats
    filter_tonnes: Floats
    heat_seen: Floats
    tank_l: Floats
    fills_at: Floats
    most_heat_w: Floats
    egr: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DieselCondition:
    """Leaks, vanes, recirculation, sensors."""

    charge_leak_gps: Floats
    boost_lost: Floats
    egr_kept: Floats
    """Part of the commanded flow that still passes."""
    egr_stuck: Floats
    """Recirculated share of the charge while the valve should be shut."""
    maf_gain: Floats
    map_offset_kpa: Floats
    intake_offset_c: Floats
    intake_follows: Floats
    dust: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DieselState:
    """Pressures in kPa, flows in g/s, shares 0 to 1, the monitor's result in percent of its limit."""

    filter_used: Floats
    boost_kpa: Floats
    wanted_boost_kpa: Floats
    duty: Floats
    baro_kpa: Floats
    commanded_egr: Floats
    egr: Floats
    metered_gps: Floats
    load: Floats
    intake_c: Floats
    bonnet_c: Floats
    fuel_gps: Floats
    fuel_l: Floats
    gauge: Floats
    tested_s: Floats
    result: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> DieselBuild:
    """Manufacture makes filling and boost differ by some percent."""
    return DieselBuild(
        displacement_l=full(n, platform.get("displacement_l", 2.0)),
        filling=spread(rng, n, platform.get("filling", 0.88), 0.02),
        boost_kpa=spread(rng, n, platform.get("boost_kpa", 135.0), 0.03),
        filter_tonnes=spread(rng, n, platform.get("filter_tonnes", 42.0), 0.2),
        heat_seen=spread(rng, n, platform.get("intake_heat", 0.6), 0.1),
        tank_l=full(n, platform.get("tank_l", 60.0)),
        fills_at=clamp(scatter(rng, n, 0.25, 0.1), 0.08, 0.6),
        most_heat_w=full(n, platform.get("power_w", 105_000.0) / 0.36),
        egr=full(n, platform.get("egr", 0.38)),
    )


def sound(n: int, rng: np.random.Generator) -> DieselCondition:
    """Little leaks, free recirculation, sensors as they come."""
    return DieselCondition(
        charge_leak_gps=floats(np.abs(rng.normal(0.0, 0.2, n))),
        boost_lost=full(n, 0.0),
        egr_kept=scatter(rng, n, 0.97, 0.02),
        egr_stuck=full(n, 0.0),
        maf_gain=scatter(rng, n, 1.0, 0.015),
        map_offset_kpa=scatter(rng, n, 0.0, 0.5),
        intake_offset_c=scatter(rng, n, 0.0, 0.5),
        intake_follows=full(n, 1.0),
        dust=spread(rng, n, 1.0, 0.35),
    )


def begin(build: DieselBuild, weather: Weather) -> DieselState:
    """Still, half full."""
    n = len(build.filling)
    zero = full(n, 0.0)
    return DieselState(
        filter_used=zero, **_still(weather), intake_c=weather.ambient_c, bonnet_c=weather.ambient_c,
        fuel_l=0.55 * build.tank_l, gauge=full(n, 0.55), tested_s=zero, result=full(n, 15.0),
    )  # fmt: skip


def _still(weather: Weather) -> dict[str, Floats]:
    names = ("boost_kpa", "wanted_boost_kpa", "duty", "commanded_egr", "egr", "metered_gps", "load", "fuel_gps")
    return {**dict.fromkeys(names, np.zeros_like(weather.baro_kpa)), "baro_kpa": weather.baro_kpa}


def park(
    state: DieselState, build: DieselBuild, condition: DieselCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> DieselState:  # fmt: skip
    """The intake takes on heat, then cools; some fill the tank."""
    over, warmth, fresh = state.bonnet_c - weather.ambient_c, np.exp(-parked_s / COOLS_S), np.exp(-parked_s / SOAKS_S)
    soaked = weather.ambient_c + over * warmth * (1.0 - fresh) + (state.intake_c - weather.ambient_c) * fresh
    chance = rng.random((2, len(parked_s)), dtype=np.float32)
    filled = (state.fuel_l < build.fills_at * build.tank_l * (0.7 + 0.6 * chance[0])) & (parked_s > FILLING_S)
    fuel = np.where(filled, (0.9 + 0.1 * chance[1]) * build.tank_l, state.fuel_l)
    return replace(
        state,
        **_still(weather),
        intake_c=state.intake_c + (soaked - state.intake_c) * condition.intake_follows,
        bonnet_c=weather.ambient_c + over * warmth,
        fuel_l=fuel,
        gauge=fuel / build.tank_l,
        tested_s=np.zeros_like(fuel),
    )


def _boost(
    state: DieselState, moment: Moment, share: Floats, build: DieselBuild, condition: DieselCondition, dt_s: float
) -> tuple[Floats, Floats, Floats]:
    """Boost wanted and reached, kPa above the air, and how far the vanes are closed."""
    spooled = clamp((moment.rpm - SPOOLS_FROM_RPM) * (1.0 / SPOOLS_OVER_RPM), 0.03, 1.0)
    thin = clamp(moment.baro_kpa * 0.0125 - 0.25, 0.6, 1.0)
    wanted = build.boost_kpa * thin * clamp(1.7 * share - 0.03, 0.02, 1.0) * spooled
    lost = condition.boost_lost + 0.008 * condition.charge_leak_gps
    able = (
        1.1 * build.boost_kpa * thin * spooled * np.maximum(0.05, 1.0 - lost) * (0.25 + 0.75 * clamp(2.5 * share, 0, 1))
    )
    reached = state.boost_kpa + (np.minimum(wanted, able) - state.boost_kpa) * (dt_s / (BOOST_LAG_S + dt_s))
    return wanted, reached, np.minimum(1.0, wanted / able)


def step(
    state: DieselState, moment: Moment, build: DieselBuild, condition: DieselCondition, dt_s: float,
    _rng: np.random.Generator,
) -> DieselState:  # fmt: skip
    """Charge, recirculation and fuel of a second."""
    share = np.minimum(moment.heat_w / build.most_heat_w * (2_600.0 / np.maximum(moment.rpm, 900.0)), 1.2)
    wanted, boost, duty = _boost(state, moment, share, build, condition, dt_s)
    flow = state.metered_gps * 0.01
    clogged = 1.0 + WORN_FILTER * state.filter_used * state.filter_used
    upstream = moment.baro_kpa - NEW_FILTER_KPA * clogged * flow * flow + boost
    intake_c = _intake_c(state, moment, build, condition, dt_s)
    per_kpa = build.filling * build.displacement_l * moment.rpm * (1e3 / (AIR_J_PER_KG_K * 120.0)) / (intake_c + KELVIN)
    warm = clamp((moment.coolant_c - RECIRCULATES_FROM_C) * (1.0 / 20.0), 0.15, 1.0)
    commanded = (
        build.egr
        * clamp(1.15 - 1.7 * share, 0.0, 1.0)
        * warm
        * when((moment.rpm < RECIRCULATES_TO_RPM) & (moment.fuel_cut <= 0))
    )
    target = np.maximum(commanded * condition.egr_kept, condition.egr_stuck)
    egr = state.egr + (target - state.egr) * (dt_s / (EGR_LAG_S + dt_s))
    air = per_kpa * upstream * (1.0 - egr)
    fuel = np.minimum(moment.heat_w * (1.0 / DIESEL_J_PER_G), air * (1.0 / SMOKE_RATIO)) * (1.0 - moment.fuel_cut)
    lost = condition.charge_leak_gps * np.sqrt(np.maximum(boost, 0.0) * 0.01)
    moment.air_gps, moment.metered_gps = air, (air + lost) * condition.maf_gain
    moment.manifold_kpa, moment.boost_kpa, moment.intake_c = upstream, boost, intake_c
    moment.load = air * (120.0 / STANDARD_DENSITY) / (build.displacement_l * moment.rpm)
    moment.fuel_gps = fuel
    left = np.maximum(state.fuel_l - fuel * (dt_s / DIESEL_G_PER_L), 1.0)
    return DieselState(
        filter_used=state.filter_used + condition.dust * air * (dt_s * 1e-6) / build.filter_tonnes,
        boost_kpa=boost, wanted_boost_kpa=wanted, duty=duty, baro_kpa=moment.baro_kpa, commanded_egr=commanded, egr=egr,
        metered_gps=moment.metered_gps, load=share, intake_c=intake_c, bonnet_c=moment.bonnet_c, fuel_gps=fuel,
        fuel_l=left, gauge=state.gauge + (left / build.tank_l - state.gauge) * (dt_s / (40.0 + dt_s)),
        tested_s=state.tested_s + when(commanded > 0.5 * build.egr, dt_s), result=state.result,
    )  # fmt: skip


def _intake_c(
    state: DieselState, moment: Moment, build: DieselBuild, condition: DieselCondition, dt_s: float
) -> Floats:
    soak = build.heat_seen * (moment.bonnet_c - moment.ambient_c)
    soak = soak / (1.0 + 0.05 * moment.speed_mps + 0.012 * state.metered_gps)
    target = moment.ambient_c + soak + (HEAT_K_PER_KPA * (1.0 - COOLED)) * state.boost_kpa + 40.0 * state.egr
    near = (dt_s / (INTAKE_LAG_S + dt_s)) * condition.intake_follows
    intake_c: Floats = state.intake_c + (target - state.intake_c) * near
    return intake_c


def after(state: DieselState, _build: DieselBuild, condition: DieselCondition, rng: np.random.Generator) -> DieselState:
    """The monitor of recirculation: flow lacking or too much, seen with an error of some percent."""
    noise = rng.standard_normal(len(state.egr), dtype=np.float32)
    wrong = np.maximum(np.abs(1.0 - condition.egr_kept), 1.6 * condition.egr_stuck)
    seen = 100.0 * np.abs(wrong + 0.03 * noise) / EGR_LIMIT
    able = when(state.tested_s > TEST_NEEDS_S)
    return replace(state, result=floats(averaged(state.result, seen, able, 0.5)))


def readings(state: DieselState, _build: DieselBuild, condition: DieselCondition) -> dict[str, Floats]:
    """What the sensors and the control unit give."""
    error = 100.0 * (state.egr - state.commanded_egr) / np.maximum(state.commanded_egr, 0.05)
    upstream = state.baro_kpa + state.boost_kpa
    return {
        MAP: upstream + condition.map_offset_kpa,
        BOOST: upstream + condition.map_offset_kpa,
        BOOST_COMMANDED: state.baro_kpa + state.wanted_boost_kpa,
        TURBOCHARGER_CONTROL: 15.0 + 80.0 * state.duty,
        MAF: state.metered_gps,
        ENGINE_LOAD: 100.0 * np.minimum(state.load, 1.0),
        INTAKE_AIR_TEMPERATURE: state.intake_c + condition.intake_offset_c,
        COMMANDED_EGR: 100.0 * state.commanded_egr,
        EGR_ERROR: clamp(error, -99.0, 99.0),
        EGR_RESULT: state.result,
        FUEL_RATE: state.fuel_gps * np.float32(3600.0 / DIESEL_G_PER_L),
        FUEL_LEVEL: 100.0 * state.gauge,
    }


def filter_left(state: DieselState, _build: DieselBuild, _condition: DieselCondition) -> Floats:
    """What is left of the air filter's use, 1 to 0."""
    left: Floats = np.maximum(0.0, 1.0 - state.filter_used)
    return left


def filter_worn(state: DieselState, _build: DieselBuild, which: Bools, left: Floats) -> DieselState:
    """Another air filter in the cars ``which``."""
    return replace(state, filter_used=np.where(which, floats(1.0 - left), state.filter_used))


_DIESEL = ("diesel", "van")
FAULTS = (
    FaultKind(
        name="charge air leaks", component="boost", observability="A", field="charge_leak_gps", sound=0.15,
        failed=30.0, law="gamma", growth_days=110.0, per_year=0.009, ageing=1.6, powertrains=_DIESEL,
        repair="charge air hose replaced", codes=("P0299",),
    ),
    FaultKind(
        name="turbocharger vanes stick", component="boost", observability="A", field="boost_lost", sound=0.0,
        failed=0.55, law="wiener", growth_days=160.0, per_year=0.008, ageing=1.8, powertrains=_DIESEL,
        repair="turbocharger replaced", codes=("P0299",),
    ),
    FaultKind(
        name="recirculation clogs", component="egr", observability="B", field="egr_kept", sound=0.97, failed=0.4,
        law="gamma", growth_days=260.0, per_year=0.014, ageing=1.7, powertrains=_DIESEL,
        repair="recirculation valve cleaned", codes=("P0401",),
    ),
    FaultKind(
        name="recirculation sticks open", component="egr", observability="B", field="egr_stuck", sound=0.0, failed=0.36,
        law="step", growth_days=40.0, per_year=0.006, ageing=1.5, powertrains=_DIESEL,
        repair="recirculation valve replaced", codes=("P0402",),
    ),
    FaultKind(
        name="air meter dirty", component="fuel_air", observability="A", field="maf_gain", sound=1.0, failed=0.72,
        law="gamma", growth_days=260.0, per_year=0.008, ageing=1.4, powertrains=_DIESEL, repair="air meter replaced",
        codes=("P0101",),
    ),
    FaultKind(
        name="manifold pressure sensor drifts", component="sensors", observability="A", field="map_offset_kpa",
        sound=0.0, failed=14.0, law="wiener", growth_days=140.0, per_year=0.002, powertrains=_DIESEL,
        repair="manifold pressure sensor replaced", codes=("P0106",),
    ),
    FaultKind(
        name="intake air sensor drifts", component="sensors", observability="A", field="intake_offset_c", sound=0.0,
        failed=20.0, law="wiener", growth_days=120.0, per_year=0.002, powertrains=_DIESEL,
        repair="intake air temperature sensor replaced", codes=("P0111",),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="air filter", component="air_filter", observability="C", left=filter_left, worn=filter_worn,
        repair="air filter replaced", powertrains=_DIESEL, renew_below=0.25, interval_km=50_000.0,
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="diesel", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
