"""The engine as a shaft: gears, engine speed, friction, and the heat that the demanded work asks of fuel.

Indicated work = work at the shaft + friction; friction as a mean pressure that is a parabola in engine speed and grows
with cold oil (form after Heywood, Internal Combustion Engine Fundamentals, ch. 13; coefficients of our choice). Gears
are looked up in a table over the speed, taken lower the harder the car accelerates or climbs. In overrun no fuel is
given; the engine then brakes the car, the friction brakes do the rest.

Platform: ``displacement_l``, ``idle_rpm``, ``top_rpm_per_mps``, ``first_to_top``, ``gears``, ``shift_rpm``,
``driveline``, ``friction_kpa``, ``efficiency``, ``power_w``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulators.fleet.arrays import Floats, clamp, floats, full, spread
from simulators.fleet.road import GRAVITY
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import ENGINE_SPEED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

BINS_PER_MPS = 8.0
BINS = 512
GEARS = 16
"""Places in the table of gears."""
EAGER = 0.2
"""How much an acceleration of 1 m/s² lowers the speed that a gear is chosen by, as a part of it."""
COLD_IDLE_RPM_PER_K = 5.5
COLD_BELOW_C = 62.0
COOLING_IDLE_RPM = 70.0
FRICTION_PER_K = 0.0105
WARM_OIL_C = 88.0
CUT_ABOVE_IDLE_RPM = 380.0
CUT_FROM_MPS = 4.5
CLUTCHED_FROM_MPS = 2.2
PUSHED = 0.22
"""Fuel is cut when the wheels push with more than this part of the engine's friction."""
COMPRESSOR_W, STEERING_W = 1900.0, 220.0
ROUGH_RPM = 7.0
LAUNCH_MPS = 6.0

