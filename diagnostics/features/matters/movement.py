"""How far engine speed and road speed moved within a trip, and how often the engine speed is told."""

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
    """Engine speed, 1/min, and speed, km/h, with the engine on."""
    found = {"speed_max": view.read(s.SPEED, view.running)}
    if view.told(s.ENGINE_SPEED):
        rpm = view.read(s.ENGINE_SPEED, view.running)
        found |= {"rpm_max": rpm, "rpm_min": rpm, "rpm_answers": steadiness.answers(view, s.ENGINE_SPEED)}
    return found


def derive(sums: Sums) -> dict[str, Floats]:
    """Ranges."""
    return {"rpm_range": sums["rpm_max"] - sums["rpm_min"], "speed_range": sums["speed_max"]}


MATTER = Matter(
    name="movement",
    signals=(s.ENGINE_SPEED, s.SPEED),
    needs=(s.ENGINE_SPEED, s.SPEED),
    measure=measure,
    derive=derive,
    summed=("rpm_answers",),
    largest=("rpm_max", "speed_max"),
    least=("rpm_min",),
    features=("rpm_range", "speed_range"),
)
