"""What is fitted on several fleets together."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from scorecard.calibrating import fitted_laws
from scorecard.commands import score
from scorecard.truth import DAY_MS, Truth, Watched

N = 200


def fleet(failures: int) -> SimpleNamespace:
    """Petrol cars watched for a year from ages of 0 to 10 years, of which the first failed on day 100."""
    days = np.full(failures, 100.0 * DAY_MS)
    truth = Truth(
        vehicle=np.arange(failures), component=np.full(failures, "misfire"), kind=np.full(failures, "coil"),
        observability=np.full(failures, "A"), gradual=np.ones(failures, dtype=bool),
        wears=np.zeros(failures, dtype=bool), matters=np.ones(failures, dtype=bool), onset_ms=days, noticeable_ms=days,
        failed_ms=days, ended_ms=days, code_ms=days, expected_ms=days,
    )  # fmt: skip
    cars = SimpleNamespace(powertrain=np.full(N, "petrol"), age_days=np.linspace(1.0, 3650.0, N))
    watched = Watched(from_ms=np.zeros(N), until_ms=np.full(N, 365.0 * DAY_MS))
    return SimpleNamespace(truth=truth, record=SimpleNamespace(cars=cars, start_ms=0.0), watched=watched)


def test_a_fleet_in_which_nothing_failed_counts_too() -> None:
    """Cars that a part did not fail in make its failures rarer."""
    age = np.array([2000.0])
    alone, more = (fitted_laws(fleets)["misfire"].soon(age)[0] for fleets in ([fleet(6)], [fleet(6), fleet(0)]))
    assert more == pytest.approx(alone / 2.0, rel=0.25)


@pytest.mark.parametrize("given", ["240-1-20", "0:1:20", "240:0:20", "240:1:-3"])
def test_a_fleet_that_cannot_be_read_is_named(given: str) -> None:
    """The error names the option, what was given and what is asked."""
    told = CliRunner().invoke(score, ["calibrate", "--also", given], env={"COLUMNS": "200", "TERM": "dumb"})
    assert told.exit_code == 2
    assert "--also" in told.output
    assert given in told.output


def test_the_same_fleet_is_not_counted_twice() -> None:
    """Nothing is driven before that is said."""
    options = ["calibrate", "--vehicles", "240", "--years", "1", "--seed", "21", "--also", "240:1:21"]
    told = CliRunner().invoke(score, options, env={"COLUMNS": "200", "TERM": "dumb"})
    assert told.exit_code == 2
    assert "twice" in told.output
