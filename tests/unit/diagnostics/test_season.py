"""How much warmer it is than when a normal was learned."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics import season
from diagnostics.features.trips import FEATURES, Trips


def trip(**told: float) -> Trips:
    values = np.full((1, len(FEATURES)), np.nan)
    for name, value in told.items():
        values[0, FEATURES.index(name)] = value
    return Trips(vehicle=np.array([0]), values=values)


def after(*airs: float, told: bool = True, calm: bool = True) -> float:
    state, warmer = season.initial(1), np.zeros(1)
    for air in airs:
        warmer, state = season.follow(trip(ambient_c=air), np.array([told]), np.array([calm]), state, np.array([15.0]))
    return float(warmer[0])


def test_summer_is_warmer_than_the_winter_that_taught_the_normal() -> None:
    """The first trips' air is the normal's; it follows slowly, so that a year later nothing is excused any more."""
    assert after(*[0.0] * 40, 25.0) == pytest.approx(25.0 - season.WEATHER_K, abs=0.2)
    assert after(*[0.0] * 40, *[25.0] * 60) == pytest.approx(25.0 * 0.995**60 - season.WEATHER_K, abs=0.1)
    assert after(*[0.0] * 40, *[25.0] * 600) == 0.0


def test_the_air_of_a_normal_that_stands_still_stands_still() -> None:
    """While sums are up, what the season explains is excused for as long as it lasts."""
    assert after(*[0.0] * 15, *[25.0] * 600, calm=False) == pytest.approx(25.0 - season.WEATHER_K)


def test_colder_air_is_no_excuse() -> None:
    """A fall in winter is judged as ever, and so is one on a warm day."""
    assert after(*[20.0] * 40, -5.0) == 0.0
    assert after(*[20.0] * 40, 28.0) == 0.0


def test_untold_air_leaves_what_is_known() -> None:
    """A trip that tells no air, or nothing of the part, changes nothing."""
    assert after(*[0.0] * 40, 20.0, np.nan) == pytest.approx(20.0 - season.WEATHER_K, abs=0.2)
    assert after(0.0, 30.0, told=False) == 0.0


def test_a_rested_coolant_tells_the_air() -> None:
    """Where the air is not told, the coolant of a long rest is near it; that of a short one is not."""
    assert season.air_c(trip(coolant_first=8.0, soak_s=30_000.0))[0] == 8.0
    assert np.isnan(season.air_c(trip(coolant_first=60.0, soak_s=600.0))[0])
