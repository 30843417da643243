"""How far the engine's computer corrects the mixture: in all, at idle, under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from diagnostics.features.matters.coolant import SETTLED_KPH
from diagnostics.features.matters.voltage import CHARGING_MS
from diagnostics.features.steadiness import MIN_READINGS
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

WARM_C = 70.0
"""Closed loop is certain above it: enable condition 70 to 73 degC in workshop manuals (Hyundai)."""
CLOSED_LOOP = 2.0
"""Value of PID 03 for closed loop with feedback (SAE J1979)."""


HARD = 65.0
"""Calculated load, per cent, or where it is not told manifold pressure, kPa, from which much fuel is wanted (our
choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Short- plus long-term trim of bank 1, per cent, where the loop is closed and the engine warm."""
    total = view.held(s.SHORT_TERM_FUEL_TRIM_1) + view.held(s.LONG_TERM_FUEL_TRIM_1)
    status, speed = view.held(s.FUEL_SYSTEM_STATUS), view.held(s.SPEED)
    closed = np.isnan(status) | (status == CLOSED_LOOP)
    warm = view.running & (view.held(s.COOLANT_TEMPERATURE) >= WARM_C) & (view.elapsed_ms >= CHARGING_MS)
    counted = view.fresh(s.SHORT_TERM_FUEL_TRIM_1) & warm & closed & ~np.isnan(total)
    found: dict[str, Floats] = {}
    places = {
        "trim": counted,
        "trim_idle": counted & (speed < 1.0),
        "trim_load": counted & (speed >= SETTLED_KPH),
        "trim_high": counted & _hard(view),
    }
    for name, where in places.items():
        gate = view.gate(where)
        found |= {f"{name}_n": gate + 1.0, f"{name}_sum": gate + total}
    return found


def _hard(view: View) -> Flags:
    """Where much fuel is wanted: pump and filter show here first."""
    load = view.held(s.ENGINE_LOAD) if view.told(s.ENGINE_LOAD) else view.held(s.MAP)
    return view.running & (load >= HARD)


def derive(sums: Sums) -> dict[str, Floats]:
    """Means of the trip, per cent."""
    return {name: sums.mean(f"{name}_sum", f"{name}_n", MIN_READINGS) for name in MATTER.features}


MATTER = Matter(
    name="trims",
    signals=(
        s.SHORT_TERM_FUEL_TRIM_1, s.LONG_TERM_FUEL_TRIM_1, s.FUEL_SYSTEM_STATUS, s.COOLANT_TEMPERATURE, s.SPEED,
        s.ENGINE_LOAD, s.MAP,
    ),
    needs=(s.SHORT_TERM_FUEL_TRIM_1,),
    on=(s.SHORT_TERM_FUEL_TRIM_1,),
    measure=measure,
    derive=derive,
    summed=("trim_n", "trim_sum", "trim_idle_n", "trim_idle_sum", "trim_load_n", "trim_load_sum",
            "trim_high_n", "trim_high_sum"),
    features=("trim", "trim_idle", "trim_load", "trim_high"),
)  # fmt: skip
