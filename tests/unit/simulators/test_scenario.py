"""Scenario files: those that are shipped, and what is said to mistakes in one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import ScenarioError
from simulators.faults import WORST, Fault, condition_on
from simulators.parameters import HEALTHY
from simulators.scenario import load, names
from vehicle.vin import Vin

if TYPE_CHECKING:
    from pathlib import Path

GOOD = 'label = "Mine"\nplate = "A1"\nvin = "LSVAA49J132030021"\nmodel = "M"\n'


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_loads(name: str) -> None:
    """Its VIN is one with a right check digit, and its story begins within the demo's month."""
    scenario = load(name)
    assert Vin.parse(scenario.vin).check_digit_valid
    assert all(fault.onset_day < 30 and 0 < fault.severity <= 1 for fault in scenario.faults)


def test_no_two_are_the_same_car() -> None:
    """Plates, VINs and seeds differ; every kind of fault that the demo needs is there."""
    scenarios = [load(name) for name in names()]
    for of in ("plate", "vin", "seed"):
        assert len({getattr(scenario, of) for scenario in scenarios}) == len(scenarios)
    kinds = {fault.kind for scenario in scenarios for fault in scenario.faults}
    assert {"thermostat_stuck_open", "battery_ageing", "vacuum_leak", "alternator_worn"} <= kinds <= set(WORST)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "sede = 3\n", "unknown field `sede`"),
        (GOOD + "[climate]\nmean = 3.0\n", "unknown field `mean`"),
        (GOOD + "seed = 'x'\n", "Expected `int`"),
        (GOOD + '[[faults]]\nkind = "flat_tyre"\n', "has a fault 'flat_tyre'; there are thermostat_stuck_open"),
        (GOOD + 'platform = "lorry"\n', "has a platform 'lorry'; there are compact, saloon, van"),
        (GOOD + "[habit.styles]\nracing = 1.0\n", "has a style 'racing'; there are town"),
        ('label = "Mine"\n', "missing required field `plate`"),
        ("label = ", "cannot be taken"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, words: str) -> None:
    """With the file and what would be right."""
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"label = \xff\xfe")
    with pytest.raises(ScenarioError, match="cannot be taken"):
        load(str(path))


def test_a_name_that_there_is_not() -> None:
    """The shipped ones are listed."""
    with pytest.raises(ScenarioError, match="is not there; there are alternator, battery-ageing"):
        load("helthy")


@given(
    onset=st.floats(0, 60), growth=st.floats(0, 60), severity=st.floats(0, 1), shape=st.floats(0.3, 3),
    days=st.lists(st.floats(0, 200), min_size=2, max_size=2),
)  # fmt: skip
def test_a_fault_only_grows(onset: float, growth: float, severity: float, shape: float, days: list[float]) -> None:
    """Nothing before its day, its severity in the end, and never less than the day before."""
    fault = Fault(kind="vacuum_leak", onset_day=onset, growth_days=growth, severity=severity, shape=shape)
    earlier, later = sorted(days)
    assert fault.level(earlier) <= fault.level(later) <= severity
    assert fault.level(onset) == 0.0
    assert fault.level(onset + growth + 1.0) == severity


@pytest.mark.parametrize("kind", WORST)
def test_a_fault_changes_its_own_part_only(kind: str) -> None:
    """To the worst of its table at full severity."""
    condition = condition_on(10.0, [Fault(kind=kind)])
    for name, healthy in HEALTHY.items():
        assert getattr(condition, name)[0] == pytest.approx(WORST[kind].get(name, healthy))
