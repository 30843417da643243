"""The whitened test: silent on sound cars whose trips resemble each other, quick where something shifts."""

from __future__ import annotations

import numpy as np

from diagnostics import whitened

HELD = 15.0


def chart(n: int) -> whitened.Chart:
    return whitened.Chart(
        mean=np.zeros(n), prior=1.0, sd=np.ones(n), learn=np.full(n, 40.0), phi=np.full(n, 0.5), k=np.full(n, 0.75),
        hold=np.full(n, HELD / 2.0),
    )  # fmt: skip


def series(n: int, count: int, phi: float, seed: int) -> np.ndarray:
    """Trips ``(count, n)`` of sound cars, each with a normal of its own, correlated ``phi``."""
    rng = np.random.default_rng(seed)
    found, now, own = np.empty((count, n)), rng.standard_normal(n), 3.0 * rng.standard_normal(n)
    for number in range(count):
        now = phi * now + np.sqrt(1.0 - phi**2) * rng.standard_normal(n)
        found[number] = now + own
    return found


def run(x: np.ndarray) -> list[whitened.Shift]:
    state, shifts = whitened.initial(x.shape[1]), []
    for number, trip in enumerate(x):
        shift, state = whitened.follow(trip, np.full(x.shape[1], float(number)), state, chart(x.shape[1]))
        shifts.append(shift)
    return shifts


def test_a_year_of_sound_cars_that_resemble_themselves_raises_nothing() -> None:
    """400 vehicle-years of three trips a day at a correlation of 0.5: no sum reaches the limit."""
    worst = max(float(np.maximum(shift.up, shift.down).max()) for shift in run(series(400, 1095, 0.5, 4)))
    assert worst < HELD


def test_a_shift_of_three_spreads_is_found_and_dated() -> None:
    """Upwards only, within 50 trips in all of 50 cars, and its beginning is known to 30 trips."""
    x = series(50, 200, 0.5, 5)
    x[120:] += 3.0
    shifts = run(x)
    assert all(shift.down.max() < HELD for shift in shifts)
    assert (shifts[169].up > HELD).all()
    assert (np.abs(shifts[169].up_since_ms - 120.0) < 30.0).mean() > 0.9


def test_one_odd_trip_raises_nothing() -> None:
    """A single reading a hundred spreads away does not reach the limit."""
    x = series(20, 100, 0.0, 6)
    x[80] += 100.0
    assert max(float(shift.up.max()) for shift in run(x)) < HELD


def test_a_trip_that_says_nothing_changes_nothing() -> None:
    """The state after NaN is the state before, bit for bit."""
    x = series(3, 50, 0.3, 7)
    state = whitened.initial(3)
    for number, trip in enumerate(x):
        _, state = whitened.follow(trip, np.full(3, float(number)), state, chart(3))
    _, after = whitened.follow(np.full(3, np.nan), np.full(3, 99.0), state, chart(3))
    for name, values in state.items():
        np.testing.assert_array_equal(values, after[name])


def test_after_a_repair_the_sums_begin_at_zero() -> None:
    """Only where it is said."""
    x = series(2, 120, 0.5, 8)
    x[60:] += 4.0
    state = whitened.initial(2)
    for number, trip in enumerate(x):
        shift, state = whitened.follow(trip, np.full(2, float(number)), state, chart(2))
    again = whitened.restarted(state, np.array([True, False]))
    assert again["up"].tolist() == [0.0, shift.up[1]]
    assert shift.moved.min() > 2.0
