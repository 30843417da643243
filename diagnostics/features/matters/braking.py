"""The work of the brakes: kinetic energy lost beyond what road load, a dragging engine and recuperation take.

What a traction battery gets while the car slows has not gone into the brakes; where a brake pedal is read and not
pressed, nothing has. Both are used where the car tells them.
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


def measure(view: View) -> dict[str, Floats]:
    """Work between readings of the speed, J per kg of car."""
    before_ms = view.before_ms(s.SPEED)
    speed, last = view.value(s.SPEED) / 3.6, view.before(s.SPEED) / 3.6
    lasted_s = ((view.time_ms - before_ms) / 1000.0).astype(speed.dtype)
    counted = view.fresh(s.SPEED) & (before_ms >= 0) & (lasted_s <= view.parameter("brake_gap_s"))
    mean = (speed + last) / 2.0
    drag = view.parameter("drag_m_s2") + view.parameter("drag_per_m") * mean**2
    lost = (last**2 - speed**2) / 2.0 - drag * mean * lasted_s
    lost = lost - _recuperated(view) * lasted_s
    pedal = view.held(s.BRAKE_PEDAL) if view.told(s.BRAKE_PEDAL) else np.ones_like(lost)
    return {
        "braking_work": view.only(counted, np.where(pedal <= 0.0, 0.0, np.maximum(0.0, lost))),
        "braking_seen_ms": view.only(counted & (view.running | view.driving), lasted_s * 1000.0),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Work of the whole trip."""
    return {"braking_joules_per_kg": covering.whole_of(sums, "braking_work", "braking_seen_ms")}


def _recuperated(view: View) -> Floats:
    """Power that the wheels gave to the traction battery, W per kg of car; 0 where its current is not told."""
    if not (view.told(s.TRACTION_CURRENT) and view.told(s.TRACTION_VOLTAGE)):
        return np.zeros(len(view))
    watts = np.maximum(view.held(s.TRACTION_CURRENT), 0.0) * view.held(s.TRACTION_VOLTAGE)
    return np.nan_to_num(watts) / (view.parameter("car_kg") * view.parameter("recuperation_part"))


MATTER = Matter(
    name="braking",
    signals=(s.SPEED, s.BRAKE_PEDAL, s.TRACTION_CURRENT, s.TRACTION_VOLTAGE),
    needs=(s.SPEED,),
    on=(s.SPEED,),
    measure=measure,
    derive=derive,
    summed=("braking_work", "braking_seen_ms"),
    features=("braking_joules_per_kg",),
    parameters=("brake_gap_s", "drag_m_s2", "drag_per_m", "car_kg", "recuperation_part"),
)
