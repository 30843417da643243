"""How far the throttle's position moved within a trip, and how often it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features import steadiness
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """Throttle position, per cent, with the engine on."""
    value = view.read(s.THROTTLE, view.running)
    return {
        "throttle_max": value,
        "throttle_min": value,
        "throttle_n": view.only(view.fresh(s.THROTTLE) & view.running),
        "throttle_answers": steadiness.answers(view, s.THROTTLE),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Range and share of answers."""
    return {
        "throttle_range": sums["throttle_max"] - sums["throttle_min"],
        "throttle_share": steadiness.share(sums, "throttle_answers"),
    }


MATTER = Matter(
    name="throttle",
    signals=(s.THROTTLE,),
    needs=(s.THROTTLE,),
    on=(s.THROTTLE,),
    measure=measure,
    derive=derive,
    summed=("throttle_n", "throttle_answers"),
    largest=("throttle_max",),
    least=("throttle_min",),
    features=("throttle_range", "throttle_n", "throttle_share"),
)
