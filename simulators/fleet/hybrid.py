"""The powertrain of a full hybrid with a power split: when the engine runs, at what power, and the motors' part.

The engine runs when more is asked than the motors should give alone, which a hot battery makes less, when the car is
fast, when the battery is low, and until it is warm; it gives what the wheels ask and what brings the battery back to
its target, at a speed of its own that rises with the power. The motors give or take the rest. The engine itself, with
its friction and efficiency, is that of the combustion cars. Thresholds are our choice.

Reads of the platform what the engine and the electric drive read, and ``electric_w`` (most that the motors give alone),
``electric_mps`` (speed up to which they may), ``target_charge``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import electric_drive, engine
from simulators.fleet.arrays import Floats, clamp, full, when
from simulators.fleet.engine import EngineBuild, EngineCondition, EngineState
from simulators.fleet.subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.electric_drive import DriveBuild
    from simulators.fleet.moment import Moment, Weather

HYBRID = {
    "displacement_l": 1.8, "power_w": 72_000.0, "efficiency": 0.4, "idle_rpm": 960.0, "motor_w": 60_000.0,
    "regen_w": 28_000.0, "regen_share": 0.8,
}  # fmt: skip
"""Where the platform says nothing."""
WARM_C, WARM_HEATING_C = 42.0, 58.0
LOW_CHARGE, RELIEVED = 0.42, 0.06
"""Charge below which the engine runs in any case, and how far above it may stop."""
RESTORES_W = 60_000.0
"""Power towards the target for a whole charge that lacks."""
LEAST_W = 4_500.0
RATHER_FULL = 0.72
"""Charge above which an engine that only warms up gives hardly any power."""
STOPS_BELOW = 0.45
"""Part of the starting threshold below which a running engine stops."""
RUNS_S = 8.0
RPM_AT_LEAST, RPM_PER_W = 1_020.0, 0.052
RPM_LAG_S = 0.9
STILL_RPM = 1.0
"""Speed that a still engine is reckoned with, so that nothing divides by nothing."""
SPLIT_EFFICIENCY = 0.93

GIVES = (*electric_drive.GIVES, "engine_on", "rpm", "input_rpm", "torque_nm", "friction_w", "fuel_cut", "heat_w")


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridBuild:
    """The engine, the motors, and ``(n,)``: most power and speed on the motors alone, and the charge to be held."""

    engine: EngineBuild
    drive: DriveBuild
    electric_w: Floats
    electric_mps: Floats
    target_charge: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridState:
    """``(n,)``: ``rpm`` 0 while the engine stands; ``runs_s`` since it was started."""

    rpm: Floats
    on: Floats
    runs_s: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> HybridBuild:
    """Hybrids of a platform."""
    whole = {**HYBRID, **platform}
    return HybridBuild(
        engine=engine.build(whole, n, rng),
        drive=electric_drive.build(whole, n, rng),
        electric_w=full(n, whole.get("electric_w", 11_000.0)),
        electric_mps=full(n, whole.get("electric_mps", 19.5)),
        target_charge=full(n, whole.get("target_charge", 0.56)),
    )


def begin(build: HybridBuild, _weather: Weather) -> HybridState:
    """Still."""
    zero = np.zeros_like(build.electric_w)
    return HybridState(rpm=zero, on=zero, runs_s=zero)


def park(
    state: HybridState, _build: HybridBuild, _condition: EngineCondition, _parked_s: Floats, _weather: Weather,
    _rng: np.random.Generator,
) -> HybridState:  # fmt: skip
    """Still."""
    zero = np.zeros_like(state.rpm)
    return HybridState(rpm=zero, on=zero, runs_s=zero)


def step(
    state: HybridState, moment: Moment, build: HybridBuild, condition: EngineCondition, dt_s: float,
    _rng: np.random.Generator,
) -> HybridState:  # fmt: skip
    """A second of both."""
    wheel_w = moment.wheel_power_w
    regen_w = electric_drive.taken_back(np.maximum(-wheel_w, np.float32(0.0)), moment, build.drive)
    comfort_w = electric_drive.comfort_w(moment, build.drive) * (1.0 - moment.heater)
    moment.accessories_w = comfort_w + moment.consumers_w + np.float32(electric_drive.BASE_W)
    moment.electrical_load_w = moment.consumers_w + np.float32(electric_drive.BASE_W)
    asked_w = np.maximum(wheel_w, np.float32(0.0)) / build.engine.driveline
    on = _runs(state, moment, build, asked_w)
    shaft_w = _shaft_w(moment, build, asked_w) * on
    rpm = _rpm(state, shaft_w, on, dt_s)
    lost_w = engine.friction_w(np.maximum(rpm, STILL_RPM), moment.oil_c, build.engine, condition) * on
    moment.engine_on, moment.fuel_cut = on, 1.0 - on
    moment.rpm = np.maximum(rpm, np.float32(STILL_RPM))
    moment.input_rpm, moment.gear = moment.rpm, np.zeros_like(rpm)
    moment.friction_w, moment.torque_nm = lost_w, shaft_w * 9.549 / moment.rpm
    moment.heat_w = (shaft_w + lost_w) / (build.engine.efficiency * condition.efficiency_kept)
    moment.regen_w, moment.friction_brake_w = regen_w, np.maximum(-wheel_w, np.float32(0.0)) - regen_w
    efficiency = build.drive.efficiency
    adds_w = np.minimum(asked_w - shaft_w * SPLIT_EFFICIENCY, build.drive.motor_w * (1.0 - moment.held_back))
    given_w = (adds_w + shaft_w * SPLIT_EFFICIENCY) * build.engine.driveline
    moment.wheel_power_w = np.where(wheel_w > 0.0, np.minimum(wheel_w, given_w), wheel_w)
    moment.motor_w = adds_w / SPLIT_EFFICIENCY - regen_w * efficiency
    moment.motor_rpm = moment.speed_mps * build.drive.rpm_per_mps
    return HybridState(rpm=rpm * on, on=on, runs_s=(state.runs_s + np.float32(dt_s)) * on)


def _runs(state: HybridState, moment: Moment, build: HybridBuild, asked_w: Floats) -> Floats:
    """Whether the engine runs now."""
    charge = moment.traction_charge
    starts_w = np.maximum(build.electric_w * (1.0 + 2.5 * (charge - build.target_charge)), np.float32(2_000.0))
    bound_w = starts_w * (1.0 - moment.held_back) * (1.0 - (1.0 - STOPS_BELOW) * state.on)
    warm_c = WARM_C + (WARM_HEATING_C - WARM_C) * moment.heater + 4.0 * state.on
    low = charge < LOW_CHARGE + RELIEVED * state.on
    wants = (asked_w > bound_w) | (moment.speed_mps > build.electric_mps) | low | (moment.coolant_c < warm_c)
    braking = (moment.wheel_power_w < -2_000.0) & ~low  # noqa: PLR2004 - W
    stays = (state.on > 0) & (state.runs_s < RUNS_S)
    return when((wants & ~braking) | stays, 1.0)


def _shaft_w(moment: Moment, build: HybridBuild, asked_w: Floats) -> Floats:
    """Power that a running engine is asked for: the wheels' and the battery's."""
    lacking = clamp(build.target_charge - moment.traction_charge, -0.15, 0.15)
    restores = np.minimum(RESTORES_W * lacking + 1_500.0, moment.charge_limit_w)
    least_w = LEAST_W * clamp((RATHER_FULL - moment.traction_charge) * 10.0, 0.1, 1.0)
    return clamp(asked_w + moment.accessories_w + restores, least_w, build.engine.power_w)


def _rpm(state: HybridState, shaft_w: Floats, on: Floats, dt_s: float) -> Floats:
    target = np.minimum(RPM_AT_LEAST + RPM_PER_W * np.maximum(shaft_w - LEAST_W, 0.0), 5_000.0)
    from_rpm = np.maximum(state.rpm, np.float32(RPM_AT_LEAST) * on)
    rpm: Floats = from_rpm + (target * on - from_rpm) * np.float32(dt_s / (RPM_LAG_S + dt_s))
    return rpm


def readings(state: HybridState, _build: HybridBuild, _condition: EngineCondition) -> dict[str, Floats]:
    """Engine speed, 0 while it stands."""
    return engine.readings(EngineState(rpm=state.rpm, gear=state.on), _build.engine, _condition)


def tell(state: HybridState) -> dict[str, Floats]:
    """A standing engine."""
    return {"rpm": state.rpm + np.float32(STILL_RPM), "engine_on": np.zeros_like(state.rpm)}


SUBSYSTEM: Subsystem[HybridBuild, EngineCondition, HybridState] = Subsystem(
    name="hybrid", build=build, sound=engine.sound, begin=begin, park=park, step=step, readings=readings, tell=tell
)

FAULTS = ()
WEAR = ()
