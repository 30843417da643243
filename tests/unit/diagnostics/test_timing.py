"""By when a repair is cheapest, and what waiting costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import lognorm

from diagnostics.cost_table import costs, read_costs
from diagnostics.errors import ParameterError
from diagnostics.findings import Component, ComponentHealth, Severity
from diagnostics.suggestions.advice import advise
from diagnostics.suggestions.timing import cheapest_days, timing
from tests.unit.diagnostics.test_causes import finding

NOW = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
PADS = ComponentHealth(
    vehicle_id="v1", component=Component.THERMOSTAT, health=0.3, rul_days=(60.0, 90.0, 135.0), updated_at=NOW,
    basis={"en": "a", "zh": "b"},
)  # fmt: skip


def cost_a_day(days: float, life: tuple[float, float, float], health: float, ratio: float) -> float:
    """Cost a day of replacing after so many days, by drawing lives."""
    low, median, high = life
    spread = np.log(high / low) / 3.2898
    lives = lognorm.rvs(spread, scale=median, size=200_000, random_state=5)
    served = median * (1.0 - health) / health
    cost = np.where(lives < days, ratio, 1.0).mean()
    return float(cost / (served + np.minimum(lives, days).mean()))


@pytest.mark.parametrize("ratio", [1.5, 3.0, 10.0])
@pytest.mark.parametrize("life", [(60.0, 90.0, 135.0), (20.0, 90.0, 400.0)])
def test_no_other_day_is_cheaper(ratio: float, life: tuple[float, float, float]) -> None:
    """Lives that are drawn cost least a day where the part is replaced on the day that is named."""
    best = cheapest_days(life, 0.3, ratio)
    at_best = cost_a_day(1e6 if best is None else best, life, 0.3, ratio)
    others = [cost_a_day(days, life, 0.3, ratio) for days in np.geomspace(1.0, 2.0 * life[2], 40)]
    assert at_best <= min(others) * 1.01


def test_the_dearer_a_failure_the_sooner_it_is_replaced() -> None:
    """Days fall with the ratio of costs; where a failure costs no more, waiting for it is right."""
    days = [cheapest_days((60.0, 90.0, 135.0), 0.3, ratio) or np.inf for ratio in (1.0, 1.5, 3.0, 10.0)]
    assert days == sorted(days, reverse=True)
    assert days[0] == np.inf
    assert days[-1] < 90.0


def test_a_life_that_is_over_says_now() -> None:
    """Nothing left: today."""
    assert cheapest_days((0.0, 0.0, 0.0), 0.0, 4.0) == pytest.approx(0.0, abs=0.1)


def test_what_waiting_costs_is_the_chance_times_what_failing_costs_more() -> None:
    """A stated life that ends soon makes waiting dearer; without one there is no cheapest day."""
    unknown = timing(Component.COOLING, None, booked=True)
    soon = timing(Component.COOLING, replace(PADS, rul_days=(5.0, 10.0, 20.0)), booked=True)
    assert unknown.days is None
    assert soon.days is not None
    assert soon.chance > unknown.chance
    for one in (unknown, soon):
        assert one.waiting == pytest.approx(one.chance * (one.ratio - 1.0), rel=0.02, abs=1e-3)


def test_advice_is_due_when_its_repair_is_cheapest() -> None:
    """Advice for the next service gets a date where a life is stated; red advice does not wait for it."""
    found = replace(finding("thermostat.stuck_open"), severity=Severity.NEXT_SERVICE)
    (plain,) = advise([found], [], now=NOW)
    assert plain.due_by is None
    (dated,) = advise([found], [], now=NOW, health={Component.THERMOSTAT: PADS})
    assert dated.timing is not None
    assert dated.timing.days is not None
    assert dated.due_by == NOW + timedelta(days=dated.timing.days)
    (red,) = advise([replace(found, severity=Severity.STOP_NOW)], [], now=NOW, health={Component.THERMOSTAT: PADS})
    assert red.due_by == NOW + timedelta(days=1)


def test_a_date_is_not_told_anew_for_every_trip() -> None:
    """A day later the same life, a day shorter, changes nothing; a life that halved does."""
    found = replace(finding("thermostat.stuck_open"), severity=Severity.NEXT_SERVICE)
    (first,) = advise([found], [], now=NOW, health={Component.THERMOSTAT: PADS})
    later = replace(PADS, rul_days=(59.0, 89.0, 134.0))
    assert advise([found], [first], now=NOW + timedelta(days=1), health={Component.THERMOSTAT: later}) == []
    halved = replace(PADS, rul_days=(20.0, 35.0, 60.0))
    (moved,) = advise([found], [first], now=NOW + timedelta(days=2), health={Component.THERMOSTAT: halved})
    assert moved.due_by is not None
    assert first.due_by is not None
    assert moved.due_by < first.due_by - timedelta(days=20)


def test_every_component_has_its_costs() -> None:
    """A failure never costs less than the planned repair; a table with a hole is refused by name."""
    assert set(costs()) == set(Component)
    assert all(cost.ratio >= 1.0 for cost in costs().values())
    with pytest.raises(ParameterError, match="lacks battery_12v"):
        read_costs("")


def test_a_life_that_may_end_now_but_hardly_does_is_not_cut_short_today() -> None:
    """150 days in the middle, 0 to 260: a lognormal through nothing called for today, whatever the middle."""
    days = cheapest_days((0.0, 150.0, 260.0), 0.3, 3.0)
    assert days is not None
    assert 20.0 < days < 60.0
