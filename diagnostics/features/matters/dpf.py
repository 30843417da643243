"""Particulate filter: how hard gas passes it, the soot that the car counts, and its regenerations.

Pressure falls by a mu Q, Darcy's law, plus a term in the square of the flow that is small in a wall-flow filter; K =
dp / (mu Q), fitted through the origin over the readings of a trip, where large flows weigh most, is what soot and ash
change while heat and load do not. Q is the exhaust's volume flow at the filter's temperature, mu grows with T^0.7. What
the pressure sensor reads with the engine off is its offset and is taken off. Without an air meter the air is the
cylinders' filling at manifold pressure, of an engine of 2 litres, right but for a factor that each car keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

LEAST_AIR_GPS = 12.0
"""Below it the pressure is near the sensor's resolution (our choice)."""
REGENERATING_C = 550.0
"""Above it soot burns by itself: the filter is being regenerated."""
USUAL_C = 280.0
"""Taken for the filter's temperature where it is not read (our choice)."""
CALM = 0.3
"""By which the air flow may have changed since the reading before, of itself (our choice)."""
GAS, VISCOSITY, COLD_K = 287.0, 1.82e-5, 293.15
"""J/kg/K of exhaust gas, near air; Pa s of air at 20 degC; K."""
SEA_LEVEL_KPA = 101.3
FILLING_GPS = 0.0523
"""Air of 2 litres at 0.9 filling, g/s for kPa rpm / K: 1e6 x 0.002 x 0.9 / (120 x 287)."""
MIN_READINGS = 20
"""Readings that make a fit (our choice: a minute of driving)."""


def measure(view: View) -> dict[str, Floats]:
    """Sums of the fit, soot and regeneration."""
    regenerating = _regenerating(view)
    pressure, soot = view.value(s.FILTER_PRESSURE), view.value(s.FILTER_SOOT)
    flow, counted = _flow(view, regenerating)
    told = view.fresh(s.FILTER_PRESSURE) & counted
    burning = view.running & regenerating
    return {
        "dpf_n": np.where(told, 1.0, np.nan),
        "dpf_flow_sum": np.where(told, flow, np.nan),
        "dpf_flow_2": np.where(told, flow**2, np.nan),
        "dpf_pressure_flow": np.where(told, pressure * flow, np.nan),
        "dpf_offset": np.where(view.still, pressure, np.nan),
        "dpf_burning_ms": np.where(burning, view.passed_ms, np.nan),
        "dpf_burning_end": np.where(view.running, regenerating.astype(float), np.nan),
        "dpf_soot_begin": soot,
        "dpf_soot_burning": np.where(burning, view.known(s.FILTER_SOOT), np.nan),
        "dpf_soot_end": soot,
    }


def _regenerating(view: View) -> Flags:
    told = view.known(s.FILTER_REGENERATING)
    hot = view.known(s.FILTER_TEMPERATURE) > REGENERATING_C
    regenerating: Flags = np.where(np.isnan(told), hot, told > 0.0)
    return regenerating


def _flow(view: View, regenerating: Flags) -> tuple[Floats, Flags]:
    """Mu Q in mPa l, that is 1e-6 N m, and where it counts."""
    air = view.held(s.MAF)
    kelvin = view.known(s.INTAKE_AIR_TEMPERATURE) + 273.15
    filled = FILLING_GPS * view.held(s.MAP) * view.held(s.ENGINE_SPEED) / kelvin
    air = np.where(np.isnan(air), filled, air)
    before = view.before(s.MAF)
    calm = np.isnan(before) | (np.abs(air - before) <= CALM * air)
    hot_k = np.nan_to_num(view.known(s.FILTER_TEMPERATURE), nan=USUAL_C) + 273.15
    baro = np.nan_to_num(view.known(s.BAROMETRIC_PRESSURE), nan=SEA_LEVEL_KPA)
    volume = air / 1000.0 * GAS * hot_k / (1000.0 * baro)
    flow = 1e6 * VISCOSITY * (hot_k / COLD_K) ** 0.7 * volume
    counted: Flags = view.running & ~regenerating & calm & (air >= LEAST_AIR_GPS)
    return flow, counted


def derive(sums: Sums) -> dict[str, Floats]:
    """Logarithm of K, soot in grams, seconds of regeneration."""
    enough = sums["dpf_n"] >= MIN_READINGS
    offset = np.nan_to_num(sums["dpf_offset"])
    over = np.where(enough, sums["dpf_flow_2"], 1.0)
    slope = (sums["dpf_pressure_flow"] - offset * sums["dpf_flow_sum"]) / np.maximum(over, 1e-12)
    positive = enough & (slope > 0.0)
    return {
        "dpf_k": np.where(positive, np.log(np.where(positive, slope, 1.0)), np.nan),
        "dpf_soot_first": sums["dpf_soot_begin"],
        "dpf_soot_last": sums["dpf_soot_end"],
        "dpf_regen_soot": sums["dpf_soot_burning"],
        "dpf_regen_s": sums["dpf_burning_ms"] / 1000.0,
        "dpf_regen_open": sums["dpf_burning_end"],
    }


MATTER = Matter(
    name="dpf",
    signals=(
        s.FILTER_PRESSURE, s.FILTER_SOOT, s.FILTER_REGENERATING, s.FILTER_TEMPERATURE, s.MAF, s.MAP, s.ENGINE_SPEED,
        s.INTAKE_AIR_TEMPERATURE, s.BAROMETRIC_PRESSURE,
    ),
    needs=(s.FILTER_PRESSURE, s.FILTER_SOOT),
    summed=("dpf_n", "dpf_flow_sum", "dpf_flow_2", "dpf_pressure_flow", "dpf_burning_ms"),
    first=("dpf_offset", "dpf_soot_begin", "dpf_soot_burning"),
    last=("dpf_soot_end", "dpf_burning_end"),
    features=("dpf_k", "dpf_soot_first", "dpf_soot_last", "dpf_regen_soot", "dpf_regen_s", "dpf_regen_open"),
    measure=measure,
    derive=derive,
)  # fmt: skip
