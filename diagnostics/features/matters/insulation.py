"""Insulation resistance of the high-voltage system, on a logarithmic scale, and how damp the air was.

The resistance spans decades and halves when it gets damp, so its logarithm is what can be averaged; humidity belongs
to it, since damp explains a fall that a dry day takes back.
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

LEAST_OHM = 1000.0
"""Below it the logarithm is that of this: resolution of the reading."""


def measure(view: View) -> dict[str, Floats]:
    """Logarithm of the resistance, humidity and the voltage that it insulates."""
    read = view.fresh(s.INSULATION)
    ohm = np.maximum(np.where(read, view.value(s.INSULATION), LEAST_OHM), LEAST_OHM)
    logs = view.only(read, np.log10(ohm))
    damp = view.known(s.HUMIDITY)
    told = read & ~np.isnan(damp)
    volts = view.only(view.fresh(s.TRACTION_VOLTAGE), view.value(s.TRACTION_VOLTAGE))
    return {
        "insulation_n": view.only(read),
        "insulation_sum": logs,
        "insulation_least": logs,
        "insulation_damp_n": view.only(told),
        "insulation_damp": view.only(told, damp),
        "insulation_volts": volts,
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Mean logarithm of a stretch, the lowest, the mean humidity with it, and the highest voltage."""
    count, damp = sums["insulation_n"], sums["insulation_damp_n"]
    return {
        "insulation_log": np.where(count > 0.0, sums["insulation_sum"] / np.maximum(count, 1.0), np.nan),
        "insulation_low": sums["insulation_least"],
        "insulation_humidity": np.where(damp > 0.0, sums["insulation_damp"] / np.maximum(damp, 1.0), np.nan),
        "insulation_bus_volts": sums["insulation_volts"],
    }


MATTER = Matter(
    name="insulation",
    signals=(s.INSULATION, s.HUMIDITY, s.TRACTION_VOLTAGE),
    measure=measure,
    derive=derive,
    needs=(s.INSULATION,),
    on=(s.INSULATION, s.TRACTION_VOLTAGE),
    summed=("insulation_n", "insulation_sum", "insulation_damp_n", "insulation_damp"),
    largest=("insulation_volts",),
    least=("insulation_least",),
    features=("insulation_log", "insulation_low", "insulation_humidity", "insulation_bus_volts"),
    wakes=True,
)
