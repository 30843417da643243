"""How restless a sensor is and how often it answers: what matters of single sensors have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.spans import HOLD_MS

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

MIN_READINGS = 20
"""Readings that make a mean of a trip (our choice: at a poll of 10 s that is three minutes)."""
MIN_STEADY = 60
"""Readings that tell how restless a sensor is, and how often it answers (our choice)."""
MOVING_SHARE = 0.3
"""Less of the running time in motion and the trip is spent idling, where everything is steadier (our choice)."""


def path(view: View, signal: str, gate: Flags) -> Floats:
    """How far each reading is from the one before, if that was not long ago."""
    before_ms = view.before_ms(signal)
    near = (before_ms >= 0) & (view.time_ms - before_ms <= HOLD_MS)
    return np.abs(view.read(signal, gate & near) - view.before(signal))


def answers(view: View, signal: str) -> Floats:
    """Polls with the engine on that brought a value."""
    return view.only(view.polled & view.running & ~np.isnan(view.value(signal)))


def jitter(sums: Sums, way: str, high: str, low: str, count: str) -> Floats:
    """The way up and down beyond the range, a reading; NaN for trips without driving."""
    return _steady(sums, _ratio(sums[way] - (sums[high] - sums[low]), sums[count]))


def share(sums: Sums, name: str) -> Floats:
    """Readings of a sensor to one of the engine speed."""
    return _steady(sums, _ratio(sums[name], sums["rpm_answers"]))


def _steady(sums: Sums, values: Floats) -> Floats:
    driven = sums["moving_ms"] >= MOVING_SHARE * sums["running_ms"]
    return np.where(driven, np.maximum(values, 0.0), np.nan)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.where(count >= MIN_STEADY, total / np.maximum(count, 1.0), np.nan)
