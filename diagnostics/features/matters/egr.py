"""Exhaust gas recirculation: how far the flow is from what is commanded, while it is commanded and steady.

At one reading in two seconds only a steady error is honest; so the command must stand still between readings and be
large enough to mean something. An error is cut off at 60 %, since one of a moving valve says nothing of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

LEAST_COMMAND = 8.0
"""Per cent; below it the error, a share of the command, is mostly rounding (our choice)."""
STEADY = 6.0
"""Points by which the command may have changed since the reading before (our choice)."""
WARM_C = 65.0
"""A cold engine keeps the valve shut or adapts it (our choice)."""
CUT = 60.0
MIN_READINGS = 15
"""Readings that make a mean (our choice: half a minute to two minutes)."""


def measure(view: View) -> dict[str, Floats]:
    """The error where it counts."""
    command, error = view.held(s.COMMANDED_EGR), view.value(s.EGR_ERROR)
    steady = np.abs(command - view.before(s.COMMANDED_EGR)) <= STEADY
    coolant = view.held(s.COOLANT_TEMPERATURE)
    warm = np.isnan(coolant) | (coolant >= WARM_C)
    counted = view.fresh(s.EGR_ERROR) & view.running & steady & warm & (command >= LEAST_COMMAND)
    return {
        "egr_n": np.where(counted, 1.0, np.nan),
        "egr_error_sum": np.where(counted, np.clip(error, -CUT, CUT), np.nan),
        "egr_command_sum": np.where(counted, command, np.nan),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Means of the trip, per cent."""
    n = sums["egr_n"]
    enough = n >= MIN_READINGS
    return {
        "egr_error": np.where(enough, sums["egr_error_sum"] / np.maximum(n, 1.0), np.nan),
        "egr_command": np.where(enough, sums["egr_command_sum"] / np.maximum(n, 1.0), np.nan),
    }


MATTER = Matter(
    name="egr",
    signals=(s.COMMANDED_EGR, s.EGR_ERROR, s.COOLANT_TEMPERATURE),
    needs=(s.EGR_ERROR,),
    summed=("egr_n", "egr_error_sum", "egr_command_sum"),
    features=("egr_error", "egr_command"),
    measure=measure,
    derive=derive,
)
