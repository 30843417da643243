"""Findings of one vehicle become suggestions: one for those that share a cause, never twice for the same fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from diagnostics.cause_table import Sign
from diagnostics.findings import LIVING, Severity, Suggestion, SuggestionState
from diagnostics.suggestions.causes import grouped, rank

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from datetime import datetime

    from diagnostics.findings import Finding, Text

DUE: Mapping[Severity, timedelta | None] = MappingProxyType(
    {
        Severity.STOP_NOW: timedelta(days=1),
        Severity.SOON: timedelta(days=14),
        Severity.NEXT_SERVICE: None,
        Severity.MONITOR: None,
    }
)
"""How long advice may wait, from when it is given (our choice; a red finding holds the two earliest slots anyway)."""
CODES = "trouble_codes"
"""The detector whose causes are codes."""
_ALSO: Text = {"en": " Also: {}.", "zh": "另外：{}。"}


def advise(
    lasting: Sequence[Finding],
    known: Sequence[Suggestion],
    *,
    now: datetime,
    confirmed: Mapping[str, int] | None = None,
) -> list[Suggestion]:
    """What changes: new suggestions, and living ones that got worse, milder or have nothing left to stand on.

    ``lasting``: findings of one vehicle that have not cleared; ``known``: all suggestions it ever got; ``confirmed``:
    how often workshops confirmed each cause. Findings that share a cause make one suggestion, and a component is in one
    at most. A finding that was dismissed or done is not suggested again.
    """
    living = [advice for advice in known if advice.state in LIVING]
    held = {found for advice in living for found in advice.finding_ids}
    settled = {found for advice in known if advice.state not in LIVING for found in advice.finding_ids} - held
    waiting = [finding for finding in _worst_first(lasting) if finding.id not in settled]
    before = {advice.id: advice for advice in known}
    free, changed = list(living), []
    for places in grouped([sign_of(finding) for finding in waiting]):
        found = [waiting[at] for at in places]
        mine = _living_of(found, free)
        free = [advice for advice in free if mine is None or advice.id != mine.id]
        changed.append(_suggestion(found, mine or _new(found, now, before), now, confirmed))
    return [advice for advice in (*changed, *map(_withdrawn, free)) if before.get(advice.id) != advice]


def sign_of(finding: Finding) -> Sign:
    """What a finding is to the table of causes."""
    name = finding.cause if finding.detector == CODES else f"{finding.detector}.{finding.cause}"
    return Sign(name=name, component=finding.component)


def _living_of(found: Sequence[Finding], living: Sequence[Suggestion]) -> Suggestion | None:
    """The living suggestion that findings go on with: an accepted one before an open one, then the oldest."""
    ids, parts = {finding.id for finding in found}, {finding.component for finding in found}
    mine = [one for one in living if one.component in parts or ids & set(one.finding_ids)]
    return min(mine, key=lambda one: (one.state != SuggestionState.ACCEPTED, one.created_at, one.id), default=None)


def _worst_first(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: (finding.severity.rank, -finding.confidence, finding.since, finding.id))


def _new(found: Sequence[Finding], now: datetime, known: Container[str]) -> Suggestion:
    """A suggestion that stands on nothing yet; its identity is that of its first finding, and never used before."""
    worst, first = found[0], min(finding.id for finding in found)
    identity = str(uuid5(NAMESPACE_URL, f"roadworthy:suggestion:{worst.vehicle_id}/{worst.component}/{first}"))
    while identity in known:
        identity = str(uuid5(NAMESPACE_URL, identity))
    return Suggestion(
        id=identity, vehicle_id=worst.vehicle_id, component=worst.component, job=worst.job, severity=worst.severity,
        confidence=worst.confidence, state=SuggestionState.OPEN, created_at=now, due_by=None, title=worst.title,
        text=worst.text, finding_ids=(),
    )  # fmt: skip


def _suggestion(
    found: Sequence[Finding], before: Suggestion, now: datetime, confirmed: Mapping[str, int] | None
) -> Suggestion:
    """What a suggestion becomes; ``found`` has the worst finding first."""
    worst, ids = found[0], tuple(finding.id for finding in found)
    if set(ids) == set(before.finding_ids):
        return before
    parts = {finding.component for finding in found}
    wait = DUE[worst.severity]
    return replace(
        before,
        component=before.component if before.component in parts else worst.component,
        job=worst.job,
        severity=worst.severity,
        confidence=worst.confidence,
        due_by=None if wait is None else now + wait,
        title=worst.title,
        text=_text(found),
        finding_ids=ids,
        changed_by="diagnostics",
        causes=tuple(rank([sign_of(finding) for finding in found], confirmed)),
    )


def _text(found: Sequence[Finding]) -> Text:
    worst = found[0]
    others = [finding for finding in found[1:] if finding.title != worst.title]
    return {
        language: words + "".join(_ALSO[language].format(other.title[language]) for other in others)
        for language, words in worst.text.items()
    }


def _withdrawn(advice: Suggestion) -> Suggestion:
    return replace(advice, state=SuggestionState.WITHDRAWN, changed_by="diagnostics")
