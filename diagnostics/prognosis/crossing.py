"""When an uncertain level that moves at an uncertain rate reaches a limit: quantiles in closed form.

The distance still to go is normal and chance adds a variance a day; the rate is never negative and spreads by a factor,
so it is taken for log-normal; the two may be correlated. Their deviations of the days from the median are added in
quadrature on the logarithm, each side for itself: exact where one of them is all, and within the coverage that tests
find by drawing lives where both count. That costs a hundredth of a quadrature, which a fleet's daily round needs.
Whether the limit is reached within some days is asked of normal distance and rate (Fieller 1954).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from diagnostics.arrays import Floats

_LEAST_VARIANCE = 1e-12
_FAR_OFF = 8.0
"""Spreads beyond which a normal is not cut off any more, or nearly all of it is."""
Z_90 = 1.6449
"""Standard normal quantile of 95 %: the interval from 5 to 95 % holds 90 %."""
FAR_DAYS = 7300.0
"""Longest life that is stated, 20 years (our choice): beyond it a number would be no knowledge."""


def days_until(
    distance: Floats,
    rate: Floats,
    *,
    distance_var: Floats,
    rate_var: Floats,
    together: Floats,
    daily_var: Floats,
) -> Floats:
    """Days ``(n, 3)`` at 5, 50 and 95 % until ``rate`` a day has used up ``distance``; all arguments ``(n,)``.

    ``together`` is the covariance of distance and rate, ``daily_var`` what chance adds a day. A limit passed by all
    that is known gives 0, but for the days at 95 % where it may not be passed yet; one that need not be reached gives
    :data:`FAR_DAYS`; NaN in, NaN out.
    """
    moving = rate > 0.0
    pace = np.where(moving, rate, 1.0)
    median = np.where(moving, np.maximum(distance, 0.0) / pace, FAR_DAYS)
    level = np.sqrt(np.maximum(distance_var + median * (daily_var - 2.0 * together), 0.0))
    factor = Z_90 * np.sqrt(rate_var) / pace
    low = _sooner_or_later(distance, -Z_90 * level, factor) / pace
    high = _sooner_or_later(distance, Z_90 * level, factor) / pace
    ends = moving & (factor < 1.0)
    days = np.stack([np.where(moving, low, 0.0), median, np.where(ends | (high <= 0.0), high, FAR_DAYS)], axis=1)
    known = np.isfinite(distance) & np.isfinite(rate)
    return np.where(known[:, None], np.clip(days, 0.0, FAR_DAYS), np.nan)


def _sooner_or_later(distance: Floats, shift: Floats, factor: Floats) -> Floats:
    """The distance moved by a ``shift`` and by a factor whose logarithm is ``factor``, which add in quadrature.

    Where the shift takes all of it there is nothing left; where it was used up, only a shift forward leaves something.
    """
    shifted = np.maximum(distance + shift, 0.0)
    both = (distance > 0.0) & (shifted > 0.0)
    by_shift = np.log(np.where(both, shifted, 1.0) / np.where(both, distance, 1.0))
    moved = np.where(both, distance, 0.0) * np.exp(np.sign(shift) * np.hypot(by_shift, factor))
    return np.where(both, moved, shifted)


def still_ahead(distance: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a normal ``distance`` of which it is known that it is not used up: what is in use goes on.

    The moments of a normal cut off at nothing (Johnson, Kotz, Balakrishnan 1994, 13.10).
    """
    sd = np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
    below = -np.clip(distance / sd, -_FAR_OFF, _FAR_OFF)
    mills = np.exp(-0.5 * below**2) / (np.sqrt(2.0 * np.pi) * ndtr(-below))
    mean: Floats = distance + sd * mills
    cut: Floats = sd**2 * np.maximum(1.0 + below * mills - mills**2, 0.0)
    return np.where(below < -_FAR_OFF + 1e-9, distance, np.maximum(mean, 0.0)), cut


def probability_within(
    days: Floats,
    distance: Floats,
    rate: Floats,
    *,
    distance_var: Floats,
    rate_var: Floats,
    together: Floats,
    daily_var: Floats,
) -> Floats:
    """Probability ``(n,)`` that the limit is reached within ``days``; the others as for :func:`days_until`."""
    spread = distance_var - 2.0 * days * together + days**2 * rate_var + days * daily_var
    probability: Floats = ndtr((rate * days - distance) / np.sqrt(np.maximum(spread, 1e-12)))
    return probability
