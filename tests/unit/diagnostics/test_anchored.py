"""Parts that wear: what a measurement teaches, and whether the intervals hold what they promise."""

from __future__ import annotations

import numpy as np

from diagnostics.prognosis import anchored
from diagnostics.prognosis.crossing import FAR_DAYS, days_until

LIVES = 4000
MEASURED_SD = 0.4


def prior(n: int) -> anchored.Prior:
    given = {"amount": 11.0, "amount_sd": 0.3, "rate": 1.0, "rate_sd": 0.25, "new": 11.0, "new_sd": 0.3}
    return anchored.Prior(**{name: np.full(n, value) for name, value in given.items()})


def interval(left: anchored.Left, limit: float = 2.0) -> np.ndarray:
    n = len(left.amount)
    return days_until(
        left.amount - limit, left.rate, distance_var=left.amount_var, rate_var=left.rate_var,
        together=left.together, daily_var=np.zeros(n),
    )  # fmt: skip


def worn(n: int, measured_at: tuple[float, ...], rng: np.random.Generator) -> tuple[anchored.Left, np.ndarray]:
    """Parts at work 6 of about 9, and the work that each still bears; true rates spread log-normally by a quarter."""
    rate = np.exp(0.25 * rng.standard_normal(n)) * np.exp(-(0.25**2) / 2)
    new = 11.0 + 0.3 * rng.standard_normal(n)
    state, left = anchored.initial(n), None
    for step in range(1, 61):
        work = step * 0.1
        told = any(abs(work - at) < 1e-9 for at in measured_at)
        reading = new - rate * work + MEASURED_SD * rng.standard_normal(n)
        left, state = anchored.wear(
            np.full(n, 0.1), reading if told else np.full(n, np.nan), state, prior(n),
            measured_sd=np.full(n, MEASURED_SD), walk=np.zeros(n), sure=np.zeros(n, dtype=bool),
        )  # fmt: skip
    return left, (new - rate * 6.0 - 2.0) / rate


def test_one_measurement_halves_the_interval() -> None:
    """Without a measurement remaining life is wide open; one narrows it to less than half, a second further."""
    rng = np.random.default_rng(1)
    width = []
    for measured_at in ((), (5.0,), (3.0, 5.0)):
        left, _ = worn(500, measured_at, rng)
        days = interval(left)
        width.append(float(np.median(days[:, 2] - days[:, 0])))
    assert width[1] <= 0.5 * width[0]
    assert width[2] < width[1]


def test_intervals_hold_nine_of_ten() -> None:
    """With a measurement the 90 % interval holds the true remaining life 88 to 92 times of a hundred.

    Without one it holds it somewhat more often: parts that failed before are no longer among those that live.
    """
    for seed, (measured_at, low, high) in enumerate((((), 0.9, 0.97), ((5.0,), 0.88, 0.92), ((2.0, 5.5), 0.88, 0.92))):
        left, true = worn(LIVES, measured_at, np.random.default_rng(10 + seed))
        days, alive = interval(left), true > 0.0
        held = ((true >= days[:, 0]) & (true <= days[:, 2]))[alive].mean()
        assert low <= held <= high


def test_a_new_part_is_noticed_by_its_measurement() -> None:
    """A thickness that only a new part can have starts the amount anew and keeps the learned rate."""
    left, _ = worn(3, (5.0,), np.random.default_rng(2))
    state = {name: getattr(left, name) for name in anchored.PARTS}
    after, _ = anchored.wear(
        np.zeros(3), np.array([11.0, np.nan, left.amount[2]]), state, prior(3),
        measured_sd=np.full(3, MEASURED_SD), walk=np.zeros(3), sure=np.ones(3, dtype=bool),
    )  # fmt: skip
    assert after.renewed.tolist() == [True, False, False]
    assert abs(after.amount[0] - 11.0) < 0.2
    np.testing.assert_allclose(after.rate, left.rate, rtol=0.02)


def test_a_measurement_far_below_what_is_known_moves_it_little() -> None:
    """Another car's sheet is likelier than pads gone overnight; what was only guessed gives way altogether."""
    left, _ = worn(2, (5.0,), np.random.default_rng(2))
    state = {name: getattr(left, name) for name in anchored.PARTS}
    after, _ = anchored.wear(
        np.zeros(2), np.zeros(2), state, prior(2),
        measured_sd=np.full(2, MEASURED_SD), walk=np.zeros(2), sure=np.array([True, False]),
    )  # fmt: skip
    assert left.amount[0] - after.amount[0] < 3.0 * np.hypot(np.sqrt(left.amount_var[0]), MEASURED_SD)
    assert after.amount[1] < after.amount[0] - 0.5


def test_a_new_part_keeps_what_the_car_taught() -> None:
    """After a replacement the amount is that of a new part, and the rate of wear the car's own."""
    left, _ = worn(2, (3.0, 5.0), np.random.default_rng(5))
    state = {name: getattr(left, name) for name in anchored.PARTS}
    after, _ = anchored.wear(
        np.zeros(2), np.full(2, np.nan), anchored.renewed(state), prior(2),
        measured_sd=np.full(2, MEASURED_SD), walk=np.zeros(2), sure=np.ones(2, dtype=bool),
    )  # fmt: skip
    np.testing.assert_allclose(after.amount, 11.0)
    np.testing.assert_allclose(after.rate, left.rate)


def test_a_limit_that_need_not_be_reached_has_no_end() -> None:
    """A rate that may be zero gives the longest stated life as upper end; a limit passed for sure leaves nothing."""
    one = np.ones(3)
    days = days_until(
        np.array([10.0, -2.0, np.nan]), 0.01 * one, distance_var=one, rate_var=one * 1e-4, together=0.0 * one,
        daily_var=0.0 * one,
    )  # fmt: skip
    assert days[0, 2] == FAR_DAYS
    assert days[1].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(days[2]).all()
