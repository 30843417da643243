"""Misfires: firings that fail, cylinder by cylinder, and the counts that the control unit keeps of them.

A healthy cylinder fails once in some hundred thousand firings, more often cold. Failed firings send unburnt fuel to the
catalyst and oxygen past the sensor. Counts follow Poisson's law around share times firings; what the monitor keeps is
the average over ten trips (SAE J1979 test 0B: 0.1 of this trip and 0.9 of what was).

Platform: ``cylinders``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import MISFIRES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

CYLINDERS = 4
HEALTHY_SHARE = 6e-6
COLD_TIMES = 5.0
HARD_TIMES = 1.2
KEEPS = 0.9

GIVES = ("misfire_share",)


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnitionBuild:
    """Cylinders, the same for all."""

    cylinders: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnitionCondition:
    """Share of firings that fail, ``(n, 4)``."""

    failing: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnitionState:
    """Firings of a cylinder on this trip, weighted by how hard they are; counts of this trip and their average."""

    firings: Floats
    counts: Floats
    average: Floats


def build(platform: Mapping[str, float], n: int, _rng: np.random.Generator) -> IgnitionBuild:
    """All alike."""
    return IgnitionBuild(cylinders=full(n, platform.get("cylinders", 4.0)))


def sound(n: int, rng: np.random.Generator) -> IgnitionCondition:
    """Rare misfires, differing from cylinder to cylinder."""
    return IgnitionCondition(failing=floats(HEALTHY_SHARE * rng.lognormal(0.0, 0.7, (n, CYLINDERS))))


def begin(build: IgnitionBuild, _weather: Weather) -> IgnitionState:
    """Nothing counted."""
    n = len(build.cylinders)
    none = np.zeros((n, CYLINDERS), dtype=np.float32)
    return IgnitionState(firings=full(n, 0.0), counts=none, average=none)


def park(
    state: IgnitionState, _build: IgnitionBuild, _condition: IgnitionCondition, _parked_s: Floats, _weather: Weather,
    _rng: np.random.Generator,
) -> IgnitionState:  # fmt: skip
    """A new trip counts from zero."""
    return replace(state, firings=np.zeros_like(state.firings))


def step(
    state: IgnitionState, moment: Moment, _build: IgnitionBuild, condition: IgnitionCondition, dt_s: float,
    _rng: np.random.Generator,
) -> IgnitionState:  # fmt: skip
    """Counts firings; cold and load make each likelier to fail."""
    cold = clamp((50.0 - moment.coolant_c) * (1.0 / 50.0), 0.0, 1.2)
    hard = 1.0 + COLD_TIMES * cold + HARD_TIMES * moment.load
    burning = moment.engine_on * (1.0 - moment.fuel_cut)
    moment.misfire_share = _mean(condition.failing) * hard * burning
    return replace(state, firings=state.firings + moment.rpm * hard * burning * (dt_s / 120.0))


def _mean(cylinders: Floats) -> Floats:
    """Of all cylinders of each car: sums of columns are six times as quick as a sum along rows so short."""
    first, second, third, fourth = cylinders.T
    mean: Floats = (first + second + third + fourth) / np.float32(CYLINDERS)
    return mean


def after(
    state: IgnitionState, build: IgnitionBuild, condition: IgnitionCondition, rng: np.random.Generator
) -> IgnitionState:
    """The trip's counts, and their average over trips."""
    fires = np.arange(CYLINDERS) < build.cylinders[:, None]
    counts = floats(rng.poisson(np.minimum(condition.failing, 0.5) * state.firings[:, None]) * fires)
    return replace(state, counts=counts, average=KEEPS * state.average + (1.0 - KEEPS) * counts)


def readings(state: IgnitionState, _build: IgnitionBuild, _condition: IgnitionCondition) -> dict[str, Floats]:
    """Averages as the monitor keeps them."""
    return {path: state.average[:, at] for at, path in enumerate(MISFIRES)}


FAULTS = (
    FaultKind(
        name="ignition coil fails", component="misfire", observability="A", field="failing", sound=HEALTHY_SHARE,
        failed=0.02, law="gamma", growth_days=60.0, per_year=0.012, ageing=1.6, repair="ignition coil replaced",
        powertrains=("petrol", "petrol_turbo", "hybrid"), codes=("P0301", "P0302", "P0303", "P0304"),
    ),
    FaultKind(
        name="spark plugs worn", component="misfire", observability="A", field="failing", sound=HEALTHY_SHARE,
        failed=0.012, law="gamma", growth_days=200.0, per_year=0.006, ageing=1.8, everywhere=True,
        repair="spark plugs replaced", powertrains=("petrol", "petrol_turbo", "hybrid"), codes=("P0300",),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="ignition", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, after=after
)  # fmt: skip
