"""The start: the voltage at rest before it, and the lowest that is read while cranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View

CRANK_MS = 3000
"""Engine time that still counts as the start (cranking lasts 0.5 to 2 s; our choice with room for slow polls)."""


def measure(view: View) -> dict[str, Floats]:
    """Voltages before and at the start, V."""
    still = view.held(s.ENGINE_SPEED) == 0.0  # a starter that turns is below RUNNING_RPM too
    elapsed_ms = view.elapsed_ms
    return {
        "rest_volts": view.read(s.CONTROL_MODULE_VOLTAGE, still & (elapsed_ms == 0)),
        "crank_volts": view.read(s.CONTROL_MODULE_VOLTAGE, elapsed_ms <= CRANK_MS),
    }


MATTER = Matter(
    name="start",
    signals=(s.CONTROL_MODULE_VOLTAGE, s.ENGINE_SPEED),
    needs=(s.CONTROL_MODULE_VOLTAGE,),
    on=(s.CONTROL_MODULE_VOLTAGE,),
    measure=measure,
    least=("crank_volts",),
    first=("rest_volts",),
    features=("rest_volts", "crank_volts"),
)
