"""The intake air's sensor: its first reading, how restless it is, how often it answers."""

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
    """Readings of the intake air, degC."""
    read, running = view.read(s.INTAKE_AIR_TEMPERATURE), view.running
    on = view.read(s.INTAKE_AIR_TEMPERATURE, running)
    return {
        "intake_min": read,
        "intake_first": read,
        "intake_high": on,
        "intake_low": on,
        "intake_n": view.only(view.fresh(s.INTAKE_AIR_TEMPERATURE) & running),
        "intake_path": steadiness.path(view, s.INTAKE_AIR_TEMPERATURE, running),
        "intake_answers": steadiness.answers(view, s.INTAKE_AIR_TEMPERATURE),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Jitter in K a reading, and the share of answers."""
    return {
        "intake_jitter": steadiness.jitter(sums, "intake_path", "intake_high", "intake_low", "intake_n"),
        "intake_share": steadiness.share(sums, "intake_answers"),
    }


MATTER = Matter(
    name="intake_air",
    signals=(s.INTAKE_AIR_TEMPERATURE,),
    needs=(s.INTAKE_AIR_TEMPERATURE,),
    on=(s.INTAKE_AIR_TEMPERATURE,),
    measure=measure,
    derive=derive,
    summed=("intake_n", "intake_path", "intake_answers"),
    largest=("intake_high",),
    least=("intake_min", "intake_low"),
    first=("intake_first",),
    features=("intake_jitter", "intake_share"),
)
