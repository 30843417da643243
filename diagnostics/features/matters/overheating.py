"""The coolant is hotter than an engine bears; seen at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View

STREAK = 5
"""Readings in a row that make a limit exceeded: one corrupt reading must never stop a car (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """When the coolant had been too hot several times in a row, ms, and how hot, degC."""
    value, fresh = view.value(s.COOLANT_TEMPERATURE), view.fresh(s.COOLANT_TEMPERATURE)
    hot = fresh & (value >= view.parameter("overheat_c"))
    streak = view.streak(hot, fresh & ~hot, "hot_streak")
    reached = hot & (streak >= STREAK)
    return {
        "hot_streak": streak,
        "hot_ms": np.where(reached, view.time_ms, np.nan),
        "hot_value": view.only(reached, value),
    }


MATTER = Matter(
    name="overheating",
    signals=(s.COOLANT_TEMPERATURE,),
    needs=(s.COOLANT_TEMPERATURE,),
    on=(s.COOLANT_TEMPERATURE,),
    measure=measure,
    first=("hot_ms", "hot_value"),
    carried=("hot_streak",),
    features=("hot_ms", "hot_value"),
    parameters=("overheat_c",),
)
