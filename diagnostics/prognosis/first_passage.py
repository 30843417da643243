"""Remaining life as the first passage of a Wiener process, with an uncertain amount of wear still to go.

Damage grows by nu a day on average with variance s2 a day; reaching the distance D takes an inverse-Gaussian time
with mean D/nu and shape D^2/s2 (closed form, Folks and Chhikara 1978). How much wear a part still bears is itself
uncertain, as is the rate learned from few days; both together are one log-normal factor on D, integrated by Gauss-
Hermite quadrature. The interval is calibrated where these assumptions hold:
tests/unit/diagnostics/test_first_passage.py draws lives and counts how often they fall inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from diagnostics.arrays import Floats

NODES = 15
"""Points of the quadrature."""
HALVINGS = 60
"""Steps of bisection; a day is resolved to far below a second."""
LOW_MEDIAN_HIGH = (0.05, 0.5, 0.95)


def inverse_gaussian_cdf(t: Floats, mean: Floats, shape: Floats) -> Floats:
    """Probability of a first passage before ``t``; all broadcast, ``t`` > 0."""
    root = np.sqrt(shape / t)
    first = ndtr(root * (t / mean - 1.0))
    # exp() of the second term overflows where its normal tail vanishes; the product is at most 1.
    exponent = np.minimum(2.0 * shape / mean, 700.0)
    second = np.exp(exponent) * ndtr(-root * (t / mean + 1.0))
    cdf: Floats = first + np.where(2.0 * shape / mean > 700.0, 0.0, second)  # noqa: PLR2004  the limit just above
    return cdf


def life_quantiles(
    distance: Floats, rate: Floats, variance: Floats, log_sd: Floats, quantiles: tuple[float, ...] = LOW_MEDIAN_HIGH
) -> Floats:
    """Quantiles ``(n, n_quantiles)`` of the days until damage has grown by ``distance``; all arguments ``(n,)``.

    ``rate`` damage a day, ``variance`` of a day's damage, ``log_sd`` spread of the log-normal factor on ``distance``.
    NaN where the rate is not positive; 0 where the distance is used up.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    known = (rate > 0.0) & (distance > 0.0)
    safe_distance, safe_rate = np.where(known, distance, 1.0), np.where(known, rate, 1.0)
    far = safe_distance[:, None] * np.exp(log_sd[:, None] * nodes[None, :])
    mean = far / safe_rate[:, None]
    shape = far**2 / np.maximum(variance, 1e-12 * safe_rate**2)[:, None]
    wanted = np.asarray(quantiles)
    low = np.zeros((len(distance), len(wanted)))
    high = np.repeat((mean.max(axis=1) * 20.0)[:, None], len(wanted), axis=1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        cdf = inverse_gaussian_cdf(middle[:, :, None], mean[:, None, :], shape[:, None, :]) @ weights
        low, high = np.where(cdf < wanted, middle, low), np.where(cdf < wanted, high, middle)
    days = np.where(known[:, None], (low + high) / 2.0, np.nan)
    return np.where((distance <= 0.0)[:, None], 0.0, days)
