"""How much a trip ages the oil: revolutions weighted by its temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """Weighted revolutions of each row; without oil temperature the coolant's stands for it."""
    oil = view.held(s.COOLANT_TEMPERATURE)
    if view.told(s.OIL_TEMPERATURE):
        told = view.held(s.OIL_TEMPERATURE)
        oil = np.where(np.isnan(told), oil, told)
    turned = view.held(s.ENGINE_SPEED) / 60.0 * view.passed_ms / 1000.0
    return {"oil_dose": view.only(view.running, turned * np.nan_to_num(_harm(view, oil), nan=1.0))}


def _harm(view: View, oil: Floats) -> Floats:
    cold_k = np.maximum(0.0, view.parameter("oil_cold_c") - oil)
    harm = view.parameter("oil_cold_harm") / view.parameter("oil_cold_scale_k") * cold_k
    hot_k = np.maximum(0.0, oil - view.parameter("oil_hot_c"))
    if not bool((hot_k > 0.0).any()):  # the power is dear, and few cars are ever so hot
        return harm + 1.0
    return harm + np.exp2(hot_k / view.parameter("oil_doubling_k"))


MATTER = Matter(
    name="oil_ageing",
    signals=(s.ENGINE_SPEED, s.OIL_TEMPERATURE, s.COOLANT_TEMPERATURE),
    needs=(s.ENGINE_SPEED,),
    measure=measure,
    summed=("oil_dose",),
    features=("oil_dose",),
    parameters=("oil_hot_c", "oil_doubling_k", "oil_cold_c", "oil_cold_harm", "oil_cold_scale_k"),
)
