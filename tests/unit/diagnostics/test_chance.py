"""The chance of failing within 30 days: what moves it, and that a fit finds what made the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from diagnostics.chances import read_chances, written
from diagnostics.errors import ParameterError
from diagnostics.prognosis import chance

NAN = float("nan")


def heard(*, advised=False, booked=False, health=NAN, life=(NAN, NAN, NAN)) -> chance.Heard:
    return chance.Heard(
        advised=np.array([advised]), booked=np.array([booked]), health=np.array([health]), life_days=np.array([life])
    )


def test_what_is_open_and_what_has_fallen_makes_failure_likelier() -> None:
    """A booking more than advice, advice more than silence, a short life more than a long one."""
    table = read_chances()
    silent, advised, booked, fallen = (
        float(chance.chances("brakes", one, table)[0])
        for one in (
            heard(), heard(advised=True), heard(booked=True), heard(booked=True, health=0.1),
        )
    )  # fmt: skip
    assert silent < advised < booked < fallen
    short, long = (
        float(chance.chances("brakes", heard(life=(days / 2, days, days * 2)), table)[0]) for days in (10.0, 400.0)
    )
    assert long < short


def test_a_life_whose_interval_begins_now_is_reckoned_by_its_days() -> None:
    """A lognormal through nothing would make any median as likely; a normal of the same upper half does not."""
    near, later, latest = chance.of_life(np.array([[0.0, 10.0, 120.0], [0.0, 60.0, 170.0], [0.0, 150.0, 260.0]]))
    assert near == pytest.approx(0.617, abs=0.01), "20 days beyond the median, with a spread of 67"
    assert later == pytest.approx(0.327, abs=0.01)
    assert latest == pytest.approx(0.036, abs=0.01)


def test_a_life_whose_median_is_thirty_days_ends_in_time_as_often_as_not() -> None:
    """And one whose whole interval is far beyond hardly ever does."""
    found = chance.of_life(np.array([[15.0, 30.0, 60.0], [300.0, 400.0, 500.0], [NAN, NAN, NAN]]))
    assert found[0] == pytest.approx(0.5)
    assert found[1] < 1e-6
    assert np.isnan(found[2])


def test_a_fit_finds_the_odds_that_made_the_data() -> None:
    """Intercepts by component and weights come back, and the predictions are calibrated."""
    rng = np.random.default_rng(7)
    n = 60_000
    of = rng.integers(0, 2, n)
    x = np.zeros((n, len(chance.TERMS)))
    x[:, 1] = rng.random(n) < 0.1
    x[:, 2] = rng.random(n) * x[:, 1]
    line = np.array([-5.0, -3.5])[of] + 3.0 * x[:, 1] + 1.5 * x[:, 2]
    came = rng.random(n) < expit(line)
    found = chance.fit(["brakes", "egr"], x, came, of)
    assert found.intercepts["brakes"] == pytest.approx(-5.0, abs=0.4)
    assert found.intercepts["egr"] == pytest.approx(-3.5, abs=0.3)
    assert found.weights["booked"] == pytest.approx(3.0, abs=0.5)
    assert read_chances(written(found)).weights["fallen"] == pytest.approx(found.weights["fallen"], abs=1e-4)


def test_a_fit_never_takes_a_short_life_for_the_safer() -> None:
    """Where parts fail that were said to last, the weight of the life stops at its bound and the others are fitted."""
    rng = np.random.default_rng(9)
    n = 20_000
    x = np.zeros((n, len(chance.TERMS)))
    x[:, 1] = rng.random(n) < 0.2
    x[:, chance.LIFE] = rng.normal(0.0, 2.0, n)
    came = rng.random(n) < expit(-4.0 + 2.0 * x[:, 1] - 0.3 * x[:, chance.LIFE])
    found = chance.fit(["brakes"], x, came, np.zeros(n, dtype=np.int64))
    assert found.weights["life"] == chance.LEAST_LIFE
    assert found.weights["booked"] == pytest.approx(2.0, abs=0.4)


def test_a_table_without_a_term_is_refused() -> None:
    """The sentence names what is missing."""
    with pytest.raises(ParameterError, match="lacks advised"):
        read_chances("other = -7.0\n[weights]\nbooked = 1.0\n")


def test_a_component_that_failed_often_has_weights_of_its_own() -> None:
    """Where advice says much of one component and nothing of another, each is stated by its own; files keep it."""
    rng = np.random.default_rng(3)
    n = 4000
    advised = rng.random(2 * n) < 0.3
    of = np.repeat([0, 1], n)
    x = np.zeros((2 * n, len(chance.TERMS)))
    x[:, chance.TERMS.index("advised")] = advised
    came = rng.random(2 * n) < np.where((of == 0) & advised, 0.4, 0.02)
    table = chance.with_own(chance.fit(["oil", "pads"], x, came, of), ["oil", "pads"], x, came, of)
    assert set(table.own) == {"oil", "pads"}
    assert table.own["oil"]["advised"] > table.own["pads"]["advised"] + 2.0
    again = read_chances(written(table))
    assert again.own["oil"]["advised"] == pytest.approx(table.own["oil"]["advised"], abs=1e-4)


def test_a_booking_never_says_less_than_advice() -> None:
    """Where the few that were booked hardly failed, their weight is raised to advice's and a little more."""
    weights = dict.fromkeys(chance.TERMS, 0.5) | {"advised": 0.9, "booked": -2.0}
    assert chance.in_order(weights) == weights | {"booked": 0.9 + chance.BOOKED_MORE}
    assert chance.in_order(weights | {"booked": 3.0})["booked"] == 3.0
