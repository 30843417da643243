"""Air and fuel: what the meter misses, and the two trims with which the engine control makes up for it.

The oxygen sensor says how wrong the mixture is; the short-term trim integrates that within seconds, the long-term trim
takes over what lasts. Air that enters behind the meter asks for 100 * m_leak / m_metered percent more fuel: much at
idle, little at load. What changes from second to second (purge, fuel film, transport delay) is an Ornstein-Uhlenbeck
process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.parameters import bounded

if TYPE_CHECKING:
    from simulators.parameters import Condition, FloatArray

CHOKED_RATIO = 0.528
"""Pressure ratio below which flow through a hole no longer grows (air)."""
CLOSED_LOOP_FROM_C = 28.0
CLOSED_LOOP_AFTER_S = 25.0
SHORT_TRIM_S = 2.2
LONG_TRIM_S = 110.0
LONG_TRIM_FROM_C = 58.0
WANDER_S = 9.5
WANDER_SD = 3.1
SHORT_LIMIT = 27.0
LONG_LIMIT = 29.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Trims and the disturbance in percent, whether the loop is closed (0 or 1); arrays ``(n_vehicles,)``."""

    short_trim: FloatArray
    long_trim: FloatArray
    wander: FloatArray
    offset: FloatArray
    """What this trip's fuel and air differ by, percent."""
    closed: FloatArray


def leak_gps(manifold_kpa: FloatArray, baro_kpa: FloatArray, condition: Condition) -> FloatArray:
    """Air past the meter: a hole into the manifold, choked at idle, nothing at full load."""
    ratio = bounded(manifold_kpa / baro_kpa, CHOKED_RATIO, 1.0)
    return condition.unmetered_gps * np.sqrt(1.0 - ((ratio - CHOKED_RATIO) / (1.0 - CHOKED_RATIO)) ** 2)


def step_mixture(
    mixture: Mixture, air_gps: FloatArray, leak: FloatArray, overrun: FloatArray, coolant_c: FloatArray,
    run_time_s: FloatArray, noise: FloatArray, condition: Condition, dt_s: float,
) -> Mixture:  # fmt: skip
    """The trims ``dt_s`` later; ``noise`` is standard normal, ``(n_vehicles,)``."""
    metered = np.maximum(0.25, air_gps - leak)
    needed = 100.0 * ((metered + leak) / metered / condition.injector_gain - 1.0) + mixture.offset + mixture.wander
    warm = (coolant_c > CLOSED_LOOP_FROM_C) & (run_time_s > CLOSED_LOOP_AFTER_S)
    closed = warm.astype(float) * (1.0 - overrun)
    error = needed - mixture.short_trim - mixture.long_trim
    short = bounded(mixture.short_trim + error * dt_s / SHORT_TRIM_S * closed, -SHORT_LIMIT, SHORT_LIMIT)
    learns = closed * (coolant_c > LONG_TRIM_FROM_C)
    learned = short * dt_s / LONG_TRIM_S * learns
    keep = float(np.exp(-dt_s / WANDER_S))
    return Mixture(
        short_trim=np.where(closed > 0, short - learned, 0.0),
        long_trim=bounded(mixture.long_trim + learned, -LONG_LIMIT, LONG_LIMIT),
        wander=mixture.wander * keep + WANDER_SD * np.sqrt(1.0 - keep**2) * noise,
        offset=mixture.offset,
        closed=closed,
    )
