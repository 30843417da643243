"""The ECU's own tests: pending after one bad trip, stored with the lamp after two, healed after three good ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.trouble_codes import AT_ONCE, PASSES_TO_HEAL, Memory, Verdict, judge
from simulators.trouble_codes import tests as ecu_tests
from vehicle import signals
from vehicle.dtc import Dtc

BAD, GOOD = Verdict(code="P0171", failed_at=40), Verdict(code="P0171", failed_at=None)
SECONDS = 900


def after(*trips: Verdict) -> tuple[Memory, list]:
    """Memory after these trips, and the changes of each."""
    memory, changes = Memory(), []
    for verdict in trips:
        memory, changed = judge(memory, [verdict])
        changes.append([(change.row, change.kind, change.data) for change in changed])
    return memory, changes


def test_one_bad_trip_is_pending_without_lamp() -> None:
    memory, changes = after(BAD)
    assert (memory.pending, memory.stored, memory.mil) == ({"P0171"}, set(), False)
    assert changes == [[(40, "dtc", {"ecu": "7E8", "code": "P0171", "state": "pending", "present": True})]]


def test_two_bad_trips_store_it_and_light_the_lamp() -> None:
    memory, changes = after(BAD, BAD)
    assert memory.stored == {"P0171"}
    assert memory.mil
    assert [(kind, data.get("state", data.get("on"))) for _, kind, data in changes[1]] == [
        ("dtc", "stored"),
        ("mil", True),
    ]


def test_a_good_trip_in_between_begins_anew() -> None:
    """Pending is gone after a good trip, so that it takes two more bad ones."""
    memory, changes = after(BAD, GOOD, BAD)
    assert memory.stored == set()
    assert changes[1] == [(0, "dtc", {"ecu": "7E8", "code": "P0171", "state": "pending", "present": False})]


def test_three_good_trips_put_the_lamp_out() -> None:
    memory, _ = after(BAD, BAD, *[GOOD] * (PASSES_TO_HEAL - 1))
    assert memory.mil
    memory, changes = after(BAD, BAD, *[GOOD] * PASSES_TO_HEAL)
    assert not memory.mil
    assert ("mil", {"on": False, "count": 0}) in [(kind, data) for _, kind, data in changes[-1]]


@pytest.mark.parametrize("code", sorted(AT_ONCE))
def test_what_ruins_the_engine_is_stored_at_once(code: str) -> None:
    memory, _ = after(Verdict(code=code, failed_at=3))
    assert memory.stored == {code}


@given(st.lists(st.tuples(st.sampled_from(["P0171", "P0128", "P0217"]), st.booleans()), max_size=40))
def test_memory_is_what_its_changes_say(story: list[tuple[str, bool]]) -> None:
    """Whoever follows the events alone knows what is pending and stored, and whether the lamp is on."""
    memory, known, lamp = Memory(), {"pending": set(), "stored": set()}, False
    for code, bad in story:
        before = memory
        memory, changes = judge(memory, [Verdict(code=code, failed_at=9 if bad else None)])
        for change in changes:
            if change.kind == "mil":
                lamp = change.data["on"]
                continue
            assert (change.data["code"] in known[change.data["state"]]) is not change.data["present"]
            known[change.data["state"]] ^= {change.data["code"]}
        assert (memory.pending, memory.stored, memory.mil) == (known["pending"], known["stored"], lamp)
        assert before is not memory or not changes


def trip(**changed) -> dict[str, np.ndarray]:
    """A sound trip as the sensors say it: cold start, warm after 400 s, charging."""
    values = {
        signals.COOLANT_TEMPERATURE: np.minimum(88.0, 20.0 + 0.17 * np.arange(SECONDS)),
        signals.MAF: np.full(SECONDS, 8.0),
        signals.LONG_TERM_FUEL_TRIM_1: np.full(SECONDS, 1.0),
        signals.SHORT_TERM_FUEL_TRIM_1: np.zeros(SECONDS),
        signals.CONTROL_MODULE_VOLTAGE: np.full(SECONDS, 13.9),
        signals.ENGINE_SPEED: np.full(SECONDS, 1600.0),
        signals.INTAKE_AIR_TEMPERATURE: np.full(SECONDS, 21.0),
    }
    return values | changed


def failed(values: dict[str, np.ndarray], *, misfires: float = 0.0, parked_s: float = 36_000.0) -> set[str]:
    found = ecu_tests(values, np.full(SECONDS, misfires), parked_s=parked_s, warm_air_g_per_k=90.0)
    return {verdict.code for verdict in found if verdict.failed_at is not None}


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, set()),
        ({signals.COOLANT_TEMPERATURE: np.minimum(55.0, 20.0 + 0.1 * np.arange(SECONDS))}, {"P0128"}),
        ({signals.COOLANT_TEMPERATURE: np.minimum(120.0, 20.0 + 0.17 * np.arange(SECONDS))}, {"P0217"}),
        ({signals.LONG_TERM_FUEL_TRIM_1: np.full(SECONDS, 25.0)}, {"P0171"}),
        ({signals.CONTROL_MODULE_VOLTAGE: np.full(SECONDS, 11.5)}, {"P0562"}),
        (
            {signals.CONTROL_MODULE_VOLTAGE: np.full(SECONDS, 11.5), signals.ENGINE_SPEED: np.full(SECONDS, 700.0)},
            set(),
        ),
        ({signals.INTAKE_AIR_TEMPERATURE: np.full(SECONDS, -15.0)}, {"P0116"}),
    ],
    ids=["sound", "never warm", "too hot", "lean", "no charge", "no charge at idle", "implausible after a night"],
)
def test_each_fault_fails_its_own_test(changed: dict, codes: set[str]) -> None:
    """And no other; a sound trip fails none. Every code is one of SAE J2012."""
    found = failed(trip(**changed))
    assert found == codes
    assert {Dtc(code).code for code in found} == found


def test_misfires_count_by_their_share() -> None:
    """Five of a hundred firings fail the test, one of a hundred does not."""
    a_second = 1600.0 / 120.0
    assert failed(trip(), misfires=0.05 * a_second) == {"P0301"}
    assert failed(trip(), misfires=0.01 * a_second) == set()


def test_after_a_short_stop_coolant_and_air_may_differ() -> None:
    """The plausibility of the sensors is judged after a night only."""
    assert failed(trip(**{signals.INTAKE_AIR_TEMPERATURE: np.full(SECONDS, -15.0)}), parked_s=3600.0) == set()
