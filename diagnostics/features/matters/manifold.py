"""How far the pressure in the manifold moved within a trip, and how often it is told."""

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
    """Manifold pressure, kPa, with the engine on."""
    value = view.read(s.MAP, view.running)
    return {
        "manifold_max": value,
        "manifold_min": value,
        "manifold_n": view.only(view.fresh(s.MAP) & view.running),
        "manifold_answers": steadiness.answers(view, s.MAP),
        "manifold_path": steadiness.path(view, s.MAP, view.running),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Range and share of answers, jitter in kPa a reading."""
    return {
        "manifold_range": sums["manifold_max"] - sums["manifold_min"],
        "manifold_share": steadiness.share(sums, "manifold_answers"),
        "manifold_jitter": steadiness.jitter(sums, "manifold_path", "manifold_max", "manifold_min", "manifold_n"),
    }


MATTER = Matter(
    name="manifold",
    signals=(s.MAP,),
    needs=(s.MAP,),
    on=(s.MAP,),
    measure=measure,
    derive=derive,
    summed=("manifold_n", "manifold_answers", "manifold_path"),
    largest=("manifold_max",),
    least=("manifold_min",),
    features=("manifold_range", "manifold_n", "manifold_share", "manifold_jitter"),
)
