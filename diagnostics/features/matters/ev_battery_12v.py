"""The 12 V battery of a car without a starter: its voltage at rest, top-ups while parked, sag when contactors close.

Without cranking there is no load test. What remains: the voltage hours after the converter was off tells the charge it
keeps; a battery that keeps little is topped up by the converter more often while the car stands; and the contactors'
and computers' current at the key makes an old one sag. Cars with a combustion engine are the starter battery's matter:
nothing is measured while an engine speed is known.
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

CONVERTER_V = 13.0
"""Above it the converter feeds the 12 V net: a lead battery rests at 12.9 V at most."""
KEY_MS = 5_000
"""The first seconds after ready, when contactors close (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Voltage readings of a car that stands, and the lowest at the key."""
    electric = np.isnan(view.known(s.ENGINE_SPEED)) & ~np.isnan(view.known(s.TRACTION_CHARGE))
    volts, read = view.value(s.CONTROL_MODULE_VOLTAGE), view.fresh(s.CONTROL_MODULE_VOLTAGE)
    parked = electric & read & view.resting & ~view.charging
    fed = volts > CONVERTER_V
    key = electric & read & ~view.charging & (view.elapsed_ms <= KEY_MS)
    return {
        "ev_parked_n": view.only(parked),
        "ev_topped_n": view.only(parked & fed),
        "ev_rest_sum": view.only(parked & ~fed, volts),
        "ev_rest_last": view.only(parked & ~fed, volts),
        "ev_key_least": view.only(key & ~fed, volts),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Mean voltage of a parked car, how often the converter fed it, and the sag at the key."""
    parked, topped = sums["ev_parked_n"], sums["ev_topped_n"]
    rests = parked - topped
    return {
        "ev_parked": np.where(parked > 0.0, parked, np.nan),
        "ev_topups": np.where(parked > 0.0, topped, np.nan),
        "ev_rest_volts": np.where(rests > 0.0, sums["ev_rest_sum"] / np.maximum(rests, 1.0), np.nan),
        "ev_sag_volts": np.maximum(sums["ev_rest_last"] - sums["ev_key_least"], 0.0),
    }


MATTER = Matter(
    name="ev_battery_12v",
    signals=(s.CONTROL_MODULE_VOLTAGE, s.ENGINE_SPEED, s.TRACTION_CHARGE),
    measure=measure,
    derive=derive,
    needs=(s.TRACTION_CHARGE,),
    on=(s.CONTROL_MODULE_VOLTAGE,),
    summed=("ev_parked_n", "ev_topped_n", "ev_rest_sum"),
    least=("ev_key_least",),
    last=("ev_rest_last",),
    features=("ev_parked", "ev_topups", "ev_rest_volts", "ev_sag_volts"),
    wakes=True,
)
