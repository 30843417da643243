"""How much a trip ages the oil: revolutions weighted by its temperature; and what the car itself says of its life.

Oil is seldom measured. Its temperature settles at one that speed and coolant tell, T = 0.95 Tc + 0.012 N - 9 (numbers
of US 6,327,900 for one diesel, its fuel term left out), and gets there from the coolant's at the start like the mass
of oil and iron that it is, with a time constant of engine time. Temperatures are slow and polled seldom: the last one
of the drive counts, however old.
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

COOLANT_PART, KELVIN_PER_RPM, OFFSET_C = 0.95, 0.012, -9.0
LAG_MS = 420_000.0
"""Time constant of the oil behind the coolant (our choice within 300 to 600 s)."""


def measure(view: View) -> dict[str, Floats]:
    """Weighted revolutions of each row; without oil temperature an estimate stands for it."""
    first, oil = _estimate(view)
    if view.told(s.OIL_TEMPERATURE):
        told = view.known(s.OIL_TEMPERATURE)
        oil = np.where(np.isnan(told), oil, told)
    turned = view.held(s.ENGINE_SPEED) / 60.0 * view.passed_ms / 1000.0
    return {
        "oil_weighted_turns": view.only(view.running, turned * np.nan_to_num(_harm(view, oil), nan=1.0)),
        "oil_ageing_first": first,
        "oil_ageing_own": view.value(s.OIL_LIFE),
    }


def _estimate(view: View) -> tuple[Floats, Floats]:
    """The coolant's reading, whose first is the oil's too, and the oil by it."""
    coolant = view.known(s.COOLANT_TEMPERATURE)
    read = view.read(s.COOLANT_TEMPERATURE)
    begun = view.first(read, "oil_ageing_first")
    settled = COOLANT_PART * coolant + KELVIN_PER_RPM * view.held(s.ENGINE_SPEED) + OFFSET_C
    return read, settled + (begun - settled) * np.exp(-view.elapsed_ms / LAG_MS)


def _harm(view: View, oil: Floats) -> Floats:
    cold_k = np.maximum(0.0, view.parameter("oil_cold_c") - oil)
    harm = view.parameter("oil_cold_harm") / view.parameter("oil_cold_scale_k") * cold_k
    hot_k = np.maximum(0.0, oil - view.parameter("oil_hot_c"))
    if not bool((hot_k > 0.0).any()):  # the power is dear, and few cars are ever so hot
        return harm + 1.0
    return harm + np.exp2(hot_k / view.parameter("oil_doubling_k"))


def derive(sums: Sums) -> dict[str, Floats]:
    """Weighted revolutions of the whole trip, and the car's own word."""
    return {"oil_dose": covering.whole(sums, "oil_weighted_turns"), "own_oil_life": sums["oil_ageing_own"]}


MATTER = Matter(
    name="oil_ageing",
    signals=(s.ENGINE_SPEED, s.OIL_TEMPERATURE, s.COOLANT_TEMPERATURE, s.OIL_LIFE),
    needs=(s.ENGINE_SPEED,),
    measure=measure,
    derive=derive,
    summed=("oil_weighted_turns",),
    first=("oil_ageing_first",),
    last=("oil_ageing_own",),
    features=("oil_dose", "own_oil_life"),
    parameters=("oil_hot_c", "oil_doubling_k", "oil_cold_c", "oil_cold_harm", "oil_cold_scale_k"),
)
