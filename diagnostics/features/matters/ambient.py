"""Air outside, as the car tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """Readings of the air outside, degC."""
    fresh = view.fresh(s.AMBIENT_AIR_TEMPERATURE)
    return {"ambient_n": view.only(fresh), "ambient_sum": view.read(s.AMBIENT_AIR_TEMPERATURE)}


def derive(sums: Sums) -> dict[str, Floats]:
    """The trip's mean."""
    return {"ambient_c": sums.mean("ambient_sum", "ambient_n")}


MATTER = Matter(
    name="ambient",
    signals=(s.AMBIENT_AIR_TEMPERATURE,),
    needs=(s.AMBIENT_AIR_TEMPERATURE,),
    on=(s.AMBIENT_AIR_TEMPERATURE,),
    measure=measure,
    derive=derive,
    summed=("ambient_n", "ambient_sum"),
    features=("ambient_c",),
)
