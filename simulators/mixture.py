"""Mixture control: what correction the engine needs, and how the ECU's two trims learn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulators.faults import Faults
    from simulators.parameters import Floats

CLOSED_LOOP_C = 35.0
LEARN_C = 68.0
SHORT_PER_S = 0.33
LONG_PER_S = 0.02
LIMIT_PERCENT = 35.0


def needed_percent(air_g_s: Floats, bias_percent: Floats, faults: Faults) -> Floats:
    """The correction that would make the mixture right: unmetered air weighs most where little air flows."""
    return bias_percent + 100.0 * faults.unmetered_air_g_s / np.maximum(air_g_s, 1.0)


def step(
    short: Floats, long: Floats, *, needed: Floats, ripple: Floats, coolant_c: Floats, overrun: Floats, dt_s: float
) -> tuple[Floats, Floats]:
    """Short-term and long-term trim ``dt_s`` later: an integrator on the sensor, and a slow one on the integrator."""
    closed = (coolant_c > CLOSED_LOOP_C) & (overrun == 0.0)
    error = needed - short - long
    short = np.where(closed, short + dt_s * SHORT_PER_S * error + ripple, 0.0)
    short = np.clip(short, -LIMIT_PERCENT, LIMIT_PERCENT)
    learning = closed & (coolant_c > LEARN_C)
    long = np.where(learning, np.clip(long + dt_s * LONG_PER_S * short, -LIMIT_PERCENT, LIMIT_PERCENT), long)
    return short, long
