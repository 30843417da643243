"""When an uncertain level that moves at an uncertain rate reaches a limit: quantiles in closed form.

The distance still to go is normal, so is the rate, the two may be correlated, and chance adds a variance a day. Then
the probability that the limit is reached before ``t`` is Phi((rate t - distance) / sd(t)), and each quantile is a root
of a quadratic in ``t`` (Fieller 1954). That costs a hundredth of a quadrature, which a fleet's daily round needs; the
interval's coverage is tested by drawing lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from diagnostics.arrays import Floats

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
    widen: Floats | float = 1.0,
) -> Floats:
    """Days ``(n, 3)`` at 5, 50 and 95 % until ``rate`` a day has used up ``distance``; all arguments ``(n,)``.

    ``together`` is the covariance of distance and rate, ``daily_var`` what chance adds a day, ``widen`` a factor on
    all spreads that calibration sets. A limit already passed gives 0; one that need not be reached gives
    :data:`FAR_DAYS`; NaN in, NaN out.
    """
    z2 = (Z_90 * widen) ** 2
    square = rate**2 - z2 * rate_var
    linear = -2.0 * rate * distance - z2 * (daily_var - 2.0 * together)
    constant = distance**2 - z2 * distance_var
    root = np.sqrt(np.maximum(linear**2 - 4.0 * square * constant, 0.0))
    sooner = np.where(root - linear > 0.0, 2.0 * constant / np.where(root - linear > 0.0, root - linear, 1.0), FAR_DAYS)
    low = np.where(constant <= 0.0, 0.0, sooner)
    bounded = (square > 0.0) & (rate > 0.0)
    high = np.where(bounded, (root - linear) / np.where(bounded, 2.0 * square, 1.0), FAR_DAYS)
    median = np.where(rate > 0.0, distance / np.where(rate > 0.0, rate, 1.0), FAR_DAYS)
    days = np.stack([np.minimum(low, median), median, np.maximum(high, median)], axis=1)
    known = np.isfinite(distance) & np.isfinite(rate)
    days = np.where((distance <= 0.0)[:, None], 0.0, np.clip(days, 0.0, FAR_DAYS))
    return np.where(known[:, None], days, np.nan)


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
