"""Results of the car's own monitors (service 06), read once a drive at best: the last of each, per cent of its limit.

They are results of the car's own tests and need no gates of ours; whether one stands from an earlier drive is for the
detectors to see.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

RESULTS: Mapping[str, str] = MappingProxyType(
    {
        "catalyst": s.CATALYST_RESULT, "front_oxygen": s.FRONT_OXYGEN_RESULT, "rear_oxygen": s.REAR_OXYGEN_RESULT,
        "evap": s.EVAPORATIVE_RESULT, "egr": s.EGR_RESULT,
    }
)  # fmt: skip


def measure(view: View) -> dict[str, Floats]:
    """Each result where it was read."""
    return {f"monitors_{name}": view.value(path) for name, path in RESULTS.items()}


def derive(sums: Sums) -> dict[str, Floats]:
    """The last one of the trip."""
    return {f"{name}_result": sums[f"monitors_{name}"] for name in RESULTS}


MATTER = Matter(
    name="monitors",
    signals=tuple(RESULTS.values()),
    needs=tuple(RESULTS.values()),
    on=tuple(RESULTS.values()),
    last=tuple(f"monitors_{name}" for name in RESULTS),
    features=tuple(f"{name}_result" for name in RESULTS),
    measure=measure,
    derive=derive,
)
