"""Suggestions, and what became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.pagination import Page, Paging
from api.policy import V1
from api.routes import IdempotentRoute
from api.suggestions import service
from api.suggestions.schemas import CauseOut, Dismissal, OutcomeIn, PrecisionOut, SuggestionOut
from api.web import Database, Now, Person
from diagnostics.findings import SuggestionState
from diagnostics.outcomes import detector_precision, told
from diagnostics.suggestions.causes import shares
from diagnostics.suggestions.trust import trust

router = APIRouter(prefix=V1, tags=["suggestions"], route_class=IdempotentRoute)


@router.get("/suggestions")
def list_suggestions(
    connection: Database,
    person: Person,
    paging: Paging,
    state: Annotated[list[SuggestionState] | None, Query()] = None,
    vehicle_id: str | None = None,
) -> Page[SuggestionOut]:
    """Suggestions that one may see, newest first."""
    rows = service.list_suggestions(
        connection, person, states=state, vehicle_id=vehicle_id, limit=paging.limit + 1, after=paging.after
    )
    return paging.page(rows, lambda row: (row.created_at, row.id), SuggestionOut.model_validate)


@router.get("/suggestions/{suggestion_id}")
def get_suggestion(suggestion_id: str, connection: Database, person: Person) -> SuggestionOut:
    """One suggestion."""
    return SuggestionOut.model_validate(service.suggestion(connection, person, suggestion_id))


@router.post("/suggestions/{suggestion_id}/dismissal")
def dismiss(suggestion_id: str, body: Dismissal, connection: Database, person: Person, moment: Now) -> SuggestionOut:
    """Dismiss advice."""
    changed = service.dismiss(connection, person, suggestion_id, why=body.why, now=moment)
    return SuggestionOut.model_validate(changed)


@router.post("/suggestions/{suggestion_id}/outcome")
def record_outcome(
    suggestion_id: str, body: OutcomeIn, connection: Database, person: Person, moment: Now
) -> SuggestionOut:
    """Tell what the workshop found; it counts for the detectors."""
    changed = service.record_outcome(
        connection, person, suggestion_id, outcome=body.outcome, component=body.component, note=body.note, now=moment
    )
    return SuggestionOut.model_validate(changed)


@router.get("/detectors")
def list_precision(connection: Database, person: Person) -> list[PrecisionOut]:
    """How often each detector was right, over all outcomes."""
    del person
    return [
        PrecisionOut(
            detector=one.detector, confirmed=one.confirmed, other_cause=one.other_cause, no_trouble=one.no_trouble,
            judged=one.judged, precision=one.precision, expected=far.expected, low=far.low, high=far.high,
            poor=far.poor,
        )
        for one in detector_precision(connection)
        for far in [trust(one)]
    ]  # fmt: skip


@router.get("/causes")
def list_causes(connection: Database, person: Person) -> list[CauseOut]:
    """Causes that workshops found, over all outcomes, and how that moved what is expected before any sign."""
    del person
    return [CauseOut.model_validate(one) for one in shares(told(connection).causes)]
