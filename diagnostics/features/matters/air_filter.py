"""Air filter and what it breathes: the depression behind it at full throttle, and the air that went through.

An engine without a turbocharger at full throttle has the air outside in its manifold, less what the way in takes; that
grows with the square of the flow, here of the engine speed, and with a clogged filter. It is a few kPa at 1 kPa
resolution, hence weak evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import covering
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

OPEN_THROTTLE = 70.0
"""Per cent: from here on a throttle no longer throttles at these speeds (our choice)."""
LEAST_RPM, NOMINAL_RPM = 2500.0, 4000.0
"""The depression is stated for the second (our choice)."""
ABOVE_KPA = 2.0
"""More than the air outside by so much, and a turbocharger is at work."""
FILLING_GPS = 0.0523
"""Air of 2 litres at 0.9 filling, g/s for kPa rpm / K: 1e6 x 0.002 x 0.9 / (120 x 287)."""
MIN_READINGS = 8
"""Readings that make a mean: full throttle is seldom (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Depression where it counts, and air."""
    pressure, outside = view.value(s.MAP), view.known(s.BAROMETRIC_PRESSURE)
    rpm = view.held(s.ENGINE_SPEED)
    lost, square = outside - pressure, (rpm / NOMINAL_RPM) ** 2
    wide = view.fresh(s.MAP) & view.running & (view.held(s.THROTTLE) >= OPEN_THROTTLE) & (rpm >= LEAST_RPM)
    counted = wide & (lost >= -ABOVE_KPA) & (view.before(s.THROTTLE) >= OPEN_THROTTLE)
    blown = view.running & (view.value(s.MAP) - outside > 3.0 * ABOVE_KPA)
    return {
        "air_filter_open_n": view.only(counted),
        "air_filter_lost": view.only(counted, lost * square),
        "air_filter_square": view.only(counted, square**2),
        "air_filter_blown": view.only(blown),
        "air_filter_air_g": view.only(view.running, np.nan_to_num(_air(view)) * view.passed_ms / 1000.0),
    }


def _air(view: View) -> Floats:
    """g/s, metered or by manifold pressure."""
    metered = view.held(s.MAF)
    kelvin = view.known(s.INTAKE_AIR_TEMPERATURE) + 273.15
    filled = FILLING_GPS * view.held(s.MAP) * view.held(s.ENGINE_SPEED) / kelvin
    air: Floats = np.where(np.isnan(metered), filled, metered)
    return air


def derive(sums: Sums) -> dict[str, Floats]:
    """KPa at 4000 rpm, and kg of air."""
    told = (sums["air_filter_open_n"] >= MIN_READINGS) & (sums["air_filter_blown"] == 0.0)
    square = np.where(told, sums["air_filter_square"], 1.0)
    return {
        "intake_depression": np.where(told, sums["air_filter_lost"] / np.maximum(square, 1e-9), np.nan),
        "intake_air_kg": covering.whole(sums, "air_filter_air_g") / 1000.0,
    }


MATTER = Matter(
    name="air_filter",
    signals=(
        s.MAP, s.BAROMETRIC_PRESSURE, s.ENGINE_SPEED, s.THROTTLE, s.MAF, s.INTAKE_AIR_TEMPERATURE,
    ),
    needs=(s.MAP, s.MAF),
    summed=("air_filter_open_n", "air_filter_lost", "air_filter_square", "air_filter_blown", "air_filter_air_g"),
    features=("intake_depression", "intake_air_kg"),
    measure=measure,
    derive=derive,
)  # fmt: skip
