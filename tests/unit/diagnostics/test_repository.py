"""Findings, suggestions, outcomes and health in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from diagnostics import outcomes, repository, tables
from diagnostics.errors import StateMoveError, UnknownRowError
from diagnostics.findings import (
    Component,
    ComponentHealth,
    Evidence,
    Finding,
    Outcome,
    Severity,
    Suggestion,
    SuggestionState,
)

NOW = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
SAMPLE = Finding(
    id="f1",
    vehicle_id="v1",
    detector="thermostat",
    cause="stuck_open",
    component=Component.THERMOSTAT,
    severity=Severity.SOON,
    confidence=0.9,
    since=NOW,
    found_at=NOW,
    cleared_at=None,
    evidence=Evidence(
        feature="x", unit="degC", label={"en": "a", "zh": "b"}, points=((1, 2.5), (2, 3.5)), expectation=((1, 0.0),),
        threshold=7.0, window=(1, 2), signals=("Vehicle.Speed",), device_id="d1",
    ),
    title={"en": "t", "zh": "t"},
    text={"en": "t", "zh": "t"},
    job="replace_thermostat",
)  # fmt: skip
ADVICE = Suggestion(
    id="s1", vehicle_id="v1", component=Component.THERMOSTAT, job="replace_thermostat", severity=Severity.SOON,
    confidence=0.9, state=SuggestionState.OPEN, created_at=NOW, due_by=NOW + timedelta(days=14),
    title={"en": "t", "zh": "t"}, text={"en": "t", "zh": "t"}, finding_ids=("f1",),
)  # fmt: skip


def test_the_migration_makes_the_tables_that_the_code_uses(connection) -> None:
    """Columns after migrating are those of the declared tables."""
    inspector = sa.inspect(connection)
    for table in tables.metadata.sorted_tables:
        assert {c["name"] for c in inspector.get_columns(table.name)} == set(table.columns.keys())


def test_a_finding_comes_back_as_it_was(connection) -> None:
    """Evidence, texts and times survive the database."""
    repository.save_finding(connection, SAMPLE)
    assert repository.finding(connection, "f1") == SAMPLE
    assert repository.findings_of(connection, "v1") == [SAMPLE]
    repository.clear_finding(connection, "f1", NOW)
    assert repository.findings_of(connection, "v1", lasting=True) == []


def test_what_is_not_there_is_named(connection) -> None:
    """Asking for an unknown row raises with its id."""
    with pytest.raises(UnknownRowError, match="nope"):
        repository.finding(connection, "nope")
    with pytest.raises(UnknownRowError, match="nope"):
        repository.suggestion(connection, "nope")


def test_every_change_has_its_revision(connection) -> None:
    """Consumers that follow revisions see each suggestion again when it changes."""
    first = repository.save_suggestion(connection, ADVICE, at=NOW)
    other = repository.save_suggestion(connection, replace(ADVICE, id="s2"), at=NOW)
    assert (first.revision, other.revision) == (1, 2)
    repository.set_suggestion_state(connection, "s1", SuggestionState.ACCEPTED, NOW, "ann")
    changed = repository.suggestions_changed_since(connection, 2)
    assert [(s.id, s.state, s.changed_by) for s in changed] == [("s1", SuggestionState.ACCEPTED, "ann")]


def test_pages_follow_each_other(connection) -> None:
    """Keyset paging by (created_at, id) gives each suggestion once."""
    for number in range(5):
        advice = replace(ADVICE, id=f"s{number}", created_at=NOW + timedelta(hours=number // 2))
        repository.save_suggestion(connection, advice, at=NOW)
    seen, after = [], None
    while page := repository.suggestions_of(connection, None, None, 2, after):
        seen += [s.id for s in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == ["s4", "s3", "s2", "s1", "s0"]


def test_an_ended_suggestion_stays_ended(connection) -> None:
    """A withdrawn suggestion cannot be accepted; the error says what it is."""
    repository.save_suggestion(connection, ADVICE, at=NOW)
    repository.set_suggestion_state(connection, "s1", SuggestionState.WITHDRAWN, NOW, "diagnostics")
    with pytest.raises(StateMoveError, match="withdrawn"):
        repository.set_suggestion_state(connection, "s1", SuggestionState.ACCEPTED, NOW, "ann")


def test_outcomes_make_precision(connection) -> None:
    """The latest outcome of a suggestion counts for the detectors of its findings."""
    repository.save_finding(connection, SAMPLE)
    repository.save_suggestion(connection, ADVICE, at=NOW)
    repository.record_outcome(connection, "s1", Outcome.NO_TROUBLE_FOUND, "", "bob", NOW)
    repository.record_outcome(connection, "s1", Outcome.CONFIRMED, "looked again", "bob", NOW)
    (row,) = outcomes.detector_precision(connection)
    assert (row.detector, row.confirmed, row.judged, row.precision) == ("thermostat", 1, 1, 1.0)
    assert repository.suggestion(connection, "s1").state == SuggestionState.DONE


def test_health_replaces_what_was_known(connection) -> None:
    """One row a component, the latest."""
    health = ComponentHealth(
        vehicle_id="v1", component=Component.ENGINE_OIL, health=0.4, rul_days=None, updated_at=NOW,
        basis={"en": "a", "zh": "b"},
    )  # fmt: skip
    newer = replace(health, health=0.3, rul_days=(10.0, 20.0, 30.0))
    repository.save_health(connection, [health])
    repository.save_health(connection, [newer])
    assert repository.health_of(connection, "v1") == [newer]


def test_the_health_of_a_part_that_was_replaced_is_not_stated_any_more(connection) -> None:
    """It was that of the part which was taken out; other components keep theirs."""
    old = ComponentHealth(
        vehicle_id="v1", component=Component.BRAKES_FRONT, health=0.1, rul_days=(1.0, 2.0, 3.0), updated_at=NOW,
        basis={"en": "b", "zh": "b"},
    )  # fmt: skip
    repository.save_health(connection, [old, replace(old, component=Component.THERMOSTAT)])
    repository.record_service(connection, "v1", Component.BRAKES_FRONT, NOW + timedelta(days=1))
    assert [one.component for one in repository.health_of(connection, "v1")] == [Component.THERMOSTAT]
