"""Sequential tests and trends: what they find, and how seldom they are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics import counted, whitened
from diagnostics.prognosis import kalman

DAY_MS = 86_400_000.0


def chart(n: int) -> whitened.Chart:
    given = {"mean": 0.0, "sd": 1.0, "phi": 0.4, "learn": 10.0, "k": 0.5, "hold": 7.0}
    return whitened.Chart(prior=1.0, **{name: np.full(n, value) for name, value in given.items()})


def test_a_part_that_was_renewed_is_learned_anew() -> None:
    """After relearning the new normal is accepted without evidence against it; the others hold it against the car."""
    state = whitened.initial(4)
    for number in range(60):
        level = 5.0 if number < 30 else 0.0
        shift, state = whitened.follow(np.full(4, level), np.full(4, number * DAY_MS), state, chart(4))
        if number == 29:
            state = whitened.relearned(state, np.array([True, False, True, False]))
    assert (shift.down > 10.0).tolist() == [False, True, False, True]
    np.testing.assert_allclose(shift.baseline[[0, 2]], 0.0, atol=1e-9)


def test_a_trend_is_recovered_from_irregular_readings() -> None:
    """Level and slope lie within three standard deviations of the truth though readings come irregularly."""
    rng, n = np.random.default_rng(5), 200
    motion = kalman.Motion(
        **{name: np.full(n, value) for name, value in {
            "level": 0.0, "level_sd": 5.0, "slope": 0.0, "slope_sd": 0.5, "level_walk": 0.0, "slope_walk": 0.0,
            "noise_sd": 2.0}.items()}
    )  # fmt: skip
    state, day = kalman.initial(n), 0.0
    for _ in range(60):
        day += rng.exponential(1.0)
        x = np.where(rng.random(n) < 0.8, 3.0 - 0.2 * day + 2.0 * rng.standard_normal(n), np.nan)
        found, state = kalman.follow(x, np.full(n, day * DAY_MS), state, motion)
    off = (found.slope + 0.2) / np.sqrt(found.slope_var)
    assert np.abs(off).max() < 4.5
    assert off.std() == pytest.approx(1.0, abs=0.25)


def test_rare_events_are_counted_as_evidence() -> None:
    """Events twenty times as frequent are found within three trips; sound ones hardly ever in a year."""
    rng, n = np.random.default_rng(6), 1000
    one = np.ones(n)
    rates = {"sound": 0.001 * one, "bad": 0.02 * one, "limit": 12.0 * one, "most": 6.0 * one}
    state, raised = counted.initial(n), np.zeros(n, dtype=bool)
    for number in range(1000):
        evidence, _, state = counted.follow(
            rng.poisson(0.2, n).astype(float), 200.0 * one, number * DAY_MS * one, state, **rates
        )
        raised |= evidence > 12.0
    assert raised.mean() <= 0.003
    for number in range(3):
        evidence, _, state = counted.follow(
            5.0 + rng.poisson(3.0, n), 200.0 * one, number * DAY_MS * one, state, **rates
        )
    assert (evidence > 12.0).mean() > 0.99
