"""All SQL about findings, suggestions, outcomes and health; callers bring the connection and commit.

What the runner keeps for itself (state arrays, trips, code events) is in :mod:`diagnostics.memory`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from diagnostics import tables as t
from diagnostics.errors import StateMoveError, UnknownMeasurementError, UnknownRowError
from diagnostics.features.trips import MEASUREMENTS
from diagnostics.findings import (
    LIVING,
    Component,
    ComponentHealth,
    Finding,
    Likely,
    Outcome,
    Severity,
    Suggestion,
    SuggestionState,
    Timing,
    as_json,
    evidence_of,
)
from diagnostics.outcomes import found_cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    Vehicles = Iterable[str] | sa.Select[tuple[str]]
    """Ids of vehicles, or a query for them, which may find more than one can name."""

S = SuggestionState
MOVES: Mapping[SuggestionState, tuple[SuggestionState, ...]] = MappingProxyType(
    {
        S.OPEN: (S.ACCEPTED, S.DISMISSED, S.WITHDRAWN, S.DONE),
        S.ACCEPTED: (S.OPEN, S.DISMISSED, S.WITHDRAWN, S.DONE),
        S.DISMISSED: (S.OPEN,),
        S.WITHDRAWN: (),
        S.DONE: (),
    }
)
"""Allowed moves of a suggestion's state."""


def finding(connection: sa.Connection, finding_id: str) -> Finding:
    """One finding.

    Raises:
        UnknownRowError: there is none with that id.
    """
    row = connection.execute(sa.select(t.findings).where(t.findings.c.id == finding_id)).mappings().first()
    if row is None:
        raise UnknownRowError("finding", finding_id)
    return _finding(row)


def findings_of(
    connection: sa.Connection, vehicle_id: str, limit: int | None = None, *, lasting: bool = False
) -> list[Finding]:
    """Findings about a vehicle, newest first; with ``lasting`` only those that have not cleared."""
    c = t.findings.c
    query = sa.select(t.findings).where(c.vehicle_id == vehicle_id).order_by(c.found_at.desc(), c.id)
    if lasting:
        query = query.where(c.cleared_at.is_(None))
    return [_finding(row) for row in connection.execute(query.limit(limit)).mappings()]


def save_finding(connection: sa.Connection, found: Finding) -> None:
    """Stores a finding, or in place of the one with the same id."""
    values = {name: getattr(found, name) for name in _FINDING_COLUMNS} | {"evidence": as_json(found.evidence)}
    connection.execute(t.findings.delete().where(t.findings.c.id == found.id))
    connection.execute(t.findings.insert().values(values))


def clear_finding(connection: sa.Connection, finding_id: str, at: datetime) -> None:
    """Notes that the trouble is gone since ``at``."""
    connection.execute(t.findings.update().where(t.findings.c.id == finding_id).values(cleared_at=at))


def remove_findings(connection: sa.Connection, finding_ids: Iterable[str]) -> None:
    """Takes back findings that the whole history does not bear out."""
    connection.execute(t.findings.delete().where(t.findings.c.id.in_(list(finding_ids))))


