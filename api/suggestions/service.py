"""Advice for people: what is suggested and why, dismissing it, and what the workshop found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import audit
from api.errors import IllegalMoveError, InvalidRequestError, NotFoundError
from api.vehicles import repository as vehicles
from diagnostics import repository
from diagnostics.errors import StateMoveError, UnknownRowError
from diagnostics.findings import Finding, Outcome, Suggestion, SuggestionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from api.auth.scope import Scope
    from diagnostics.findings import Component, Severity


def suggestion(connection: sa.Connection, scope: Scope, suggestion_id: str) -> Suggestion:
    """One suggestion.

    Raises:
        NotFoundError: there is none that the person may see.
    """
    try:
        found = repository.suggestion(connection, suggestion_id)
        vehicles.vehicle(connection, scope, found.vehicle_id)
    except (UnknownRowError, NotFoundError) as error:
        raise NotFoundError("suggestion", suggestion_id) from error
    return found


def list_suggestions(
    connection: sa.Connection,
    scope: Scope,
    *,
    states: Iterable[SuggestionState] | None = None,
    vehicle_id: str | None = None,
    limit: int = 100,
    after: tuple[datetime, str] | None = None,
) -> list[Suggestion]:
    """Suggestions about vehicles that the person may see, newest first."""
    return repository.suggestions_of(connection, vehicles.visible_ids(scope, vehicle_id), states, limit, after)


def urgent(
    connection: sa.Connection,
    scope: Scope,
    *,
    severity: str | None = None,
    vehicle_id: str | None = None,
    limit: int = 100,
) -> list[Suggestion]:
    """What still asks for something of vehicles that the person may see, worst first, then newest."""
    mine = vehicles.visible_ids(scope, vehicle_id)
    return repository.urgent_suggestions(connection, mine, severity=severity, limit=limit)


def severities(connection: sa.Connection, scope: Scope) -> Mapping[str, Mapping[Severity, int]]:
    """How much still asks for something, by vehicle and severity."""
    return repository.severities_of(connection, vehicles.visible_ids(scope))


def findings_of(connection: sa.Connection, scope: Scope, suggestion_id: str) -> list[Finding]:
    """The findings that a suggestion rests on, as far as they are still borne out."""
    found = suggestion(connection, scope, suggestion_id)
    known = {finding.id: finding for finding in repository.findings_of(connection, found.vehicle_id)}
    return [known[finding_id] for finding_id in found.finding_ids if finding_id in known]


def dismiss(connection: sa.Connection, scope: Scope, suggestion_id: str, *, why: str, now: datetime) -> Suggestion:
    """Dismisses advice; a proposal that it led to is withdrawn by the worker.

    Raises:
        NotFoundError, IllegalMoveError: not this person's, or it has ended.
    """
    found = suggestion(connection, scope, suggestion_id)
    try:
        changed = repository.set_suggestion_state(connection, found.id, SuggestionState.DISMISSED, now, scope.name)
    except StateMoveError as error:
        raise IllegalMoveError("suggestion", found.state, "dismiss") from error
    audit.record(connection, who=scope.name, action="dismiss", what=found.id, now=now, why=why)
    return changed


def record_outcome(
    connection: sa.Connection,
    scope: Scope,
    suggestion_id: str,
    *,
    outcome: Outcome,
    note: str,
    now: datetime,
    component: Component | None = None,
) -> Suggestion:
    """Keeps what the workshop found, which ends the suggestion and counts for its detectors and for causes.

    ``component``: which one it was, where it was another cause.

    Raises:
        NotFoundError, IllegalMoveError: not this person's, or it has ended.
        InvalidRequestError: a component beside another outcome.
    """
    found = suggestion(connection, scope, suggestion_id)
    if component is not None and outcome != Outcome.OTHER_CAUSE:
        raise InvalidRequestError("a component is named for another cause only")
    try:
        repository.record_outcome(connection, found.id, outcome, note, scope.name, now, component)
    except StateMoveError as error:
        raise IllegalMoveError("suggestion", found.state, "record an outcome") from error
    more = {} if component is None else {"component": str(component)}
    audit.record(connection, who=scope.name, action="outcome", what=found.id, now=now, outcome=str(outcome), **more)
    return repository.suggestion(connection, found.id)
