"""Telling simulated from recorded trips: the area under the curve, and the scale of one platform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from scorecard.realism import area, scaled


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60))
def test_the_area_is_that_of_a_library(pairs: list[tuple[int, bool]]) -> None:
    """Ties counted half, as scikit-learn counts them."""
    told, is_real = np.array([one[0] for one in pairs], dtype=float), np.array([one[1] for one in pairs])
    if is_real.any() and not is_real.all():
        assert area(told, is_real) == pytest.approx(roc_auc_score(is_real, told))


def test_another_platform_of_the_same_shape_has_the_same_scale() -> None:
    """A shift and a factor, as another engine's size makes them, leave nothing to tell it by."""
    values = np.random.default_rng(1).normal(size=(200, 3))
    assert scaled(values * 7.0 - 30.0) == pytest.approx(scaled(values))


def test_what_was_not_seen_counts_as_usual_and_what_is_odd_is_cut_off() -> None:
    """NaN is the median, a wild value at most five spreads from it."""
    values = np.array([[1.0], [2.0], [3.0], [4.0], [np.nan], [1e9]])
    assert scaled(values)[4, 0] == 0.0
    assert scaled(values)[5, 0] == 5.0
