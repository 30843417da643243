"""Automatic gearbox: what heat does to its fluid, the ratio of each gear while it is engaged, and the converter's slip.

Ratios count only where the gear was the same at the reading before and the turbine's speed has hardly changed, since
both speeds are read one after the other. The converter counts at a cruise in a high gear, where it is locked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import covering
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

GEARS = (2, 3, 4, 5, 6)
"""First gear is engaged while everything moves; gears above are overdrives seldom under load (our choice)."""
FLUID_C, DOUBLING_K = 85.0, 10.0
"""The fluid ages at its nominal pace at 80 to 90 degC and twice as fast per 10 K above, a rule of the trade."""
HOT_C = 130.0
"""Makers' limit for the code of hot fluid, held for ten minutes (GM, Saab)."""
LEAST_RPM = 600.0
STEADY = 0.04
"""By which the turbine's speed may have changed since the reading before, of itself (our choice)."""
TOGETHER_MS = 4500
"""Two readings of one moment: two polls apart at most (our choice)."""
WARM_MS = 600_000
"""Engine time after which fluid and coolant have met (our choice)."""
CRUISE_KPH, CRUISE_GEAR = 55.0, 4.0
"""From here on a converter is locked (our choice)."""
CUT_RPM = 400.0
"""More is a converter that is open by intent (our choice)."""
MIN_READINGS = 8
MIN_CRUISE, MIN_WARM = 20, 5
"""Readings that make a mean (our choice; the fluid is slow and read seldom)."""


def measure(view: View) -> dict[str, Floats]:
    """Fluid, ratios and converter."""
    heat, passed = view.known(s.GEARBOX_TEMPERATURE), view.passed_ms
    moves = (view.driving | view.running) & ~np.isnan(heat)
    pace = 2.0 ** ((np.clip(heat, -40.0, 200.0) - FLUID_C) / DOUBLING_K)
    steady = _steady(view)
    warm = view.fresh(s.GEARBOX_TEMPERATURE) & view.driving & (view.elapsed_ms >= WARM_MS)
    excess = heat - view.known(s.COOLANT_TEMPERATURE)
    warm &= ~np.isnan(excess)
    return {
        "gearbox_dose_s": view.only(moves, pace * passed / 1000.0),
        "gearbox_hot_ms": view.only(moves & (heat >= HOT_C), passed),
        "gearbox_max": view.only(moves, heat),
        "gearbox_warm_n": view.only(warm),
        "gearbox_excess": view.only(warm, excess),
    } | _ratios(view, steady) | _converter(view, steady)  # fmt: skip


def _steady(view: View) -> Flags:
    turbine, before = view.value(s.TURBINE_SPEED), view.before(s.TURBINE_SPEED)
    steady: Flags = (
        view.fresh(s.TURBINE_SPEED)
        & view.running
        & (turbine >= LEAST_RPM)
        & (np.abs(turbine - before) <= STEADY * turbine)
        & (view.held(s.GEAR) == view.before(s.GEAR))
        & (view.time_ms - view.known_ms(s.GEAR) <= TOGETHER_MS)
    )
    return steady


def _ratios(view: View, steady: Flags) -> dict[str, Floats]:
    """Logarithm of turbine over output speed, by gear."""
    output, gear = view.held(s.GEARBOX_OUTPUT_SPEED), view.held(s.GEAR)
    together = view.time_ms - view.known_ms(s.GEARBOX_OUTPUT_SPEED) <= TOGETHER_MS
    level = np.abs(output - view.before(s.GEARBOX_OUTPUT_SPEED)) <= STEADY * output
    turns = steady & together & level & (output >= LEAST_RPM / 4.0)
    ratio = np.log(np.where(turns, view.value(s.TURBINE_SPEED), 1.0) / np.where(turns, output, 1.0))
    found: dict[str, Floats] = {}
    for number in GEARS:
        engaged = turns & (gear == number)
        found[f"gearbox_n_{number}"] = view.only(engaged)
        found[f"gearbox_ratio_{number}"] = view.only(engaged, ratio)
    return found


def _converter(view: View, steady: Flags) -> dict[str, Floats]:
    slip = view.held(s.ENGINE_SPEED) - view.value(s.TURBINE_SPEED)
    cruise = steady & (view.held(s.SPEED) >= CRUISE_KPH) & (view.held(s.GEAR) >= CRUISE_GEAR)
    locked = cruise & (np.abs(slip) <= CUT_RPM)
    return {"gearbox_cruise_n": view.only(locked), "gearbox_slip": view.only(locked, slip)}


def derive(sums: Sums) -> dict[str, Floats]:
    """Fluid in hours at the nominal temperature and in K above the coolant, ratios, and the converter's slip in rpm."""
    ratios = {f"gear_ratio_{n}": sums.mean(f"gearbox_ratio_{n}", f"gearbox_n_{n}", MIN_READINGS) for n in GEARS}
    return ratios | {
        "gearbox_dose_h": covering.whole(sums, "gearbox_dose_s") / 3600.0,
        "gearbox_hot_s": sums["gearbox_hot_ms"] / 1000.0,
        "fluid_excess": sums.mean("gearbox_excess", "gearbox_warm_n", MIN_WARM),
        "converter_slip": sums.mean("gearbox_slip", "gearbox_cruise_n", MIN_CRUISE),
    }


MATTER = Matter(
    name="gearbox",
    signals=(
        s.GEARBOX_TEMPERATURE, s.TURBINE_SPEED, s.GEARBOX_OUTPUT_SPEED, s.GEAR, s.ENGINE_SPEED, s.SPEED,
        s.COOLANT_TEMPERATURE,
    ),
    needs=(s.GEARBOX_TEMPERATURE, s.TURBINE_SPEED),
    summed=(
        "gearbox_dose_s", "gearbox_hot_ms", "gearbox_cruise_n", "gearbox_slip", "gearbox_warm_n", "gearbox_excess",
        *(f"gearbox_{what}_{n}" for n in GEARS for what in ("n", "ratio")),
    ),
    largest=("gearbox_max",),
    features=(
        "gearbox_dose_h", "gearbox_hot_s", "gearbox_max", "fluid_excess", "converter_slip",
        *(f"gear_ratio_{n}" for n in GEARS),
    ),
    measure=measure,
    derive=derive,
)  # fmt: skip
