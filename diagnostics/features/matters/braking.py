"""The work of the brakes: kinetic energy lost beyond what road load and a dragging engine take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """Work between readings of the speed, J per kg of car."""
    before_ms = view.before_ms(s.SPEED)
    speed, last = view.value(s.SPEED) / 3.6, view.before(s.SPEED) / 3.6
    lasted_s = ((view.time_ms - before_ms) / 1000.0).astype(speed.dtype)
    counted = view.fresh(s.SPEED) & (before_ms >= 0) & (lasted_s <= view.parameter("brake_gap_s"))
    mean = (speed + last) / 2.0
    drag = view.parameter("drag_m_s2") + view.parameter("drag_per_m") * mean**2
    lost = (last**2 - speed**2) / 2.0 - drag * mean * lasted_s
    return {"braking_joules_per_kg": view.only(counted, np.maximum(0.0, lost))}


MATTER = Matter(
    name="braking",
    signals=(s.SPEED,),
    needs=(s.SPEED,),
    on=(s.SPEED,),
    measure=measure,
    summed=("braking_joules_per_kg",),
    features=("braking_joules_per_kg",),
    parameters=("brake_gap_s", "drag_m_s2", "drag_per_m"),
)
