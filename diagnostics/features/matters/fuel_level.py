"""What stands in the tank when a drive begins and ends, per cent: refuelling explains a good deal.

A single reading sloshes by a few per cent, so the mean of the first and of the last readings would be better; the first
and the last do for a rise of ten per cent or more, which is all that is asked of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """The level where it was read."""
    level = view.value(s.FUEL_LEVEL)
    return {"fuel_level_begin": level, "fuel_level_end": level}


def derive(sums: Sums) -> dict[str, Floats]:
    """First and last."""
    return {"fuel_first": sums["fuel_level_begin"], "fuel_last": sums["fuel_level_end"]}


MATTER = Matter(
    name="fuel_level",
    signals=(s.FUEL_LEVEL,),
    needs=(s.FUEL_LEVEL,),
    on=(s.FUEL_LEVEL,),
    first=("fuel_level_begin",),
    last=("fuel_level_end",),
    features=("fuel_first", "fuel_last"),
    measure=measure,
    derive=derive,
)
