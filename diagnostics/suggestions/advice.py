"""Findings of one vehicle become suggestions: one for those that share a cause, never twice for the same fault.

The life of advice. It is opened by a finding, goes on with whatever joins it, ends by itself when nothing of it stands
any more (:mod:`diagnostics.suggestions.standing` says when), and is the same one again if that comes back within a
week. What a person dismissed or a workshop dealt with stays so: only what is found after that opens another, and for a
week after a dismissal only what is worse. Which suggestions live, what they are about, how bad it is and since when
follows from findings and from what people decided, not from the order in which batches arrived.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from diagnostics.cause_table import Sign
from diagnostics.findings import LIVING, Severity, Suggestion, SuggestionState
from diagnostics.suggestions.causes import grouped, rank, sign_name
from diagnostics.suggestions.standing import COMES_BACK_WITHIN, Stood, began
from diagnostics.suggestions.timing import timing

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from datetime import datetime

    from diagnostics.findings import Component, ComponentHealth, Finding, Likely, Text, Timing
    from diagnostics.suggestions.causes import Told

DUE: Mapping[Severity, timedelta | None] = MappingProxyType(
    {
        Severity.STOP_NOW: timedelta(days=1),
        Severity.SOON: timedelta(days=14),
        Severity.NEXT_SERVICE: None,
        Severity.MONITOR: None,
    }
)
"""How long advice may wait at most, from when it is given (our choice; a red finding holds the two earliest slots
anyway). Where a repair is cheapest sooner, that counts."""
PEOPLES = frozenset({SuggestionState.DISMISSED, SuggestionState.DONE})
"""States in which people ended advice."""
MOVED, NEAR = 0.25, timedelta(days=3)
"""A chance is told anew where it moved by more than this part, a date also by more than these days (our choice)."""
WORTH_TELLING = 0.01
"""Causes are told anew where a probability moved by this much, or their order changed (our choice)."""
_ALSO: Text = {"en": " Also: {}.", "zh": "另外：{}。"}


def advise(
    standing: Sequence[Finding],
    known: Sequence[Suggestion],
    *,
    now: datetime,
    confirmed: Mapping[str, int] | Told | None = None,
    history: Sequence[Stood] = (),
    health: Mapping[Component, ComponentHealth] | None = None,
) -> list[Suggestion]:
    """What changes: new suggestions, and living ones that got worse, milder or have nothing left to stand on.

    ``standing``: findings of one vehicle that stand; ``known``: all suggestions it ever got; ``confirmed``: what
    workshops found, or how often each cause; ``history``: all findings of the vehicle with how long each stood;
    ``health``: of its components, from which follows by when and what waiting costs. Findings that share a cause make
    one suggestion, and a component is in one at most. A finding that was dismissed or done is not suggested again.
    """
    living = [advice for advice in known if advice.state in LIVING]
    held = {found for advice in living for found in advice.finding_ids}
    past = history or [Stood(finding=finding, until=None) for finding in standing]
    settled = _settled(past, known) - held
    waiting = [finding for finding in _worst_first(standing) if finding.id not in settled]
    since = {part: began(part, past, settled) for part in {finding.component for finding in waiting}}
    before = {advice.id: advice for advice in known}
    free = list(living)
    changed: list[Suggestion] = []
    for places in grouped([sign_of(finding) for finding in waiting]):
        found = [waiting[at] for at in places]
        mine = _living_of(found, free)
        free = [advice for advice in free if mine is None or advice.id != mine.id]
        taken = {advice.id for advice in changed}
        again = mine or _ended_lately(found, [advice for advice in known if advice.id not in taken])
        made = _suggestion(found, again or _new(found, now, before), confirmed, since)
        changed.append(_timed(made, again, now, health or {}))
    ends = {one.finding.id: one.until for one in past}
    return [
        advice for advice in (*changed, *(_withdrawn(one, ends) for one in free)) if before.get(advice.id) != advice
    ]


def _settled(history: Iterable[Stood], known: Iterable[Suggestion]) -> set[str]:
    """Findings that people dealt with: those of what they ended, and for a week after a dismissal what is no worse."""
    ended = [advice for advice in known if advice.state in PEOPLES]
    settled = {found for advice in ended for found in advice.finding_ids}
    dismissed = [one for one in ended if one.state == SuggestionState.DISMISSED and one.closed_at is not None]
    for stood in history:
        found = stood.finding
        if any(_is_hushed(found, advice) for advice in dismissed):
            settled.add(found.id)
    return settled


def _is_hushed(found: Finding, dismissed: Suggestion) -> bool:
    ended = dismissed.closed_at
    soon = ended is not None and found.found_at < ended + COMES_BACK_WITHIN
    return soon and found.component == dismissed.component and found.severity.rank >= dismissed.severity.rank


def sign_of(finding: Finding) -> Sign:
    """What a finding is to the table of causes."""
    return Sign(name=sign_name(finding.detector, finding.cause), component=finding.component)


def _living_of(found: Sequence[Finding], living: Sequence[Suggestion]) -> Suggestion | None:
    """The living suggestion that findings go on with: an accepted one before an open one, then the oldest."""
    ids, parts = {finding.id for finding in found}, {finding.component for finding in found}
    mine = [one for one in living if one.component in parts or ids & set(one.finding_ids)]
    return min(mine, key=lambda one: (one.state != SuggestionState.ACCEPTED, one.created_at, one.id), default=None)


def _ended_lately(found: Sequence[Finding], known: Iterable[Suggestion]) -> Suggestion | None:
    """The suggestion that ended by itself and goes on with these findings: its own, or of a component within a week."""
    first, parts = min(finding.found_at for finding in found), {finding.component for finding in found}
    ids = {finding.id for finding in found}
    mine = [
        one
        for one in known
        if one.state == SuggestionState.WITHDRAWN
        and (
            ids & set(one.finding_ids)
            or (one.component in parts and one.cleared_at is not None and first - one.cleared_at < COMES_BACK_WITHIN)
        )
    ]
    return max(mine, key=lambda one: (one.closed_at or one.created_at, one.id), default=None)


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
    found: Sequence[Finding],
    before: Suggestion,
    confirmed: Mapping[str, int] | Told | None,
    since: Mapping[Component, datetime | None],
) -> Suggestion:
    """What a suggestion becomes; ``found`` has the worst finding first.

    It is about the component that began first, also where a worse finding joined later.
    """
    worst = found[0]
    first = min({finding.component for finding in found}, key=lambda part: (since[part] or worst.found_at, part))
    again = before.state not in LIVING or not before.finding_ids
    after = replace(
        before,
        component=first,
        job=worst.job,
        severity=worst.severity,
        confidence=worst.confidence,
        state=SuggestionState.OPEN if again else before.state,
        title=worst.title,
        text=_text(found),
        finding_ids=tuple(finding.id for finding in found),
        raised_at=since[first] or worst.found_at,
        cleared_at=None,
        closed_at=None,
        causes=_causes(found, before, confirmed),
    )
    return after if after == before else replace(after, changed_by="diagnostics")


def _timed(
    advice: Suggestion, before: Suggestion | None, now: datetime, health: Mapping[Component, ComponentHealth]
) -> Suggestion:
    """Says by when and what waiting costs; what was said stands while the level does and hardly anything moved."""
    level = DUE[advice.severity]
    new = timing(advice.component, health.get(advice.component), booked=level is not None)
    best = None if new.days is None or advice.severity == Severity.STOP_NOW else timedelta(days=new.days)
    wait = min((one for one in (level, best) if one is not None), default=None)
    due_by = None if wait is None else now + wait
    old = before if before is not None and before.state in LIVING and before.severity == advice.severity else None
    if old is not None and _is_near(old, new, due_by, now):
        return replace(advice, timing=old.timing, due_by=old.due_by)
    if old is not None and old.due_by is not None and due_by is not None and best is None:
        due_by = min(due_by, old.due_by)
    after = replace(advice, timing=new, due_by=due_by)
    return after if before == after else replace(after, changed_by="diagnostics")


def _is_near(before: Suggestion, new: Timing, due_by: datetime | None, now: datetime) -> bool:
    """Whether the chance, and by when the repair is cheapest, are about what was said."""
    old = before.timing
    if old is None or abs(new.chance - old.chance) > MOVED * max(new.chance, old.chance):
        return False
    if new.days is None or old.days is None or before.due_by is None or due_by is None:
        return (new.days is None) == (old.days is None)
    return abs(due_by - before.due_by) <= max(NEAR, MOVED * abs(due_by - now))


def _causes(
    found: Sequence[Finding], before: Suggestion, confirmed: Mapping[str, int] | Told | None
) -> tuple[Likely, ...]:
    """The causes anew; what was said of the same ones stands where hardly anything changed."""
    ranked = tuple(rank([sign_of(finding) for finding in found], confirmed))
    same = [one.key for one in ranked] == [one.key for one in before.causes]
    near = same and all(
        abs(new.probability - old.probability) < WORTH_TELLING for new, old in zip(ranked, before.causes, strict=True)
    )
    return before.causes if near else ranked


def _text(found: Sequence[Finding]) -> Text:
    worst = found[0]
    others = [finding for finding in found[1:] if finding.title != worst.title]
    return {
        language: words + "".join(_ALSO[language].format(other.title[language]) for other in others)
        for language, words in worst.text.items()
    }


def _withdrawn(advice: Suggestion, ends: Mapping[str, datetime | None]) -> Suggestion:
    """Ended by itself; ``cleared_at`` is by the car's time, None where other advice goes on with it."""
    until = [ends[found] for found in advice.finding_ids if found in ends]
    cleared = [at for at in until if at is not None]
    at = max(cleared) if cleared and len(cleared) == len(until) else None
    return replace(advice, state=SuggestionState.WITHDRAWN, changed_by="diagnostics", cleared_at=at)
