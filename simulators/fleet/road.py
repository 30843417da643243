"""Road load: what the trace of speed asks at the wheels, and what the car tells of road and air.

Force = m (k a + g (c_rr + slope)) + rho/2 c_d A v²; k for turning masses. A trailer adds mass, drag and rolling.

Platform: ``mass_kg`` (empty, with driver), ``drag_area_m2``, ``rolling``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulators.fleet.arrays import floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import (
    AMBIENT_AIR_TEMPERATURE,
    BAROMETRIC_PRESSURE,
    HUMIDITY,
    LATERAL_ACCELERATION,
    ODOMETER,
    RUN_TIME,
    SPEED,
    YAW_RATE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.arrays import Floats
    from simulators.fleet.moment import Moment, Weather

GRAVITY = 9.81
TURNING = 1.04
AIR_J_PER_KG_K = 287.05
KELVIN = 273.15
TRAILER_DRAG_M2 = 1.1
AMBIENT_SENSOR_S = 90.0
"""Lag of the ambient sensor in the bumper."""
ENGINE_HEAT_ON_SENSOR = 0.06
"""Part of the heat under the bonnet that the sensor sees at rest (our choice)."""
STANDING_SENSOR_S = 2400.0

GIVES = ("mass_kg", "wheel_power_w")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadBuild:
    """As made."""

    mass_kg: Floats
    drag_area_m2: Floats
    rolling: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadCondition:
    """Faults of the sensor of the outside air, and drag of dragging brakes, roof boxes and the like."""

    ambient_offset_c: Floats
    ambient_follows: Floats
    """1 as it should, 0 the sensor's value stays where it was."""
    extra_rolling: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadState:
    """Odometer in km (float64: it grows by metres), and what the last second was like."""

    odometer_km: npt.NDArray[np.float64]
    speed_mps: Floats
    lateral_mps2: Floats
    yaw_rps: Floats
    run_s: Floats
    ambient_sensor_c: Floats
    baro_kpa: Floats
    humidity: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> RoadBuild:
    """Equipment makes the mass differ, tyres the rolling."""
    return RoadBuild(
        mass_kg=spread(rng, n, platform.get("mass_kg", 1320.0), 0.035),
        drag_area_m2=spread(rng, n, platform.get("drag_area_m2", 0.66), 0.025),
        rolling=spread(rng, n, platform.get("rolling", 0.0105), 0.07),
    )


def sound(n: int, rng: np.random.Generator) -> RoadCondition:
    """Sensors within a kelvin."""
    return RoadCondition(
        ambient_offset_c=scatter(rng, n, 0.0, 0.5),
        ambient_follows=full(n, 1.0),
        extra_rolling=spread(rng, n, 0.0005, 0.6),
    )


def begin(build: RoadBuild, weather: Weather) -> RoadState:
    """A car that has not been driven."""
    zero = full(len(build.mass_kg), 0.0)
    return RoadState(
        odometer_km=np.zeros(len(zero)),
        speed_mps=zero,
        lateral_mps2=zero,
        yaw_rps=zero,
        run_s=zero,
        ambient_sensor_c=weather.ambient_c,
        baro_kpa=weather.baro_kpa,
        humidity=weather.humidity,
    )


def park(
    state: RoadState, _build: RoadBuild, condition: RoadCondition, parked_s: Floats, weather: Weather,
    _rng: np.random.Generator,
) -> RoadState:  # fmt: skip
    """The sensor comes to the temperature of the air."""
    zero = np.zeros_like(parked_s)
    near = (1.0 - np.exp(-parked_s / STANDING_SENSOR_S)) * condition.ambient_follows
    return replace(
        state,
        speed_mps=zero,
        lateral_mps2=zero,
        yaw_rps=zero,
        run_s=zero,
        ambient_sensor_c=state.ambient_sensor_c + near * (weather.ambient_c - state.ambient_sensor_c),
        baro_kpa=weather.baro_kpa,
        humidity=weather.humidity,
    )


def step(
    state: RoadState, moment: Moment, build: RoadBuild, condition: RoadCondition, dt_s: float,
    _rng: np.random.Generator,
) -> RoadState:  # fmt: skip
    """Asks the wheels for the power that the trace needs."""
    speed = moment.speed_mps
    moment.mass_kg = build.mass_kg + moment.payload_kg
    density = moment.baro_kpa * (1000.0 / AIR_J_PER_KG_K) / (moment.ambient_c + KELVIN)
    area = build.drag_area_m2 + when(moment.tow_kg > 0, TRAILER_DRAG_M2)
    rolling = build.rolling + condition.extra_rolling + 0.0012 * moment.wet
    force = moment.mass_kg * (TURNING * moment.accel_mps2 + GRAVITY * (rolling + moment.grade))
    moment.wheel_power_w = speed * (force + 0.5 * density * area * speed * speed)
    seen = moment.ambient_c + ENGINE_HEAT_ON_SENSOR * (moment.bonnet_c - moment.ambient_c) / (1.0 + 0.3 * speed)
    near = (dt_s / (AMBIENT_SENSOR_S + dt_s)) * condition.ambient_follows
    return RoadState(
        odometer_km=state.odometer_km + speed * (dt_s / 1000.0),
        speed_mps=speed,
        lateral_mps2=moment.lateral_mps2,
        yaw_rps=moment.yaw_rps,
        run_s=moment.run_s,
        ambient_sensor_c=state.ambient_sensor_c + near * (seen - state.ambient_sensor_c),
        baro_kpa=moment.baro_kpa,
        humidity=moment.humidity,
    )


def readings(state: RoadState, _build: RoadBuild, condition: RoadCondition) -> dict[str, Floats]:
    """What dashboard, control unit and motion sensors know."""
    return {
        SPEED: state.speed_mps * np.float32(3.6),
        ODOMETER: floats(state.odometer_km * 1000.0),
        RUN_TIME: state.run_s,
        AMBIENT_AIR_TEMPERATURE: state.ambient_sensor_c + condition.ambient_offset_c,
        BAROMETRIC_PRESSURE: state.baro_kpa,
        HUMIDITY: state.humidity * np.float32(100.0),
        LATERAL_ACCELERATION: state.lateral_mps2,
        YAW_RATE: state.yaw_rps * np.float32(180.0 / np.pi),
    }


FAULTS = (
    FaultKind(
        name="ambient sensor drifts", component="sensors", observability="A", field="ambient_offset_c", sound=0.0,
        failed=14.0, law="wiener", growth_days=120.0, per_year=0.003, repair="outside temperature sensor replaced",
        codes=("P0071",),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="road", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)  # fmt: skip
