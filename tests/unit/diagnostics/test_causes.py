"""Findings that share a cause become one suggestion, with the likeliest cause first."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.cause_table import Sign, read_causes, shipped
from diagnostics.codes import explain
from diagnostics.errors import ParameterError
from diagnostics.findings import LIVING, Component, Evidence, Finding, Severity, Suggestion, SuggestionState
from diagnostics.fleet import all_detectors
from diagnostics.suggestions.advice import advise
from diagnostics.suggestions.causes import grouped, rank, suspects

NOW = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
PARTS = {detector.name: detector.component for detector in all_detectors()}


def sign(name: str) -> Sign:
    """A sign by its name; its component is as diagnosis has it."""
    return Sign(name=name, component=PARTS.get(name.partition(".")[0]) or explain(name).component)


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        (("fuel_trim.air_leak", "P0171", "P0300"), "vacuum_leak"),
        (("fuel_trim.low_delivery", "P0087"), "fuel_delivery"),
        (("fuel_trim.lean", "P0101"), "air_flow_meter"),
        (("thermostat.stuck_open", "P0128"), "thermostat_open"),
        (("charging.low_voltage", "battery.low_charge"), "charging_weak"),
        (("wheel_speed_sensor.drops_out_fl", "C0035"), "wheel_speed_sensor"),
        (("egr.too_little", "boost.weak", "P0401"), "egr"),
        (("oxygen_sensor.rear_slow", "catalyst.declining", "P0138"), "oxygen_sensor_rear"),
        (("misfire.one_cylinder", "P0301"), "ignition"),
        (("boost.charge_air_leak", "P0299"), "charge_air_leak"),
    ],
)
def test_the_likeliest_cause_is_first(names: tuple[str, ...], cause: str) -> None:
    """Signs that belong together are one group, whose first cause is what a mechanic would look for."""
    signs = [sign(name) for name in names]
    assert len(grouped(signs)) == 1
    found = rank(signs)
    assert found[0].key == cause
    assert sum(one.probability for one in found) <= 1.001


def test_a_code_of_implausible_air_also_accuses_what_leaks_behind_the_meter() -> None:
    """As its own words tell the advisor: the meter first, then what loses or lets in air after it."""
    found = suspects([sign("P0101")])
    assert found[0] is Component.FUEL_AIR
    assert Component.BOOST in found[:3]
    for other in ("boost.overboost", "dpf.soots", "misfire.several_cylinders"):
        assert len(grouped([sign("P0101"), sign(other)])) == 2, "one code of the air explains no finding of its own"
    assert rank([sign("P0106")])[0].key == "manifold_pressure_sensor"
    assert rank([sign("P0101"), sign("stuck_sensor.manifold_stuck")])[0].key == "manifold_pressure_sensor"


def test_what_has_no_common_cause_stays_apart() -> None:
    """A tyre and a battery are two suggestions."""
    assert len(grouped([sign("tyre_pressure.leak_fl"), sign("battery.ageing")])) == 2


def test_every_finding_has_a_cause_of_its_own_component() -> None:
    """Whatever a single detector says, its component is among the suspects, and first unless the table says why not."""
    for detector in all_detectors():
        for cause in detector.causes:
            found = suspects([sign(f"{detector.name}.{cause.key}")])
            assert detector.component in found, f"{detector.name}.{cause.key}"


def test_every_sign_of_the_table_exists() -> None:
    """A sign in the table begins the name of some detector's cause, or is the beginning of a code."""
    names = {f"{detector.name}.{cause.key}" for detector in all_detectors() for cause in detector.causes}
    unknown = [
        key for cause in shipped() for key in cause.signs
        if not any(name.startswith(key) for name in names) and not (key[0] in "PCBU" and key[1:].isdigit())
    ]  # fmt: skip
    assert unknown == []


def test_what_workshops_confirm_changes_the_order() -> None:
    """Enough confirmed fuel pumps make the pump first where the table has the leak first."""
    signs = [sign("P0171")]
    assert rank(signs)[0].key == "vacuum_leak"
    assert rank(signs, {"fuel_delivery": 40})[0].key == "fuel_delivery"


def test_a_table_with_a_hole_is_refused() -> None:
    """A missing part and an impossible probability are named."""
    with pytest.raises(ParameterError, match="lacks component"):
        read_causes("[a]\nprior = 1.0\n")


def finding(name: str, at: datetime = NOW, number: int = 0) -> Finding:
    """A finding of a vehicle by its sign."""
    detector, _, cause = name.partition(".")
    code = cause == ""
    return Finding(
        id=f"{name}/{number}", vehicle_id="v1", detector="trouble_codes" if code else detector,
        cause=name if code else cause, component=sign(name).component, severity=Severity.SOON, confidence=0.9, since=at,
        found_at=at, cleared_at=None, title={"en": name, "zh": name}, text={"en": name, "zh": name}, job="check",
        evidence=Evidence(
            feature="x", unit="", label={"en": "a", "zh": "b"}, points=(), expectation=None, threshold=None,
            window=(0, 0), signals=(),
        ),
    )  # fmt: skip


def test_findings_that_merge_leave_one_suggestion() -> None:
    """Battery first, charging a day later: the second joins the first suggestion, which stays the same one."""
    battery, charging = finding("battery.low_charge"), finding("charging.low_voltage")
    (first,) = advise([battery], [], now=NOW)
    (second,) = advise([battery, charging], [first], now=NOW + timedelta(days=1))
    assert (second.id, second.created_at, set(second.finding_ids)) == (first.id, NOW, {battery.id, charging.id})
    assert second.causes[0].component == Component.CHARGING


def test_two_suggestions_with_one_cause_become_one() -> None:
    """The one that somebody accepted stays, the other is withdrawn, and nothing changes after that."""
    lean, misfires, code = finding("egr.too_little"), finding("dpf.soots"), finding("P0401")
    (one,) = advise([lean], [], now=NOW)
    (other,) = advise([misfires], [], now=NOW)
    other = replace(other, state=SuggestionState.ACCEPTED)
    changed = {each.id: each for each in advise([lean, misfires, code], [one, other], now=NOW)}
    assert changed[one.id].state == SuggestionState.WITHDRAWN
    assert set(changed[other.id].finding_ids) == {lean.id, misfires.id, code.id}
    assert advise([lean, misfires, code], list(changed.values()), now=NOW + timedelta(days=1)) == []


@pytest.mark.parametrize("seed", range(30))
def test_never_two_open_suggestions_of_a_component(seed: int) -> None:
    """Findings that come and go at random never leave two living suggestions with a component or finding in common."""
    chance = random.Random(seed)
    names = [f"{detector.name}.{cause.key}" for detector in all_detectors() for cause in detector.causes]
    names += ["P0171", "P0300", "P0401", "P0299", "P0420", "P0562", "P0128", "C0035"]
    lasting: dict[str, Finding] = {}
    known: dict[str, Suggestion] = {}
    for day in range(40):
        now = NOW + timedelta(days=day)
        name = chance.choice(names)
        if lasting and chance.random() < 0.4:
            del lasting[chance.choice(list(lasting))]
        elif name not in lasting:
            lasting[name] = finding(name, now, day)
        known |= {one.id: one for one in advise(list(lasting.values()), list(known.values()), now=now)}
        living = [one for one in known.values() if one.state in LIVING]
        ids = [found for one in living for found in one.finding_ids]
        assert len({one.component for one in living}) == len(living)
        assert sorted(ids) == sorted(found.id for found in lasting.values())
