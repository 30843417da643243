"""The start: voltage at rest before it, while the starter turns, and just after, when the battery carries the car."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

CRANK_MS = 3000
"""Engine time that still counts as the start (cranking lasts 0.5 to 2 s; our choice with room for slow polls)."""


TURNS_RPM, FIRES_RPM = 50.0, 400.0
"""A starter turns an engine at 150 to 250 rpm; above 400 it has fired."""
LEAST_SAG_V = 0.1
"""Below the voltage at rest by so much, the battery still carries the car: the alternator takes over softly."""
CAPTURED = 4
"""Readings while the starter turns that only a device has which captures the start (at 2 s a poll there is one)."""


def measure(view: View) -> dict[str, Floats]:
    """Voltages before and at the start, V; how fast and how long the starter turned."""
    rpm, elapsed_ms = view.held(s.ENGINE_SPEED), view.elapsed_ms
    still = rpm == 0.0  # a starter that turns is below RUNNING_RPM too
    volts, early = view.read(s.CONTROL_MODULE_VOLTAGE), elapsed_ms <= CRANK_MS
    resting = volts + view.gate(still & (elapsed_ms == 0))
    carried = early & (rpm > FIRES_RPM) & (volts < view.first(resting, "rest_volts") - LEAST_SAG_V)
    turning = view.gate(early & (rpm > TURNS_RPM) & (rpm < FIRES_RPM))
    return {
        "rest_volts": resting,
        "crank_volts": volts + view.gate(early),
        "start_volts": volts + view.gate(carried),
        "start_n": volts * 0.0 + 1.0 + turning,
        "start_sum": volts + turning,
        "start_rpm_sum": volts * 0.0 + rpm + turning,
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """The voltage while the starter turns and how fast it does, where the start was captured."""
    return {
        "crank_plateau_volts": sums.mean("start_sum", "start_n", CAPTURED),
        "crank_rpm": sums.mean("start_rpm_sum", "start_n", CAPTURED),
    }


MATTER = Matter(
    name="start",
    signals=(s.CONTROL_MODULE_VOLTAGE, s.ENGINE_SPEED),
    needs=(s.CONTROL_MODULE_VOLTAGE,),
    on=(s.CONTROL_MODULE_VOLTAGE,),
    measure=measure,
    derive=derive,
    summed=("start_n", "start_sum", "start_rpm_sum"),
    least=("crank_volts",),
    first=("rest_volts",),
    last=("start_volts",),
    features=("rest_volts", "crank_volts", "start_volts", "crank_plateau_volts", "crank_rpm"),
)
