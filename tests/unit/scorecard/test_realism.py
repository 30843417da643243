"""Telling simulated from recorded trips: what a classifier makes of them, and the scale of one platform."""

from __future__ import annotations

import numpy as np
import pytest

from scorecard.realism import scaled, told_apart


def test_what_is_alike_is_not_told_apart_and_what_goes_together_otherwise_is() -> None:
    """Each feature alone is the same on both sides; only their relation differs in the second case."""
    rng = np.random.default_rng(1)
    x, is_real = rng.normal(size=(240, 3)), np.arange(240) < 60
    assert 0.35 < told_apart(x, is_real, 1) < 0.65
    x[is_real, 1] = x[is_real, 0]
    assert told_apart(x, is_real, 1) > 0.7


def test_another_platform_of_the_same_shape_has_the_same_scale() -> None:
    """A shift and a factor, as another engine's size makes them, leave nothing to tell it by."""
    values = np.random.default_rng(1).normal(size=(200, 3))
    assert scaled(values * 7.0 - 30.0) == pytest.approx(scaled(values))


def test_what_was_not_seen_counts_as_usual_and_what_is_odd_is_cut_off() -> None:
    """NaN is the median, a wild value at most five spreads from it."""
    values = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan], [1e9]])
    assert scaled(values)[4, 0] == 0.0
    assert scaled(values)[5, 0] == 5.0