def suggestion(connection: sa.Connection, suggestion_id: str) -> Suggestion:
    """One suggestion.

    Raises:
        UnknownRowError: there is none with that id.
    """
    query = sa.select(t.suggestions).where(t.suggestions.c.id == suggestion_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise UnknownRowError("suggestion", suggestion_id)
    return _suggestion(row)


def suggestions_of(
    connection: sa.Connection,
    vehicle_ids: Vehicles | None = None,
    states: Iterable[SuggestionState] | None = None,
    limit: int = 100,
    after: tuple[datetime, str] | None = None,
) -> list[Suggestion]:
    """Suggestions, newest first, of all vehicles or some; ``after`` is (created_at, id) of the last one seen."""
    c = t.suggestions.c
    query = sa.select(t.suggestions).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    if vehicle_ids is not None:
        query = query.where(_is_of(vehicle_ids))
    if states is not None:
        query = query.where(c.state.in_([str(state) for state in states]))
    if after is not None:
        at, last_id = after
        query = query.where(sa.or_(c.created_at < at, sa.and_(c.created_at == at, c.id < last_id)))
    return [_suggestion(row) for row in connection.execute(query).mappings()]


def urgent_suggestions(
    connection: sa.Connection, vehicle_ids: Vehicles, *, severity: str | None = None, limit: int
) -> list[Suggestion]:
    """Suggestions that still ask for something, worst first, then newest; of one severity if it is given."""
    c = t.suggestions.c
    rank = sa.case({str(one): one.rank for one in Severity}, value=c.severity)
    query = sa.select(t.suggestions).where(_is_of(vehicle_ids), _lives())
    if severity is not None:
        query = query.where(c.severity == severity)
    query = query.order_by(rank, c.created_at.desc(), c.id.desc()).limit(limit)
    return [_suggestion(row) for row in connection.execute(query).mappings()]


def severities_of(connection: sa.Connection, vehicle_ids: Vehicles) -> dict[str, Counter[Severity]]:
    """How many suggestions still ask for something, by vehicle and severity."""
    c = t.suggestions.c
    query = sa.select(c.vehicle_id, c.severity, sa.func.count().label("many")).where(_is_of(vehicle_ids), _lives())
    found: dict[str, Counter[Severity]] = {}
    for row in connection.execute(query.group_by(c.vehicle_id, c.severity)):
        found.setdefault(row.vehicle_id, Counter())[Severity(row.severity)] = row.many
    return found


def suggestions_changed_since(connection: sa.Connection, cursor: int, limit: int = 100) -> list[Suggestion]:
    """Suggestions whose revision is above ``cursor``, in the order of their revision."""
    c = t.suggestions.c
    query = sa.select(t.suggestions).where(c.revision > cursor).order_by(c.revision).limit(limit)
    return [_suggestion(row) for row in connection.execute(query).mappings()]


def living_of_severity(
    connection: sa.Connection, severities: Iterable[Severity], *, after: int = 0, limit: int = 500
) -> list[Suggestion]:
    """Suggestions of any vehicle that still ask for something, with revisions above ``after``, in their order."""
    c = t.suggestions.c
    states = [str(state) for state in LIVING]
    wanted = (c.state.in_(states), c.severity.in_([str(one) for one in severities]), c.revision > after)
    query = sa.select(t.suggestions).where(*wanted).order_by(c.revision).limit(limit)
    return [_suggestion(row) for row in connection.execute(query).mappings()]


def latest_revision(connection: sa.Connection) -> int:
    """The highest revision of any suggestion; 0 before the first."""
    found = connection.execute(sa.select(t.revisions.c.value).where(t.revisions.c.name == "suggestions")).scalar()
    return int(found or 0)


def vehicles_with_advice(connection: sa.Connection, vehicle_ids: Iterable[str]) -> set[str]:
    """Those of the vehicles of which a suggestion still asks for something."""
    query = sa.select(t.suggestions.c.vehicle_id).where(_is_of(vehicle_ids), _lives())
    return set(connection.execute(query).scalars())


def living_suggestions(connection: sa.Connection, vehicle_id: str) -> list[Suggestion]:
    """The vehicle's suggestions that still ask for something."""
    return suggestions_of(connection, [vehicle_id], LIVING, limit=1000)


def save_suggestion(connection: sa.Connection, advice: Suggestion, *, at: datetime) -> Suggestion:
    """Stores a suggestion, new or changed, under the next revision, which it returns filled in."""
    ended = None if advice.state in LIVING else advice.closed_at or at
    saved = replace(advice, revision=_next_revision(connection), closed_at=ended)
    values = {name: getattr(saved, name) for name in _SUGGESTION_COLUMNS}
    values |= {
        "finding_ids": list(saved.finding_ids),
        "changed_at": at,
        "causes": [asdict(one) for one in saved.causes],
        "timing": None if saved.timing is None else asdict(saved.timing),
    }
    c = t.suggestions.c
    if connection.execute(t.suggestions.update().where(c.id == saved.id).values(values)).rowcount == 0:
        connection.execute(t.suggestions.insert().values(values))
    return saved


def set_suggestion_state(
    connection: sa.Connection, suggestion_id: str, state: SuggestionState, at: datetime, by: str
) -> Suggestion:
    """Moves a suggestion to another state; the one it is in already changes nothing.

    Raises:
        UnknownRowError: there is none with that id.
        StateMoveError: its state cannot become the one asked for.
    """
    found = suggestion(connection, suggestion_id)
    if found.state == state:
        return found
    if state not in MOVES[found.state] or (
        state == S.OPEN and found.state not in LIVING and _is_told(connection, found)
    ):
        raise StateMoveError(suggestion_id, found.state, state, tuple(str(move) for move in MOVES[found.state]))
    return save_suggestion(connection, replace(found, state=SuggestionState(state), changed_by=by), at=at)


def record_outcome(
    connection: sa.Connection,
    suggestion_id: str,
    outcome: Outcome,
    note: str,
    by: str,
    at: datetime,
    component: Component | None = None,
) -> None:
    """Keeps what the workshop found and ends the suggestion as done; a fault that was found counts as mended from then.

    Confirmed is the likeliest of its causes, which counts for the priors of causes to come; so does a cause in another
    ``component``, where the workshop named it.

    Raises:
        UnknownRowError: there is no such suggestion.
        StateMoveError: the suggestion was withdrawn or dismissed before.
    """
    ended = set_suggestion_state(connection, suggestion_id, SuggestionState.DONE, at, by)
    mended = {component} if component is not None and outcome == Outcome.OTHER_CAUSE else set()
    if outcome == Outcome.CONFIRMED:
        mended = {ended.component, *_components_of(connection, ended)}
    for part in sorted(mended):
        record_service(connection, ended.vehicle_id, part, at)
    cause = found_cause(ended, outcome, component)
    values = {"suggestion_id": suggestion_id, "outcome": str(Outcome(outcome)), "note": note, "cause": cause}
    connection.execute(t.outcomes.insert().values(**values, recorded_by=by, recorded_at=at))


def record_service(connection: sa.Connection, vehicle_id: str, component: Component, at: datetime) -> None:
    """Keeps that a component was repaired or replaced: what was learned and counted of it begins anew.

    Its health is not stated any more until a trip after that tells of the new part.
    """
    connection.execute(t.services.insert().values(vehicle_id=vehicle_id, component=str(component), at=at))
    c = t.component_health.c
    old = (c.vehicle_id == vehicle_id, c.component == str(component), c.updated_at <= at)
    connection.execute(t.component_health.delete().where(*old))


def record_measurement(
    connection: sa.Connection, vehicle_id: str, name: str, value: float, at: datetime, *, by: str
) -> None:
    """Keeps what a workshop measured; the unit is in the name.

    Raises:
        UnknownMeasurementError: no detector asks for a measurement of that name.
    """
    if name not in MEASUREMENTS:
        raise UnknownMeasurementError(name, MEASUREMENTS)
    values = {"vehicle_id": vehicle_id, "name": name, "value": value, "at": at, "recorded_by": by}
    connection.execute(t.measurements.insert().values(**values))


def measurements_of(connection: sa.Connection, vehicle_id: str) -> list[tuple[str, float, datetime, str]]:
    """Name, value, when and by whom, oldest first."""
    c = t.measurements.c
    query = sa.select(c.name, c.value, c.at, c.recorded_by).where(c.vehicle_id == vehicle_id).order_by(c.at, c.id)
    return [(row.name, row.value, row.at, row.recorded_by) for row in connection.execute(query)]


def record_kind(connection: sa.Connection, vehicle_id: str, *, platform: str = "", powertrain: str = "") -> None:
    """Keeps what a vehicle is, so that detectors take the parameters of its kind; the last word counts."""
    values = {"vehicle_id": vehicle_id, "platform": platform, "powertrain": powertrain}
    connection.execute(t.vehicle_kinds.insert().values(**values))


def kind_of(connection: sa.Connection, vehicle_id: str) -> tuple[str, str]:
    """Platform and powertrain that a vehicle was last told to be; empty where nobody told."""
    c = t.vehicle_kinds.c
    query = sa.select(c.platform, c.powertrain).where(c.vehicle_id == vehicle_id).order_by(c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return ("", "") if row is None else (row.platform, row.powertrain)


def outcomes_of(connection: sa.Connection, suggestion_id: str) -> list[tuple[Outcome, str, str, datetime]]:
    """Outcome, note, by whom and when, oldest first."""
    c = t.outcomes.c
    query = sa.select(c.outcome, c.note, c.recorded_by, c.recorded_at).where(c.suggestion_id == suggestion_id)
    return [(Outcome(row.outcome), row.note, row.recorded_by, row.recorded_at) for row in
            connection.execute(query.order_by(c.id))]  # fmt: skip


def health_of(connection: sa.Connection, vehicle_id: str) -> list[ComponentHealth]:
    """Health of the vehicle's components, by name."""
    c = t.component_health.c
    query = sa.select(t.component_health).where(c.vehicle_id == vehicle_id).order_by(c.component)
    return [_health(row) for row in connection.execute(query).mappings()]


def save_health(connection: sa.Connection, healths: Iterable[ComponentHealth]) -> None:
    """Stores health in place of what was known of the same components."""
    c = t.component_health.c
    for health in healths:
        low, median, high = health.rul_days or (None, None, None)
        values = {name: getattr(health, name) for name in ("vehicle_id", "component", "health", "updated_at", "basis")}
        values |= {"rul_low_days": low, "rul_median_days": median, "rul_high_days": high}
        mine = (c.vehicle_id == health.vehicle_id, c.component == str(health.component))
        if connection.execute(t.component_health.update().where(*mine).values(values)).rowcount == 0:
            connection.execute(t.component_health.insert().values(values))


_FINDING_COLUMNS = tuple(column.name for column in t.findings.columns)
_SUGGESTION_COLUMNS = tuple(column.name for column in t.suggestions.columns if column.name != "changed_at")


def _is_of(vehicle_ids: Vehicles) -> sa.ColumnElement[bool]:
    chosen = vehicle_ids if isinstance(vehicle_ids, sa.Select) else list(vehicle_ids)
    return t.suggestions.c.vehicle_id.in_(chosen)


def _lives() -> sa.ColumnElement[bool]:
    return t.suggestions.c.state.in_([str(state) for state in LIVING])


def _is_told(connection: sa.Connection, advice: Suggestion) -> bool:
    """Whether other advice about the same component still asks for something."""
    found = living_suggestions(connection, advice.vehicle_id)
    return any(one.component == advice.component and one.id != advice.id for one in found)


def _next_revision(connection: sa.Connection) -> int:
    # The row stays locked until commit, so revisions become visible in their own order also on PostgreSQL.
    c = t.revisions.c
    raised = t.revisions.update().where(c.name == "suggestions").values(value=c.value + 1)
    if connection.execute(raised).rowcount == 0:
        connection.execute(t.revisions.insert().values(name="suggestions", value=1))
    value: int = connection.execute(sa.select(c.value).where(c.name == "suggestions")).scalar_one()
    return value


def _components_of(connection: sa.Connection, advice: Suggestion) -> set[Component]:
    query = sa.select(t.findings.c.component).where(t.findings.c.id.in_(advice.finding_ids))
    return {Component(name) for name in connection.execute(query).scalars()}


def _finding(row: sa.RowMapping) -> Finding:
    parts = {name: row[name] for name in _FINDING_COLUMNS}
    parts["component"], parts["severity"] = Component(row["component"]), Severity(row["severity"])
    return Finding(**parts | {"evidence": evidence_of(row["evidence"])})


def _suggestion(row: sa.RowMapping) -> Suggestion:
    parts = {name: row[name] for name in _SUGGESTION_COLUMNS}
    parts["component"], parts["severity"] = Component(row["component"]), Severity(row["severity"])
    parts["timing"] = None if row["timing"] is None else Timing(**row["timing"])
    parts["causes"] = tuple(Likely(**cause | {"component": Component(cause["component"])}) for cause in row["causes"])
    return Suggestion(**parts | {"state": SuggestionState(row["state"]), "finding_ids": tuple(row["finding_ids"])})


def _health(row: sa.RowMapping) -> ComponentHealth:
    interval = (row["rul_low_days"], row["rul_median_days"], row["rul_high_days"])
    low, median, high = interval
    known = low is not None and median is not None and high is not None
    return ComponentHealth(
        vehicle_id=row["vehicle_id"],
        component=Component(row["component"]),
        health=row["health"],
        rul_days=(low, median, high) if known else None,
        updated_at=row["updated_at"],
        basis=dict(row["basis"]),
    )
