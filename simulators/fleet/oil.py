"""Engine oil: how it ages by revolutions, heat, cold, fuel in it, and time; and its pressure.

Use = revolutions weighted by temperature (doubling each 10 K above 110 °C, up to threefold cold) over what the oil
bears; form as in oil-life models of the literature, numbers of our choice.

Platform: ``oil_revs`` (revolutions that an oil bears), ``oil_days``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, spread
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import OIL_PRESSURE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

HOT_C, COLD_C = 110.0, 65.0
COLD_TIMES = 2.0
DAY_S = 86_400.0
IDLE_KPA, KPA_PER_RPM = 95.0, 0.105
MOST_KPA = 430.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OilBuild:
    """What the oil of this car and owner bears."""

    bears_revs: Floats
    bears_days: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class OilCondition:
    """Pump and bearings, and fuel that gets in."""

    pressure_kept: Floats
    diluting: Floats
    """How much faster than usual the oil is used up, 1 usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OilState:
    """Used by running and by time, each 0 new to 1; pressure in kPa."""

    used: Floats
    aged: Floats
    pressure_kpa: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> OilBuild:
    """Oils and engines differ by a fifth."""
    return OilBuild(
        bears_revs=spread(rng, n, platform.get("oil_revs", 3.1e7), 0.2),
        bears_days=spread(rng, n, platform.get("oil_days", 620.0), 0.08),
    )


def sound(n: int, rng: np.random.Generator) -> OilCondition:
    """Sound bearings."""
    return OilCondition(pressure_kept=scatter(rng, n, 1.0, 0.04), diluting=spread(rng, n, 1.0, 0.15))


def begin(build: OilBuild, _weather: Weather) -> OilState:
    """Fresh oil."""
    zero = full(len(build.bears_revs), 0.0)
    return OilState(used=zero, aged=zero, pressure_kpa=zero)


def park(
    state: OilState, build: OilBuild, _condition: OilCondition, parked_s: Floats, _weather: Weather,
    _rng: np.random.Generator,
) -> OilState:  # fmt: skip
    """Time ages it."""
    return replace(state, aged=state.aged + parked_s / (DAY_S * build.bears_days), pressure_kpa=np.zeros_like(parked_s))


def step(
    state: OilState, moment: Moment, build: OilBuild, condition: OilCondition, dt_s: float, _rng: np.random.Generator
) -> OilState:
    """Revolutions age it by temperature."""
    hot = np.exp2(np.maximum(moment.oil_c - HOT_C, 0.0) * 0.1)
    cold = COLD_TIMES * clamp((COLD_C - moment.oil_c) * (1.0 / 45.0), 0.0, 1.0)
    dose = (hot + cold) * condition.diluting * moment.rpm * moment.engine_on * (dt_s / 60.0)
    thin = clamp(1.45 - 0.0052 * moment.oil_c, 0.7, 1.5)
    pressure = np.minimum((IDLE_KPA + KPA_PER_RPM * moment.rpm) * thin * condition.pressure_kept, MOST_KPA)
    return OilState(
        used=state.used + dose / build.bears_revs,
        aged=state.aged + dt_s / (DAY_S * build.bears_days),
        pressure_kpa=pressure * moment.engine_on,
    )


def readings(state: OilState, _build: OilBuild, _condition: OilCondition) -> dict[str, Floats]:
    """Its pressure."""
    return {OIL_PRESSURE: state.pressure_kpa}


def left(state: OilState, _build: OilBuild, _condition: OilCondition) -> Floats:
    """What is left of its life, 1 to 0."""
    return np.maximum(0.0, 1.0 - np.maximum(state.used, state.aged))


def left_percent(state: OilState, build: OilBuild, condition: OilCondition) -> Floats:
    """The same as a workshop's test strip or a laboratory says it."""
    return floats(100.0) * left(state, build, condition)


def changed(state: OilState, _build: OilBuild, which: Bools, left: Floats) -> OilState:
    """Other oil in the cars ``which``."""
    used = floats(1.0 - left)
    return replace(state, used=np.where(which, used, state.used), aged=np.where(which, used, state.aged))


_ENGINES = ("petrol", "petrol_turbo", "diesel", "hybrid", "van")
FAULTS = (
    FaultKind(
        name="oil is diluted", component="engine_oil", observability="B", field="diluting", sound=1.0, failed=4.0,
        law="gamma", growth_days=150.0, per_year=0.004, ageing=1.3, powertrains=_ENGINES,
        repair="cause of dilution mended, oil changed",
    ),
    FaultKind(
        name="oil pressure falls", component="engine_oil", observability="B", field="pressure_kept", sound=1.0,
        failed=0.45, law="gamma", growth_days=200.0, per_year=0.002, ageing=2.2, powertrains=_ENGINES,
        repair="oil pump replaced", codes=("P0521",),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="engine oil", component="engine_oil", observability="A", left=left, worn=changed, repair="oil changed",
        powertrains=_ENGINES, renew_below=0.15, interval_days=500.0, interval_km=20_000.0,
        measurement="oil_life_percent", measured=left_percent, error=6.0,
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="oil", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)  # fmt: skip
