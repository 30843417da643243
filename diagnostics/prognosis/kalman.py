"""Level and slope of a quantity over time: a Kalman filter of two states, written out, for irregular times.

For quantities whose motion is known beforehand (a battery loses some per cent a year, a tyre some kPa a month), so
that prior, random walks and the noise of each reading are given; :mod:`diagnostics.prognosis.trend` is for those of
which only the readings tell.

The level moves by the slope and a random walk, the slope by a slow random walk; a reading far from what is expected
is drawn in (winsorised), so that one odd trip moves little. Closed form per vehicle, no matrix products: the same bits
whoever stands beside a vehicle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

DAY_MS = 86_400_000.0
CLIP = 3.0
"""An innovation counts for no more standard deviations than this (our choice)."""
PARTS = ("level", "slope", "level_var", "slope_var", "together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """After a trip, each of the shape of the readings.

    ``level`` now and ``slope`` a day with variances and covariance; ``surprise`` the reading's innovation in its
    standard deviations, 0 where there was none; ``count`` how many readings there were.
    """

    level: Floats
    slope: Floats
    level_var: Floats
    slope_var: Floats
    together: Floats
    surprise: Floats
    count: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a feature moves: prior of level and slope, random walks a day, and the variance of a reading."""

    level: Floats
    level_sd: Floats
    slope: Floats
    slope_sd: Floats
    level_walk: Floats
    slope_walk: Floats
    noise_sd: Floats


def initial(n_vehicles: int, width: int | None = None) -> dict[str, Floats | Integers]:
    """Nothing seen; of ``width`` series a vehicle, where it is given."""
    shape = (n_vehicles,) if width is None else (n_vehicles, width)
    parts: dict[str, Floats | Integers] = {name: np.full(shape, np.nan) for name in PARTS}
    return parts | {"trend_ms": np.full(shape, np.nan), "trend_n": np.zeros(shape)}


def follow(x: Floats, at_ms: Floats, state: State, motion: Motion) -> tuple[Trend, dict[str, Floats | Integers]]:
    """One reading of each series, NaN where there is none: then nothing changes, not even the time."""
    told = ~np.isnan(x)
    none = np.isnan(floats(state["level"]))
    level = np.where(none, motion.level, floats(state["level"]))
    slope = np.where(none, motion.slope, floats(state["slope"]))
    a = np.where(none, motion.level_sd**2, floats(state["level_var"]))
    b = np.where(none, 0.0, floats(state["together"]))
    c = np.where(none, motion.slope_sd**2, floats(state["slope_var"]))
    last = floats(state["trend_ms"])
    days = np.where(told & ~np.isnan(last), np.maximum((at_ms - filled(last)) / DAY_MS, 0.0), 0.0)
    level = level + slope * days
    a = a + 2.0 * days * b + days**2 * c + motion.level_walk**2 * days
    b = b + days * c
    c = c + motion.slope_walk**2 * days
    spread = a + motion.noise_sd**2
    surprise = np.where(told, filled(x) - level, 0.0) / np.sqrt(spread)
    step = np.clip(surprise, -CLIP, CLIP) * np.sqrt(spread)
    gain_level, gain_slope = np.where(told, a / spread, 0.0), np.where(told, b / spread, 0.0)
    values = (level + gain_level * step, slope + gain_slope * step,
              a - gain_level * a, c - gain_slope * b, b - gain_level * b)  # fmt: skip
    count = floats(state["trend_n"]) + told
    after: dict[str, Floats | Integers] = dict(zip(PARTS, values, strict=True))
    trend = Trend(
        level=values[0], slope=values[1], level_var=values[2], slope_var=values[3], together=values[4],
        surprise=surprise, count=count,
    )  # fmt: skip
    return trend, after | {"trend_ms": np.where(told, at_ms, last), "trend_n": count}


def lifted(
    after: dict[str, Floats | Integers], where: Flags, level: Floats, level_sd: Floats, slope_sd: Floats
) -> dict[str, Floats | Integers]:
    """The same state with the level of some series set anew, as after a refill or a repair.

    The slope stays as a guess, with the doubt ``slope_sd``.
    """
    return after | {
        "level": np.where(where, level, after["level"]),
        "level_var": np.where(where, level_sd**2, after["level_var"]),
        "slope_var": np.where(where, slope_sd**2, after["slope_var"]),
        "together": np.where(where, 0.0, after["together"]),
    }
