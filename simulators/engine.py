"""Gearbox, engine speed, the power asked of the engine, and the fuel and air that it takes for it.

Road load: F = m a + m g (c_rr + slope) + rho/2 c_d A v². Friction of the engine: mean effective pressure as a parabola
in engine speed, more when the oil is cold (form after Heywood, Internal Combustion Engine Fundamentals, ch. 13;
coefficients of our choice). Fuel by a Willans line: (brake work + friction) / indicated efficiency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.parameters import bounded

if TYPE_CHECKING:
    from simulators.parameters import FloatArray, Parameters

GRAVITY_MPS2 = 9.81
AIR_KG_M3 = 1.19
ROTATING_MASS = 1.045
DRIVELINE_EFFICIENCY = 0.91
FUEL_J_PER_G = 42_800.0
STOICHIOMETRIC = 14.6
PETROL_G_PER_L = 745.0
AIR_J_PER_KG_K = 287.05
VOLUMETRIC_EFFICIENCY = 0.86
FULL_LOAD_LAMBDA = 0.9

_GEARS_TO_TOP = np.array([4.35, 2.42, 1.62, 1.22, 1.0])
_SHIFT_UP_MPS = np.array([4.2, 8.6, 13.1, 17.8])
_OVERRUN_FROM_MPS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the road and the driver ask: arrays ``(n_vehicles,)``, or ``(n_seconds, n_vehicles)`` for a whole trip."""

    speed_mps: FloatArray
    wheel_w: FloatArray
    """Power for the wheels, negative when slowing down."""
    driven_rpm: FloatArray
    """Engine speed by the gearbox; below idle the clutch slips."""


def demand(speed_mps: FloatArray, acceleration_mps2: FloatArray, slope: FloatArray, cars: Parameters) -> Demand:
    """What driving at this speed, acceleration and slope (as a fraction) asks of the engine and the brakes."""
    force = (
        cars.mass_kg * (ROTATING_MASS * acceleration_mps2 + GRAVITY_MPS2 * (cars.rolling * (speed_mps > 0) + slope))
        + AIR_KG_M3 / 2 * cars.drag_area_m2 * speed_mps**2
    )
    eager = 1.0 + 0.22 * bounded(acceleration_mps2, 0.0, 2.5)
    gear = np.searchsorted(_SHIFT_UP_MPS, speed_mps / eager)
    return Demand(
        speed_mps=speed_mps,
        wheel_w=force * speed_mps,
        driven_rpm=speed_mps * cars.rpm_per_mps * _GEARS_TO_TOP[gear],
    )


def idle_rpm(coolant_c: FloatArray, cars: Parameters) -> FloatArray:
    """Idle speed: raised while the engine is cold (our choice: 5 1/min per kelvin below 65 °C)."""
    return cars.idle_rpm + 5.0 * bounded(65.0 - coolant_c, 0.0, 90.0)


def friction_w(rpm: FloatArray, oil_c: FloatArray, cars: Parameters) -> FloatArray:
    """Power lost in the engine itself."""
    thousands = rpm / 1000.0
    pressure_pa = (92_000.0 + 14_000.0 * thousands + 4_500.0 * thousands**2) * (
        1.0 + 0.011 * bounded(85.0 - oil_c, 0.0, 110.0)
    )
    return pressure_pa * cars.displacement_m3 * rpm / 120.0


def in_overrun(asked: Demand, friction: FloatArray, rpm: FloatArray, idle: FloatArray) -> FloatArray:
    """1 where the car pushes the engine and no fuel is given, else 0."""
    pushed = asked.wheel_w < -0.25 * friction
    return (pushed & (rpm > idle + 350.0) & (asked.speed_mps > _OVERRUN_FROM_MPS)).astype(float)


def fuel_gps(asked: Demand, accessories_w: FloatArray, friction: FloatArray, cars: Parameters) -> FloatArray:
    """Fuel in g/s for what is asked, outside overrun; never more than the engine can breathe for."""
    shaft_w = np.maximum(0.0, asked.wheel_w) / DRIVELINE_EFFICIENCY + accessories_w
    return (shaft_w + friction) / (cars.indicated_efficiency * FUEL_J_PER_G)


def full_load_air_gps(rpm: FloatArray, intake_c: FloatArray, baro_kpa: FloatArray, cars: Parameters) -> FloatArray:
    """Air in g/s that the engine takes in with the throttle wide open."""
    density = baro_kpa * 1000.0 / (AIR_J_PER_KG_K * (intake_c + 273.15))
    return VOLUMETRIC_EFFICIENCY * density * cars.displacement_m3 * rpm / 120.0 * 1000.0


def manifold_kpa(air_gps: FloatArray, full_air_gps: FloatArray, baro_kpa: FloatArray) -> FloatArray:
    """Absolute manifold pressure by speed-density, on top of what residual gas adds (our choice: 7 kPa)."""
    return np.minimum(baro_kpa - 0.4, 7.0 + (baro_kpa - 7.0) * air_gps / np.maximum(1e-3, full_air_gps))


def braking_w(asked: Demand, friction: FloatArray) -> FloatArray:
    """Power that the friction brakes turn to heat: what slows the car beyond the drag of the engine in gear."""
    return np.maximum(0.0, -asked.wheel_w - friction * (asked.speed_mps > _OVERRUN_FROM_MPS / 2))
