"""Following the store: findings come out of stored batches, survive restarts, and do not depend on the order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from diagnostics import memory, repository
from diagnostics.evaluation.injection import lost_coolant
from diagnostics.findings import Component, Outcome, Severity, SuggestionState
from diagnostics.replay import compare
from ingest.storage.database import transaction

NOW = datetime(2026, 5, 1, tzinfo=UTC)
START_MS = 1_760_000_000_000
BETWEEN_MS = 8 * 3600 * 1000


def messages(desk, drives, *, faulty: int) -> list[bytes]:
    """Drives one after the other as messages; the ``faulty``-th boils."""
    found = []
    for number, drive in enumerate(drives):
        chosen = lost_coolant(drive) if number == faulty else drive
        found += desk.batches(chosen, start_ms=START_MS + number * BETWEEN_MS)
    return found


def findings(desk) -> list:
    return desk.read(repository.findings_of, desk.vehicle_id)


def test_a_boiling_car_is_told_to_stop(desk, drives) -> None:
    """Batches in the store become a finding with evidence, a suggestion and a health, while the trip still goes on."""
    everything = messages(desk, [drives[1], drives[0]], faulty=1)
    desk.put(*everything[:-1])
    follower = desk.follower()
    desk.follow(follower)
    (finding,) = findings(desk)
    assert (finding.detector, finding.severity) == ("overheating", Severity.STOP_NOW)
    assert finding.evidence.points[-1][1] >= finding.evidence.threshold == 115.0
    assert "115" in finding.text["en"]
    assert "115" in finding.text["zh"]
    (advice,) = desk.read(repository.suggestions_of, [desk.vehicle_id])
    assert (advice.component, advice.state) == (Component.COOLING, SuggestionState.OPEN)
    health = {row.component: row.health for row in desk.read(repository.health_of, desk.vehicle_id)}
    assert health[Component.COOLING] == 0.0


def test_a_restart_changes_nothing(desk, drives) -> None:
    """A follower opened anew after every step has the same bits of state and the same findings."""
    desk.put(*messages(desk, drives, faulty=1))
    once = desk.follower(limit=4)
    while once.step(now=NOW):
        packed = once.fleet.packed(0)
        once = desk.follower(limit=4)
        assert once.fleet.packed(0) == packed
    whole = compare(desk.engine, desk.history, desk.vehicle_id)
    assert whole.equal
    assert [f.detector for f in whole.stored.values()] == ["overheating"]


def test_the_order_of_arrival_makes_no_difference(desk, drives) -> None:
    """Backlog that comes after newer samples leads to the findings that the history leads to."""
    everything = messages(desk, drives, faulty=1)
    random.Random(4).shuffle(everything)
    follower = desk.follower(limit=3)
    for message in everything:
        desk.put(message)
        follower.step(NOW)
    desk.follow(follower)
    whole = compare(desk.engine, desk.history, desk.vehicle_id)
    assert whole.equal
    assert len(whole.stored) == 1


def test_the_same_fault_is_suggested_once_and_withdrawn_when_it_ends(desk, drives) -> None:
    """Two boiling trips are one suggestion; three sound ones later it is withdrawn."""
    order = [0, 1, 1, 0, 1, 0]
    chosen = [lost_coolant(drives[1]) if number in {1, 2} else drives[which] for number, which in enumerate(order)]
    follower, seen = desk.follower(), []
    for number, drive in enumerate(chosen):
        desk.put(*desk.batches(drive, start_ms=START_MS + number * BETWEEN_MS))
        desk.follow(follower)
        seen.append([(s.id, s.state) for s in desk.read(repository.suggestions_of, [desk.vehicle_id])])
    desk.follow(follower, now=NOW + timedelta(hours=2))
    (last,) = desk.read(repository.suggestions_of, [desk.vehicle_id])
    assert seen[0] == []
    assert {entry[0] for entry in seen[1:] for entry in entry} == {last.id}
    assert [states[0][1] for states in seen[1:]] == [SuggestionState.OPEN] * 5
    assert last.state == SuggestionState.WITHDRAWN
    assert findings(desk)[0].cleared_at is not None


def test_a_trip_is_judged_after_long_silence(desk, drives) -> None:
    """A car that parks for good is judged half an hour later, not at its next start; replay agrees."""
    desk.put(*desk.batches(drives[0], start_ms=START_MS))
    follower = desk.follower()
    desk.follow(follower)
    assert desk.read(repository.health_of, desk.vehicle_id) == []
    desk.follow(follower, now=NOW + timedelta(hours=1))
    assert {row.component for row in desk.read(repository.health_of, desk.vehicle_id)} >= {
        Component.THERMOSTAT,
        Component.CHARGING,
        Component.ENGINE_OIL,
    }
    assert compare(desk.engine, desk.history, desk.vehicle_id).equal


def test_a_confirmed_code_is_stated_at_once(desk, drives) -> None:
    """A stored code is a finding in words, a pending one is not, a code that goes clears it; order does not matter.

    Its advice goes after a quarter of an hour of running without it.
    """
    events = [
        desk.code("P0301", START_MS + 1000),
        desk.code("P0420", START_MS + 2000, state="pending"),
        desk.code("P0401", START_MS + 3000),
        desk.code("P0401", START_MS + 9000, present=False),
    ]
    for event in reversed(events):
        desk.put(event)
    follower = desk.follower()
    desk.follow(follower)
    found = {finding.cause: finding for finding in findings(desk)}
    assert set(found) == {"P0301", "P0401"}
    living = desk.read(repository.suggestions_of, [desk.vehicle_id], [SuggestionState.OPEN])
    assert {advice.component for advice in living} == {Component.MISFIRE, Component.EGR}
    desk.put(*desk.batches(drives[0], start_ms=START_MS + BETWEEN_MS))
    desk.follow(follower)
    desk.follow(follower, now=NOW + timedelta(hours=1))
    assert found["P0401"].cleared_at is not None
    assert "coil" in found["P0301"].text["en"]
    assert "线圈" in found["P0301"].text["zh"]
    (advice,) = desk.read(repository.suggestions_of, [desk.vehicle_id], [SuggestionState.OPEN])
    assert advice.component == Component.MISFIRE
    assert compare(desk.engine, desk.history, desk.vehicle_id).equal


def test_a_state_of_another_make_is_replayed(desk, drives) -> None:
    """After a change of detectors or parameters the vehicle is computed anew from its history."""
    desk.put(*messages(desk, drives[:3], faulty=1))
    desk.follow(desk.follower())
    before = findings(desk)
    with desk.engine.begin() as connection:
        memory.write_states(connection, {desk.vehicle_id: ("another make", b"old")})
    follower = desk.follower()
    desk.follow(follower)
    assert findings(desk) == before
    states = desk.read(memory.read_states)
    assert states[desk.vehicle_id][0] == follower.fleet.make_of(desk.vehicle_id)


def test_what_was_mended_begins_anew(desk, drives) -> None:
    """A confirmed repair clears the finding with the next trip; if the fault comes back, that is a new finding."""
    boiling, sound = lost_coolant(drives[0]), drives[0]
    follower, start = desk.follower(), int(NOW.timestamp() * 1000) - 4 * BETWEEN_MS
    desk.put(*desk.batches(boiling, start_ms=start), *desk.batches(boiling, start_ms=start + BETWEEN_MS))
    desk.follow(follower)
    (advice,) = desk.read(repository.suggestions_of, [desk.vehicle_id])
    mended = NOW - timedelta(milliseconds=2 * BETWEEN_MS + BETWEEN_MS // 2)
    with transaction(desk.engine) as connection:
        repository.record_outcome(connection, advice.id, Outcome.CONFIRMED, "new hose", "bob", mended)
    desk.put(*desk.batches(sound, start_ms=start + 2 * BETWEEN_MS))
    desk.put(*desk.batches(boiling, start_ms=start + 3 * BETWEEN_MS))
    desk.follow(follower)
    desk.follow(follower, now=NOW + timedelta(hours=1))
    newer, older = findings(desk)
    assert (older.cleared_at, newer.cleared_at) == (mended, None)
    states = [s.state for s in desk.read(repository.suggestions_of, [desk.vehicle_id])]
    assert sorted(states) == [SuggestionState.DONE, SuggestionState.OPEN]
    assert compare(desk.engine, desk.history, desk.vehicle_id).equal


def test_a_repair_told_late_is_replayed(desk, drives) -> None:
    """Told of after later trips were judged, it leads to what it would have led to in time."""
    boiling, start = lost_coolant(drives[0]), int(NOW.timestamp() * 1000) - 4 * BETWEEN_MS
    follower = desk.follower()
    for number in range(3):
        desk.put(*desk.batches(boiling, start_ms=start + number * BETWEEN_MS))
    desk.follow(follower)
    desk.follow(follower, now=NOW + timedelta(hours=1))
    with transaction(desk.engine) as connection:
        at = NOW - timedelta(milliseconds=2 * BETWEEN_MS + BETWEEN_MS // 2)
        repository.record_service(connection, desk.vehicle_id, Component.COOLING, at)
    desk.follow(follower, now=NOW + timedelta(hours=2))
    assert [found.cleared_at for found in findings(desk)] == [None, at]
    assert compare(desk.engine, desk.history, desk.vehicle_id).equal
