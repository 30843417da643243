"""Remaining life: closed form against sampling, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from diagnostics.prognosis import dose
from diagnostics.prognosis.first_passage import inverse_gaussian_cdf, life_quantiles

DAY_MS = 86_400_000.0


def test_the_quantiles_are_those_of_sampled_first_passages() -> None:
    """Without doubt about the distance, 5, 50 and 95 % are those of an inverse-Gaussian sample."""
    rng = np.random.default_rng(1)
    distance, rate, variance = 100.0, 1.0, 4.0
    sample = rng.wald(distance / rate, distance**2 / variance, 200_000)
    found = life_quantiles(np.array([distance]), np.array([rate]), np.array([variance]), np.zeros(1))
    np.testing.assert_allclose(found[0], np.quantile(sample, (0.05, 0.5, 0.95)), rtol=0.01)


@pytest.mark.parametrize("log_sd", [0.1, 0.3])
def test_nine_of_ten_lives_end_within_the_interval(log_sd: float) -> None:
    """Lives drawn from the model's own assumptions fall into the 90 % interval 88 to 92 times of a hundred."""
    rng, lives = np.random.default_rng(2), 20_000
    rate, variance = rng.uniform(0.5, 2.0, lives), rng.uniform(0.1, 4.0, lives)
    distance = rng.uniform(20.0, 300.0, lives)
    true = distance * np.exp(log_sd * rng.standard_normal(lives))
    ended = rng.wald(true / rate, true**2 / variance)
    low, _, high = life_quantiles(distance, rate, variance, np.full(lives, log_sd)).T
    assert 0.88 <= np.mean((low <= ended) & (ended <= high)) <= 0.92


def test_the_table_agrees_with_the_distribution() -> None:
    """At quantiles read off the table the mixed distribution, summed finely, is what was asked for, within 0.01."""
    rng = np.random.default_rng(3)
    rate, distance = rng.uniform(0.1, 3.0, 40), rng.uniform(1.0, 500.0, 40)
    variance, log_sd = 10.0 ** rng.uniform(-4.0, 2.0, 40), rng.uniform(0.0, 1.2, 40)
    found = life_quantiles(distance, rate, variance, log_sd)
    factor = np.exp(log_sd[:, None] * ndtri((np.arange(2000) + 0.5) / 2000.0))
    far = distance[:, None] * factor
    for column, wanted in enumerate((0.05, 0.5, 0.95)):
        cdf = inverse_gaussian_cdf(found[:, column, None], far / rate[:, None], far**2 / variance[:, None])
        np.testing.assert_allclose(cdf.mean(axis=1), wanted, atol=0.01)


def test_what_is_used_up_has_no_days_left_and_what_does_not_wear_no_answer() -> None:
    """Nothing left is 0 days; without wear the days are unknown."""
    found = life_quantiles(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.ones(2), np.full(2, 0.1))
    assert (found[0] == 0.0).all()
    assert np.isnan(found[1]).all()


def test_the_distribution_function_rises_from_zero_to_one() -> None:
    """Also where its closed form multiplies the huge by the tiny."""
    t = np.array([1.0, 50.0, 99.0, 101.0, 1000.0])
    found = inverse_gaussian_cdf(t, np.full(5, 100.0), np.full(5, 1e6))
    assert (np.diff(found) >= 0.0).all()
    assert found[0] < 1e-6
    assert found[-1] > 1.0 - 1e-6
    assert found[2] < 0.5 < found[3]


def test_a_day_is_learned_with_its_idle_days() -> None:
    """Damage of 3 every third day is 1 a day, whatever the vehicle beside it does."""
    state = dose.initial(2)
    for number in range(200):
        damage = np.array([3.0, 1.0])
        counted, state = dose.add(damage, np.array([number * 3.0, number * 1.0]) * DAY_MS + 1.0, state)
    np.testing.assert_allclose(counted.rate, [1.0, 1.0], rtol=0.1)
    assert counted.variance[0] == pytest.approx(2.0, rel=0.15)
    assert counted.variance[1] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(counted.total, [600.0, 200.0])


def test_a_car_that_is_hardly_known_is_taken_to_do_what_is_usual() -> None:
    """After ten days its own count about as much as the usual ones, by factors; once it is known they are all."""
    told = dose.Dose(
        total=np.zeros(3), rate=np.array([4.0, 4.0, 0.0]), variance=np.ones(3), days=np.array([10.0, 70.0, 70.0])
    )
    rate = dose.towards_usual(told, np.ones(3)).rate
    assert 2.0 <= rate[0] < 2.4
    assert rate[1] == pytest.approx(4.0)
    assert 0.0 < rate[2] < 0.1
