"""The car's own kilometre counter at the end of a trip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """The counter where it was read; it tells metres."""
    return {"odometer_km": view.read(s.ODOMETER) / 1000.0}


MATTER = Matter(
    name="odometer",
    signals=(s.ODOMETER,),
    measure=measure,
    needs=(s.ODOMETER,),
    on=(s.ODOMETER,),
    last=("odometer_km",),
    features=("odometer_km",),
)
