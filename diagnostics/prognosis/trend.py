"""A line through a vehicle's own measurements, old ones fading, and when it reaches a limit.

Weighted least squares of y on time, weights exp(-age / tau), kept as moments and updated by one measurement (West
1979), so that a vehicle costs nine numbers. The slope is drawn towards zero by a normal prior, which keeps a new
vehicle from forecasting by two points; y is cut off at ``CUT`` spreads from the line. Its standard error is widened
for measurements that resemble each other. The days until the limit are a first passage
(:mod:`diagnostics.prognosis.first_passage`) with the slope as rate and its error as the doubt about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.prognosis.first_passage import life_quantiles

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, State

CUT = 3.5
"""In spreads about the line: what is farther counts as if it were so far (our choice)."""
SETTLED = 6.0
"""Measurements before anything is cut off (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Parameters, each ``(n,)`` or as the series.

    ``tau_days`` of fading; prior ``sd`` of a measurement and of the slope, ``slope_sd`` a day; ``phi`` correlation
    between measurements.
    """

    tau_days: Floats
    sd: Floats
    slope_sd: Floats
    phi: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Now: ``level`` on the line, and ``slope`` a day with its standard ``error``.

    Also ``spread`` about the line, and the ``weight`` of measurements behind it.
    """

    level: Floats
    slope: Floats
    error: Floats
    spread: Floats
    weight: Floats

    def days_until(self, limit: Floats, variance: Floats) -> Floats:
        """Quantiles ``(n, 3)`` of the days until ``limit``, which is above; NaN where the line does not rise."""
        rising = self.slope > 0.0
        doubt = np.clip(self.error / np.where(rising, self.slope, 1.0), 0.0, 1.0)
        return life_quantiles(limit - self.level, np.where(rising, self.slope, 0.0), variance, doubt)


def initial(n_vehicles: int, width: int | None = None) -> dict[str, Floats | Integers]:
    """Nothing measured; of ``width`` series a vehicle, where it is given."""
    shape = (n_vehicles,) if width is None else (n_vehicles, width)
    names = ("weight", "middle_day", "mean", "day_day", "day_y", "y_y")
    zeros: dict[str, Floats | Integers] = {f"trend_{name}": np.zeros(shape) for name in names}
    return zeros | {"trend_day": np.full(shape, np.nan)}


def extend(y: Floats, at_ms: Floats, state: State, line: Line) -> tuple[Trend, dict[str, Floats | Integers]]:
    """Adds a measurement of each vehicle, NaN none; the trend is that of the measurements so far."""
    old = {name.removeprefix("trend_"): floats(values) for name, values in state.items() if name.startswith("trend_")}
    day = at_ms / DAY_MS + np.zeros_like(y)
    measured = ~np.isnan(y)
    last = np.where(np.isnan(old["day"]), day, old["day"])
    kept = np.where(measured, np.exp(-np.maximum(day - last, 0.0) / line.tau_days), 1.0)
    y = _cut(y, day, old, line)
    weight = old["weight"] * kept
    total = weight + measured
    share = np.where(measured, 1.0 / np.maximum(total, 1.0), 0.0)
    from_day = np.where(measured, day - old["middle_day"], 0.0)
    from_mean = np.where(measured, y - old["mean"], 0.0)
    new = {
        "weight": total,
        "middle_day": old["middle_day"] + share * from_day,
        "mean": old["mean"] + share * from_mean,
        "day_day": old["day_day"] * kept + weight * share * from_day**2,
        "day_y": old["day_y"] * kept + weight * share * from_day * from_mean,
        "y_y": old["y_y"] * kept + weight * share * from_mean**2,
        "day": np.where(measured, day, old["day"]),
    }
    after: dict[str, Floats | Integers] = {f"trend_{name}": values for name, values in new.items()}
    return _trend(new, new["day"], line), after


def _cut(y: Floats, day: Floats, moments: dict[str, Floats], line: Line) -> Floats:
    trend = _trend(moments, day, line)
    far = CUT * trend.spread
    return np.where(trend.weight >= SETTLED, np.clip(y, trend.level - far, trend.level + far), y)


def _trend(m: dict[str, Floats], day: Floats, line: Line) -> Trend:
    """The line through the moments, at a day."""
    prior = line.sd**2 / line.slope_sd**2
    slope = m["day_y"] / (m["day_day"] + prior)
    left = np.maximum(m["y_y"] - 2.0 * slope * m["day_y"] + slope**2 * m["day_day"], 0.0)
    spread = np.sqrt((SETTLED * line.sd**2 + left) / (SETTLED + m["weight"]))
    alike = (1.0 + line.phi) / (1.0 - line.phi)
    error = spread * np.sqrt(alike / (m["day_day"] + prior))
    level = np.where(m["weight"] > 0.0, m["mean"] + slope * (day - m["middle_day"]), np.nan)
    return Trend(level=level, slope=slope, error=error, spread=spread, weight=m["weight"])
