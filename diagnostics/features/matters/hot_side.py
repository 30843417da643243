"""How hot the coolant stands once warm: crawling, where only the fan cools, and at speed, where only the flow does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from diagnostics.features.steadiness import MIN_READINGS
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

WARM_C = 78.0
"""From here the thermostat rules; colder readings are still of the warm-up (our choice, below any regulated level)."""
SLOW_KPH, FAST_KPH = 30.0, 60.0
"""Below, the wind of driving does not cool; above, the fan does not matter (our choice)."""
WARM_MS = 480_000
"""Engine time after which crawling counts (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Readings of the coolant, degC, at low and at high speed."""
    value, speed = view.value(s.COOLANT_TEMPERATURE), view.held(s.SPEED)
    warm = view.fresh(s.COOLANT_TEMPERATURE) & view.running & (value >= WARM_C) & (view.elapsed_ms >= WARM_MS)
    slow, fast = view.gate(warm & (speed < SLOW_KPH)), view.gate(warm & (speed >= FAST_KPH))
    return {
        "hot_side_slow_n": slow + 1.0,
        "hot_side_slow_sum": slow + value,
        "hot_side_fast_n": fast + 1.0,
        "hot_side_fast_sum": fast + value,
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Means of the trip."""
    return {
        "hot_slow_c": sums.mean("hot_side_slow_sum", "hot_side_slow_n", MIN_READINGS),
        "hot_fast_c": sums.mean("hot_side_fast_sum", "hot_side_fast_n", MIN_READINGS),
    }


MATTER = Matter(
    name="hot_side",
    signals=(s.COOLANT_TEMPERATURE, s.SPEED),
    needs=(s.COOLANT_TEMPERATURE,),
    on=(s.COOLANT_TEMPERATURE,),
    measure=measure,
    derive=derive,
    summed=("hot_side_slow_n", "hot_side_slow_sum", "hot_side_fast_n", "hot_side_fast_sum"),
    features=("hot_slow_c", "hot_fast_c"),
)
