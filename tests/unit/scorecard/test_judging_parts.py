"""What the judge takes for stated of parts that a workshop replaced."""

from __future__ import annotations

import numpy as np

from scorecard.judging import _standing


def test_nothing_is_stated_of_a_part_that_was_taken_out_since() -> None:
    """Until the next trip diagnosis has said nothing of the new one, so the judge counts nothing."""
    health = {
        "health": np.array([[0.1], [0.2]]), "rul_days": np.full((2, 1, 3), 5.0), "at_ms": np.array([[10.0], [10.0]]),
    }  # fmt: skip
    left = _standing(health, np.array([[[15.0]], [[5.0]]]), 20.0)
    assert np.isnan(left["health"][0, 0])
    assert np.isnan(left["rul_days"][0]).all()
    assert left["health"][1, 0] == 0.2
