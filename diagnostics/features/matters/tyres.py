"""Pressure of each tyre while it is cold, brought to 20 degC.

A tyre is a closed volume: p + p_air is proportional to its absolute temperature, about 1 kPa a kelvin. After three
hours' rest the tyre has the air's temperature, so a reading before the start, or within the first minute of a drive
after such a rest, needs no model of its warming. A car that never tells any temperature has its pressures as read:
the two tyres of an axle still share the weather, all four against yesterday do not, and ``tyre_compensated`` tells. One
that does tell, but not yet with this reading, has it left out: a raw pressure beside a compensated one is a leak of
nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import some
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

CORNERS = ("fl", "fr", "rl", "rr")
KELVIN = 273.15
AIR_KPA = 101.3
"""Standard atmosphere, where the car does not tell its own; 5 kPa of weather change the result by 0.1 kPa a kelvin."""
REFERENCE_C = 20.0
"""Temperature to which pressures are brought: that of most pressure tables (our choice)."""
STILL_COLD_MS = 60_000
"""A tyre that rolls warms by less than 1 K in its first minute (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """The pressure at 20 degC of each tyre, and whether a temperature was known."""
    cold = view.resting | (view.elapsed_ms <= STILL_COLD_MS)
    air, air_kpa = view.known(s.AMBIENT_AIR_TEMPERATURE), view.known(s.BAROMETRIC_PRESSURE)
    air_kpa = np.where(np.isnan(air_kpa), AIR_KPA, air_kpa)
    # A car that has ever told its tyres' temperatures is judged by these alone: in a garage the air outside misleads.
    has_own = np.stack([view.known_ms(path) for path in s.TYRE_TEMPERATURES]).max(axis=0) >= 0
    has_any = has_own | (view.known_ms(s.AMBIENT_AIR_TEMPERATURE) >= 0)
    values: dict[str, Floats] = {"tyre_known": view.only(cold & has_any & _any_fresh(view))}
    for corner, pressure, temperature in zip(CORNERS, s.TYRE_PRESSURES, s.TYRE_TEMPERATURES, strict=True):
        celsius = np.where(has_own, view.known(temperature), air)
        known = ~np.isnan(celsius)
        ratio = np.where(known, (REFERENCE_C + KELVIN) / (np.where(known, celsius, 0.0) + KELVIN), 1.0)
        read = cold & view.fresh(pressure) & (known | ~has_any)
        values[f"tyre_{corner}"] = view.only(read, (view.value(pressure) + air_kpa) * ratio - air_kpa)
    return values


def _any_fresh(view: View) -> Flags:
    return some(np.stack([view.fresh(path) for path in s.TYRE_PRESSURES], axis=1))


def derive(sums: Sums) -> dict[str, Floats]:
    """Features have other names than the sums, so that they can change without each other."""
    return {f"tyre_{corner}_kpa": sums[f"tyre_{corner}"] for corner in CORNERS} | {
        "tyre_compensated": np.nan_to_num(sums["tyre_known"])
    }


MATTER = Matter(
    name="tyres",
    signals=(*s.TYRE_PRESSURES, *s.TYRE_TEMPERATURES, s.AMBIENT_AIR_TEMPERATURE, s.BAROMETRIC_PRESSURE),
    measure=measure,
    derive=derive,
    needs=s.TYRE_PRESSURES,
    on=s.TYRE_PRESSURES,
    last=(*(f"tyre_{corner}" for corner in CORNERS), "tyre_known"),
    features=(*(f"tyre_{corner}_kpa" for corner in CORNERS), "tyre_compensated"),
    wakes=True,
)
