"""Oil pressure of the hot engine: at idle, where pump and bearings decide, and at speed, where the relief valve does.

What thins the oil or wears bearings and pump lowers the pressure at idle first. Pressure below the relief valve goes
with engine speed and viscosity, so the logarithm is taken, to 800 rpm and to 90 degC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

HOT_MS = 600_000
"""Engine time after which oil is hot (our choice: it lags the coolant by minutes)."""
HOT_C = 75.0
IDLE_RPM, CRUISE_RPM = 1000.0, (1500.0, 3000.0)
"""An idle is below the first; at speed is between the others (our choice)."""
NOMINAL_RPM, NOMINAL_C = 800.0, 90.0
THINNING_PER_K = 0.02
"""Fall of the logarithm of viscosity a kelvin near 90 degC, of usual grades (our choice)."""
LOW_KPA, LOW_RPM = 40.0, 600.0
"""Below so much at an engine that runs, bearings run dry (our choice, near the 20 to 50 kPa of pressure switches)."""
PRIMED_MS = 20_000
"""After a start the oil needs seconds to get everywhere (our choice, with room for slow polls)."""
MIN_READINGS = 10
"""Readings that make a mean (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Logarithms where they count, and time without pressure."""
    pressure, rpm = view.value(s.OIL_PRESSURE), view.held(s.ENGINE_SPEED)
    fresh = view.fresh(s.OIL_PRESSURE) & view.running
    coolant = view.known(s.COOLANT_TEMPERATURE)
    hot = fresh & (view.elapsed_ms >= HOT_MS) & ~(coolant < HOT_C) & (pressure > 0.0)
    oil = np.nan_to_num(view.known(s.OIL_TEMPERATURE), nan=NOMINAL_C)
    level = np.log(np.where(hot, pressure, 1.0)) + THINNING_PER_K * (oil - NOMINAL_C)
    idle = hot & (rpm < IDLE_RPM)
    cruise = hot & (rpm >= CRUISE_RPM[0]) & (rpm <= CRUISE_RPM[1])
    low = fresh & (view.elapsed_ms >= PRIMED_MS) & (rpm >= LOW_RPM) & (pressure < LOW_KPA)
    return {
        "oil_pressure_idle_n": view.only(idle),
        "oil_pressure_idle_sum": view.only(idle, level - np.log(np.where(idle, rpm, 1.0) / NOMINAL_RPM)),
        "oil_pressure_cruise_n": view.only(cruise),
        "oil_pressure_cruise_sum": view.only(cruise, level),
        "oil_pressure_n": view.only(fresh),
        "oil_pressure_low_n": view.only(low),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Means of the trip, logarithms of kPa; and readings without pressure."""
    told = sums["oil_pressure_n"] > 0.0
    return {
        "idle_oil_pressure": sums.mean("oil_pressure_idle_sum", "oil_pressure_idle_n", MIN_READINGS),
        "cruise_oil_pressure": sums.mean("oil_pressure_cruise_sum", "oil_pressure_cruise_n", MIN_READINGS),
        "oil_pressure_low": np.where(told, sums["oil_pressure_low_n"], np.nan),
    }


MATTER = Matter(
    name="oil_pressure",
    signals=(s.OIL_PRESSURE, s.ENGINE_SPEED, s.OIL_TEMPERATURE, s.COOLANT_TEMPERATURE),
    needs=(s.OIL_PRESSURE,),
    on=(s.OIL_PRESSURE,),
    summed=(
        "oil_pressure_idle_n", "oil_pressure_idle_sum", "oil_pressure_cruise_n", "oil_pressure_cruise_sum",
        "oil_pressure_n", "oil_pressure_low_n",
    ),
    features=("idle_oil_pressure", "cruise_oil_pressure", "oil_pressure_low"),
    measure=measure,
    derive=derive,
)  # fmt: skip
