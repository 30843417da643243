"""A line through measurements: its slope, what it forecasts, and what it leaves open."""

from __future__ import annotations

import numpy as np

from diagnostics.prognosis import trend

DAY_MS = 86_400_000.0


def line(n: int, tau: float = 90.0) -> trend.Line:
    return trend.Line(tau_days=np.full(n, tau), sd=np.full(n, 5.0), slope_sd=np.full(n, 0.5), phi=np.full(n, 0.3))


def run(y: np.ndarray) -> trend.Trend:
    """One measurement a day, ``y`` ``(days, n)``."""
    state = trend.initial(y.shape[1])
    for day, values in enumerate(y):
        found, state = trend.extend(values, np.full(y.shape[1], (20_000.0 + day) * DAY_MS), state, line(y.shape[1]))
    return found


def test_slope_and_level_are_recovered_with_an_honest_error() -> None:
    """Of 300 cars the true slope lies within two standard errors in nine of ten or more."""
    rng = np.random.default_rng(1)
    slope = rng.uniform(0.1, 0.4, 300)
    y = 40.0 + slope * np.arange(120)[:, None] + 5.0 * rng.standard_normal((120, 300))
    found = run(y)
    assert np.mean(np.abs(found.slope - slope) < 2.0 * found.error) > 0.9
    np.testing.assert_allclose(found.level, 40.0 + slope * 119.0, atol=6.0)
    np.testing.assert_allclose(found.spread, 5.0, rtol=0.3)


def test_the_days_until_a_limit_hold_the_truth() -> None:
    """The limit of a straight line is reached within the interval in most cars, and near the median."""
    rng = np.random.default_rng(2)
    y = 40.0 + 0.3 * np.arange(100)[:, None] + 4.0 * rng.standard_normal((100, 200))
    low, median, high = run(y).days_until(np.full(200, 100.0), np.full(200, 0.05)).T
    true = (100.0 - 40.0) / 0.3 - 99.0
    assert np.mean((low <= true) & (true <= high)) > 0.85
    assert abs(np.median(median) - true) < 15.0


def test_two_points_forecast_nothing() -> None:
    """A jump between two measurements is not a trend: the slope stays near zero, its error far above it."""
    found = run(np.array([[40.0], [60.0]]))
    assert abs(found.slope[0]) < 0.2
    assert found.error[0] > 2.0 * abs(found.slope[0])


def test_what_does_not_rise_has_no_days() -> None:
    """NaN where the line falls; also where nothing was measured."""
    falling = run(80.0 - 0.5 * np.arange(60)[:, None])
    assert np.isnan(falling.days_until(np.array([100.0]), np.ones(1))).all()
    none = run(np.full((5, 1), np.nan))
    assert np.isnan(none.days_until(np.array([100.0]), np.ones(1))).all()
    assert np.isnan(none.level).all()


def test_an_outlier_moves_the_line_by_little() -> None:
    """One measurement of 1000 among 60 of 40 shifts the level by less than 3."""
    y = np.full((60, 1), 40.0)
    y[50] = 1000.0
    assert abs(run(y).level[0] - 40.0) < 3.0