GIVES = (
    "engine_on", "rpm", "input_rpm", "gear", "torque_nm", "friction_w", "fuel_cut", "heat_w", "friction_brake_w",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineBuild:
    """As made; ``gears`` is a table over speed, ``(n, BINS)`` of uint8, ``rpm_per_mps`` one over gears, ``(n, GEARS)``.

    The tables of all cars lie near the processor: both over speed as float32 would be sixteen times as large.
    """

    displacement_l: Floats
    idle_rpm: Floats
    friction: Floats
    efficiency: Floats
    power_w: Floats
    driveline: Floats
    friction_pa: Floats
    gears: npt.NDArray[np.uint8]
    rpm_per_mps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCondition:
    """Friction beyond that of a sound engine, and the efficiency kept (timing, compression)."""

    extra_friction: Floats
    efficiency_kept: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """Engine speed, gear, and the indicated power that fuel must give."""

    rpm: Floats
    gear: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> EngineBuild:
    """Engines of a line differ little."""
    gears, ratio = shift_table(platform)
    return EngineBuild(
        displacement_l=full(n, platform.get("displacement_l", 1.5)),
        idle_rpm=spread(rng, n, platform.get("idle_rpm", 720.0), 0.015),
        friction=spread(rng, n, 1.0, 0.05),
        efficiency=spread(rng, n, platform.get("efficiency", 0.385), 0.018),
        power_w=spread(rng, n, platform.get("power_w", 78_000.0), 0.02),
        driveline=full(n, platform.get("driveline", 0.92)),
        friction_pa=full(n, 1000.0 * platform.get("friction_kpa", 95.0)),
        gears=np.tile(gears, (n, 1)),
        rpm_per_mps=np.tile(ratio, (n, 1)),
    )


def shift_table(platform: Mapping[str, float]) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Gear for each bin of speed, shifted up at ``shift_rpm``, and engine speed per speed of each gear from 0 on.

    Steps are geometric; places of gears that the car has not are 0.
    """
    count = int(platform.get("gears", 5))
    top, spread_of = platform.get("top_rpm_per_mps", 74.0), platform.get("first_to_top", 4.4)
    ratios = top * spread_of ** (1.0 - np.arange(count) / (count - 1))
    speed = np.arange(BINS) / BINS_PER_MPS
    gear = np.zeros(BINS, dtype=np.int64)
    for up in range(count - 1):
        gear += speed * ratios[up] > platform.get("shift_rpm", 2150.0) * (1.0 + 0.03 * up)
    of_gear = np.zeros(GEARS, dtype=np.float32)
    of_gear[1 : count + 1] = ratios
    return (gear + 1).astype(np.uint8), of_gear


def sound(n: int, rng: np.random.Generator) -> EngineCondition:
    """Little friction beyond the new engine's."""
    return EngineCondition(extra_friction=floats(np.abs(rng.normal(0.0, 0.03, n))), efficiency_kept=full(n, 1.0))


def begin(build: EngineBuild, _weather: Weather) -> EngineState:
    """Still."""
    zero = full(len(build.idle_rpm), 0.0)
    return EngineState(rpm=zero, gear=zero)


def park(
    state: EngineState, _build: EngineBuild, _condition: EngineCondition, _parked_s: Floats, _weather: Weather,
    _rng: np.random.Generator,
) -> EngineState:  # fmt: skip
    """Still."""
    zero = np.zeros_like(state.rpm)
    return EngineState(rpm=zero, gear=zero)


def friction_w(rpm: Floats, oil_c: Floats, build: EngineBuild, condition: EngineCondition) -> Floats:
    """Power lost in the engine itself."""
    thousands = rpm * 0.001
    pressure_pa = build.friction_pa + thousands * (11_000.0 + 4_800.0 * thousands)
    stiff = 1.0 + FRICTION_PER_K * clamp(WARM_OIL_C - oil_c, 0.0, 115.0) + condition.extra_friction
    return build.friction * stiff * pressure_pa * build.displacement_l * rpm * (1e-3 / 120.0)


def _turning(moment: Moment, build: EngineBuild, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Idle speed, engine speed and gear."""
    speed = moment.speed_mps
    idle = build.idle_rpm + COLD_IDLE_RPM_PER_K * clamp(COLD_BELOW_C - moment.coolant_c, 0.0, 90.0)
    idle = idle + COOLING_IDLE_RPM * moment.air_conditioning
    hard = clamp(moment.accel_mps2 + GRAVITY * moment.grade, 0.0, 3.0)
    at = np.minimum(speed * BINS_PER_MPS / (1.0 + EAGER * hard), BINS - 1.0).astype(np.int64)
    at += np.arange(0, build.gears.size, BINS)
    gear = build.gears.reshape(-1).take(at)
    ratio = build.rpm_per_mps.reshape(-1).take(np.arange(0, build.rpm_per_mps.size, GEARS) + gear)
    launching = 260.0 * clamp(moment.accel_mps2, 0.0, 2.5) * (speed < LAUNCH_MPS)
    rough = ROUGH_RPM * rng.standard_normal(len(speed), dtype=np.float32)
    return idle, np.maximum(speed * ratio, idle + launching + rough), gear.astype(np.float32)


def step(
    _state: EngineState, moment: Moment, build: EngineBuild, condition: EngineCondition, _dt_s: float,
    rng: np.random.Generator,
) -> EngineState:  # fmt: skip
    """Turns what the wheels ask into the heat that fuel must give."""
    idle, rpm, gear = _turning(moment, build, rng)
    lost = friction_w(rpm, moment.oil_c, build, condition)
    wheel = moment.wheel_power_w
    cut = (wheel < -PUSHED * lost) & (rpm > idle + CUT_ABOVE_IDLE_RPM) & (moment.speed_mps > CUT_FROM_MPS)
    given = 1.0 - cut.astype(np.float32)
    shaft = np.minimum(np.maximum(wheel, 0.0) / build.driveline, build.power_w)
    shaft = shaft + moment.accessories_w + COMPRESSOR_W * moment.air_conditioning + STEERING_W
    indicated = (shaft + lost) * given
    moment.engine_on = np.ones_like(rpm)
    moment.rpm, moment.input_rpm, moment.gear = rpm, rpm, gear
    moment.friction_w, moment.fuel_cut = lost, 1.0 - given
    moment.torque_nm = shaft * given * 9.549 / rpm
    moment.heat_w = indicated / (build.efficiency * condition.efficiency_kept)
    clutched = moment.speed_mps > CLUTCHED_FROM_MPS
    moment.friction_brake_w = np.maximum(0.0, -wheel * build.driveline - lost * clutched)
    return EngineState(rpm=rpm, gear=gear)


def readings(state: EngineState, _build: EngineBuild, _condition: EngineCondition) -> dict[str, Floats]:
    """What the control unit tells of the shaft."""
    return {ENGINE_SPEED: state.rpm}


def tell(state: EngineState) -> dict[str, Floats]:
    """A standing engine."""
    return {"rpm": state.rpm, "engine_on": np.zeros_like(state.rpm)}


SUBSYSTEM = Subsystem(
    name="engine", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, tell=tell
)  # fmt: skip
