"""The voltage with the engine on stays so low that the alternator does not work; seen at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from diagnostics.features.matters.voltage import CHARGING_MS
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View

UNDERVOLT_STREAK = 30
"""Readings in a row below the charging limit, half a minute or more (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """When the voltage had been too low for long, ms, and how low, V."""
    value, fresh, running = view.value(s.CONTROL_MODULE_VOLTAGE), view.fresh(s.CONTROL_MODULE_VOLTAGE), view.running
    judged = fresh & running & (view.elapsed_ms >= CHARGING_MS)
    low = judged & (value < view.parameter("undervolt_v"))
    if not low.any() and not view.carried("undervolt_streak").any():
        return {"undervolt_streak": np.zeros(len(view))}
    streak = view.streak(low, (fresh & ~low) | (~running & view.sample), "undervolt_streak")
    reached = low & (streak >= UNDERVOLT_STREAK)
    return {
        "undervolt_streak": streak,
        "undervolt_ms": np.where(reached, view.time_ms, np.nan),
        "undervolt_value": view.only(reached, value),
    }


MATTER = Matter(
    name="undervolting",
    signals=(s.CONTROL_MODULE_VOLTAGE,),
    needs=(s.CONTROL_MODULE_VOLTAGE,),
    measure=measure,
    first=("undervolt_ms", "undervolt_value"),
    carried=("undervolt_streak",),
    features=("undervolt_ms", "undervolt_value"),
    parameters=("undervolt_v",),
)
