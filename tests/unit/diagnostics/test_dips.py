"""Dips of voltage: which readings caught one."""

from __future__ import annotations

import numpy as np

from diagnostics import dips


def followed(falls: list[float]) -> tuple[list[float], list[bool]]:
    """What is taken for a dip of one vehicle's falls, and where all before was no dip."""
    state = dips.initial(1)
    found: list[float] = []
    anew: list[bool] = []
    for fall in falls:
        dip, again, state = dips.caught(np.array([fall]), state)
        found.append(float(dip[0]))
        anew.append(bool(again[0]))
    return found, anew


def test_readings_beside_the_dip_do_not_count() -> None:
    """Once a dip of 1.2 V is known, a quarter of it was read before the contactors closed."""
    found, anew = followed([1.2, 0.0, 0.3, 1.3, 0.3])
    assert np.array_equal(found, [1.2, np.nan, np.nan, 1.3, np.nan], equal_nan=True)
    assert not any(anew)


def test_a_dip_that_grows_stays_one() -> None:
    """A battery that wears out within weeks is followed, also where only some dips are caught."""
    found, anew = followed([0.9, 0.0, 0.9, 1.2, 0.3, 1.5, 0.0, 1.9, 2.4, 3.3])
    assert np.nansum(found) == 0.9 + 0.9 + 1.2 + 1.5 + 1.9 + 2.4 + 3.3
    assert not any(anew)


def test_what_seemed_a_dip_gives_way_to_two_far_larger_readings_that_are_alike() -> None:
    """A slow device may first see only what the control units draw; one odd reading teaches nothing."""
    found, anew = followed([0.4, 0.4, 8.5, 0.4, 1.6, 0.4, 1.7, 0.4])
    assert anew.index(True) == 6
    assert np.isnan(found[2])
    assert found[6] == 1.7
    assert np.isnan(found[7])


def test_a_battery_that_fails_at_once_becomes_the_usual_one() -> None:
    """From 0.6 to 1.6 V overnight: what "When not" names, two alike readings of a cell that failed are learned."""
    _, anew = followed([0.6, 0.6, 1.6, 1.6, 1.6])
    assert anew == [False, False, False, True, False]


def test_a_dip_long_not_seen_again_is_forgotten() -> None:
    """After a new battery all readings are far smaller, and become the usual ones."""
    found, anew = followed([3.0, *[0.8] * 45])
    assert any(anew)
    assert found[-1] == 0.8


def test_no_reading_changes_nothing() -> None:
    """A trip without a reading leaves the state as it was."""
    before = dips.caught(np.array([1.0]), dips.initial(1))[2]
    dip, anew, after = dips.caught(np.array([np.nan]), before)
    assert np.isnan(dip[0])
    assert not anew[0]
    assert after.keys() == before.keys()
    assert all(np.array_equal(after[name], values, equal_nan=True) for name, values in before.items())
