"""What sensors say with the key on before the engine starts: after a long rest they should agree.

Coolant, oil, intake and outside air have come to one temperature, and the manifold holds the pressure of the air.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.view import View

EARLY_MS = 20_000
"""Engine time in which temperatures have hardly moved yet: slow polls bring some of them only then (our choice)."""
TEMPERATURES = {
    "key_coolant_c": s.COOLANT_TEMPERATURE,
    "key_intake_c": s.INTAKE_AIR_TEMPERATURE,
    "key_ambient_c": s.AMBIENT_AIR_TEMPERATURE,
    "key_oil_c": s.OIL_TEMPERATURE,
}
PRESSURES = {"key_manifold_kpa": s.MAP, "key_baro_kpa": s.BAROMETRIC_PRESSURE}


def measure(view: View) -> dict[str, Floats]:
    """Temperatures before the start or just after, degC; pressures while the engine stands, kPa."""
    early, still = view.elapsed_ms <= EARLY_MS, view.held(s.ENGINE_SPEED) == 0.0
    before = still & (view.elapsed_ms == 0)
    warm = {name: view.read(path, early) for name, path in TEMPERATURES.items() if view.told(path)}
    pressed = {"key_manifold_kpa": view.read(s.MAP, before), "key_baro_kpa": view.read(s.BAROMETRIC_PRESSURE)}
    return warm | pressed


MATTER = Matter(
    name="key_on",
    signals=(*TEMPERATURES.values(), *PRESSURES.values(), s.ENGINE_SPEED),
    needs=(*TEMPERATURES.values(), *PRESSURES.values()),
    on=(*TEMPERATURES.values(), *PRESSURES.values()),
    measure=measure,
    first=(*TEMPERATURES, *PRESSURES),
    features=(*TEMPERATURES, *PRESSURES),
)
