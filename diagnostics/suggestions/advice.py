"""Findings of one vehicle become suggestions: one a component, never twice for the same fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from diagnostics.findings import LIVING, Severity, Suggestion, SuggestionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from diagnostics.findings import Component, Finding, Text

DUE: Mapping[Severity, timedelta | None] = MappingProxyType(
    {
        Severity.STOP_NOW: timedelta(days=1),
        Severity.SOON: timedelta(days=14),
        Severity.NEXT_SERVICE: None,
        Severity.MONITOR: None,
    }
)
"""How long advice may wait, from when it is given (our choice; a red finding holds the two earliest slots anyway)."""
_ALSO: Text = {"en": " Also: {}.", "zh": "另外：{}。"}


def advise(lasting: Sequence[Finding], known: Sequence[Suggestion], *, now: datetime) -> list[Suggestion]:
    """What changes: new suggestions, and living ones that got worse, milder or have nothing left to stand on.

    ``lasting``: findings of one vehicle that have not cleared; ``known``: all suggestions it ever got. A finding that
    was dismissed or done is not suggested again.
    """
    living = {advice.component: advice for advice in known if advice.state in LIVING}
    settled = {found for advice in known if advice.state not in LIVING for found in advice.finding_ids}
    by_component: dict[Component, list[Finding]] = {}
    for finding in lasting:
        if finding.id not in settled:
            by_component.setdefault(finding.component, []).append(finding)
    changed = [
        _suggestion(component, _worst_first(found), living.get(component), now)
        for component, found in sorted(by_component.items())
    ]
    ended = [_withdrawn(advice) for component, advice in sorted(living.items()) if component not in by_component]
    before = {advice.id: advice for advice in known}
    return [advice for advice in (*changed, *ended) if before.get(advice.id) != advice]


def _worst_first(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: (finding.severity.rank, -finding.confidence, finding.since, finding.id))


def _suggestion(component: Component, found: Sequence[Finding], living: Suggestion | None, now: datetime) -> Suggestion:
    worst, ids = found[0], tuple(finding.id for finding in found)
    if living is not None and set(ids) == set(living.finding_ids):
        return living
    created = living.created_at if living is not None else now
    wait = DUE[worst.severity]
    return Suggestion(
        id=living.id if living is not None else _identity(worst.vehicle_id, component, ids),
        vehicle_id=worst.vehicle_id,
        component=component,
        job=worst.job,
        severity=worst.severity,
        confidence=worst.confidence,
        state=living.state if living is not None else SuggestionState.OPEN,
        created_at=created,
        due_by=None if wait is None else now + wait,
        title=worst.title,
        text=_text(found),
        finding_ids=ids,
        revision=living.revision if living is not None else 0,
    )


def _identity(vehicle_id: str, component: Component, ids: tuple[str, ...]) -> str:
    return str(uuid5(NAMESPACE_URL, f"roadworthy:suggestion:{vehicle_id}/{component}/{min(ids)}"))


def _text(found: Sequence[Finding]) -> Text:
    worst = found[0]
    others = [finding for finding in found[1:] if finding.title != worst.title]
    return {
        language: words + "".join(_ALSO[language].format(other.title[language]) for other in others)
        for language, words in worst.text.items()
    }


def _withdrawn(advice: Suggestion) -> Suggestion:
    return replace(advice, state=SuggestionState.WITHDRAWN, changed_by="diagnostics")
