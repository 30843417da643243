"""The motor of an electric car: traction, taking back, and what else draws on the traction battery.

Taking back fades out below walking pace and ends where motor or battery can take no more; the friction brakes do the
rest, and a little of every braking, as blending does. A motor gives less where its battery is too hot; the trace's
speed is kept all the same, as if the way were less steep (our simplification, for passes that few reach). Reads of the
platform ``motor_w``, ``regen_w``, ``motor_efficiency``, ``regen_share`` (part of the slowing that is taken back at
most), ``heat_pump`` (1: a third of the power for the same warmth), ``motor_rpm_per_mps``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, full, spread
from simulators.fleet.subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

FADES_FROM_MPS, FADES_BELOW_MPS = 1.5, 4.0
LIGHT_LOAD_W = 900.0
"""Lost in motor, gears and inverter however little they do."""
HEATER_W, COOLER_W = 4_200.0, 1_500.0
HEAT_PUMP_GAIN = 2.4
BASE_W = 240.0
"""Of the 12 V system, through the converter."""
COMFORT_C = 21.0

GIVES = ("wheel_power_w", "motor_w", "regen_w", "friction_brake_w", "accessories_w", "motor_rpm", "electrical_load_w")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveBuild:
    """``(n,)``: efficiency of motor and inverter, most power driving and taking back, power of the heater."""

    efficiency: Floats
    motor_w: Floats
    regen_w: Floats
    regen_share: Floats
    heater_w: Floats
    rpm_per_mps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveCondition:
    """``lost_w`` beyond a sound drive's."""

    lost_w: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveState:
    """Electrical power of the last second."""

    power_w: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> DriveBuild:
    """Drives of ``n`` cars of a platform."""
    gain = HEAT_PUMP_GAIN if platform.get("heat_pump", 0.0) else 1.0
    return DriveBuild(
        efficiency=spread(rng, n, platform.get("motor_efficiency", 0.91), 0.01),
        motor_w=full(n, platform.get("motor_w", 110_000.0)),
        regen_w=full(n, platform.get("regen_w", 60_000.0)),
        regen_share=spread(rng, n, platform.get("regen_share", 0.9), 0.03),
        heater_w=full(n, HEATER_W / gain),
        rpm_per_mps=full(n, platform.get("motor_rpm_per_mps", 290.0)),
    )


def sound(n: int, rng: np.random.Generator) -> DriveCondition:
    """Bearings run in differently."""
    return DriveCondition(lost_w=spread(rng, n, 60.0, 0.4))


def begin(build: DriveBuild, weather: Weather) -> DriveState:
    """At rest."""
    del weather
    return DriveState(power_w=np.zeros_like(build.efficiency))


def park(
    state: DriveState, build: DriveBuild, condition: DriveCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> DriveState:  # fmt: skip
    """At rest."""
    del build, condition, parked_s, weather, rng
    return DriveState(power_w=np.zeros_like(state.power_w))


def step(
    state: DriveState, moment: Moment, build: DriveBuild, condition: DriveCondition, dt_s: float,
    rng: np.random.Generator,
) -> DriveState:  # fmt: skip
    """Splits what the wheels ask between motor and friction brakes."""
    del state, dt_s, rng
    wheel_w = moment.wheel_power_w
    pulls_w = np.minimum(np.maximum(wheel_w, np.float32(0.0)), build.motor_w * (1.0 - moment.held_back))
    slows_w = np.maximum(-wheel_w, np.float32(0.0))
    moment.wheel_power_w = pulls_w - slows_w
    regen_w = taken_back(slows_w, moment, build)
    moves = moment.speed_mps > np.float32(0.3)
    lost_w = (condition.lost_w + np.float32(LIGHT_LOAD_W)) * moves * np.minimum(moment.speed_mps * 0.05, 1.0)
    moment.regen_w = regen_w
    moment.friction_brake_w = slows_w - regen_w
    moment.motor_w = pulls_w / build.efficiency - regen_w * build.efficiency + lost_w
    moment.accessories_w = comfort_w(moment, build) + moment.consumers_w + np.float32(BASE_W)
    moment.electrical_load_w = moment.consumers_w + np.float32(BASE_W)
    moment.motor_rpm = moment.speed_mps * build.rpm_per_mps
    return DriveState(power_w=moment.motor_w)


def taken_back(slows_w: Floats, moment: Moment, build: DriveBuild) -> Floats:
    """Power at the wheels that the motor takes back of the slowing."""
    fades = (moment.speed_mps - np.float32(FADES_FROM_MPS)) * np.float32(1.0 / (FADES_BELOW_MPS - FADES_FROM_MPS))
    share = np.minimum(np.maximum(fades, np.float32(0.0)), np.float32(1.0)) * build.regen_share
    most_w = np.minimum(build.regen_w, moment.charge_limit_w / build.efficiency)
    taken: Floats = np.minimum(slows_w * share, most_w)
    return taken


def comfort_w(moment: Moment, build: DriveBuild) -> Floats:
    """Power of heating and cooling the cabin, most at the beginning of a drive."""
    settling = np.float32(0.45) + np.float32(0.55) * np.exp(moment.run_s * np.float32(-1.0 / 420.0))
    warms = moment.heater * build.heater_w
    cools = moment.air_conditioning * np.float32(COOLER_W)
    power: Floats = (warms + cools) * settling * (moment.charger_w <= 0.0)
    return power


def readings(state: DriveState, build: DriveBuild, condition: DriveCondition) -> dict[str, Floats]:
    """Nothing that the battery does not show."""
    del state, build, condition
    return {}


SUBSYSTEM: Subsystem[DriveBuild, DriveCondition, DriveState] = Subsystem(
    name="electric_drive", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)

FAULTS = ()
WEAR = ()
