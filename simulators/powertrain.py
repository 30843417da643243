"""From speed to engine speed, power, fuel and air: longitudinal dynamics and a mean-value engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulators.parameters import Floats, Parameters

GRAVITY = 9.81
AIR_DENSITY = 1.18
GAS_CONSTANT = 287.0
FUEL_J_PER_G = 43_000.0
AIR_FUEL = 14.6
INDICATED_EFFICIENCY = 0.37
DRIVELINE_EFFICIENCY = 0.91
SHIFT_UP_MPS = np.array([4.2, 8.3, 13.0, 18.5])
RPM_PER_MPS = np.array([258.0, 142.0, 98.0, 72.0, 57.0])
OVERRUN_RPM = 1250.0
COLD_IDLE_RPM = 420.0


@dataclass(frozen=True, slots=True)
class Power:
    """What engine and brakes do, each of shape ``(n,)``; ``brake_w`` is what the friction brakes take up."""

    engine_rpm: Floats
    fuel_g_s: Floats
    air_g_s: Floats
    map_kpa: Floats
    load_percent: Floats
    throttle_percent: Floats
    heat_w: Floats
    brake_w: Floats
    overrun: Floats


def power(
    speed_mps: Floats, acceleration_mps2: Floats, coolant_c: Floats, intake_c: Floats, baro_kpa: float, p: Parameters
) -> Power:
    """The working point at a speed and acceleration.

    Road load and gearbox are standard longitudinal dynamics; air follows from fuel at stoichiometry, manifold pressure
    from air by speed-density (Heywood, Internal Combustion Engine Fundamentals, ch. 6).
    """
    gear = np.searchsorted(SHIFT_UP_MPS, speed_mps)
    cold = np.clip((60.0 - coolant_c) / 60.0, 0.0, 1.0)
    idle = p.idle_rpm + COLD_IDLE_RPM * cold
    rpm = np.maximum(idle, speed_mps * RPM_PER_MPS[gear])
    drag = 0.5 * AIR_DENSITY * p.drag_area_m2 * speed_mps**2
    force = p.mass_kg * (1.04 * acceleration_mps2 + GRAVITY * p.rolling * (speed_mps > 0.0)) + drag
    wheel_w = force * speed_mps
    friction_w = p.friction_w_per_rpm * rpm * (1.0 + 0.5 * cold)
    overrun = (wheel_w < 0.0) & (rpm > OVERRUN_RPM)
    brake_w = np.maximum(0.0, -wheel_w - friction_w * (speed_mps > 0.0))
    shaft_w = np.maximum(wheel_w, 0.0) / DRIVELINE_EFFICIENCY + 650.0
    fuel_g_s = np.where(overrun, 0.0, (shaft_w + friction_w) / (INDICATED_EFFICIENCY * FUEL_J_PER_G))
    fuel_g_s = fuel_g_s * (1.0 + 0.25 * cold)
    air_g_s = np.maximum(fuel_g_s * AIR_FUEL, 0.9)
    swept = p.volumetric_efficiency * p.displacement_m3 * rpm / 120.0
    map_kpa = np.clip(air_g_s * GAS_CONSTANT * (intake_c + 273.15) / swept / 1e6, 18.0, baro_kpa)
    load = 100.0 * map_kpa / baro_kpa
    throttle = np.clip(12.5 + 0.30 * np.maximum(load - 22.0, 0.0) * rpm / 1800.0, 12.5, 85.0)
    heat = INDICATED_HEAT * fuel_g_s * FUEL_J_PER_G
    return Power(rpm, fuel_g_s, air_g_s, map_kpa, load, throttle, heat, brake_w, overrun.astype(float))


INDICATED_HEAT = 0.34
"""Share of the fuel's energy that goes into block and coolant; a third is usual (Heywood, ch. 12), less at times."""
