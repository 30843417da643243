"""What workshops found, counted: how often each detector was right, and how often each cause was behind what.

A suggestion's latest outcome counts. A cause counts where it was confirmed, or named as the other cause that was found.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from diagnostics import tables as t
from diagnostics.findings import Component, DetectorPrecision, Outcome
from diagnostics.suggestions.causes import OTHER, Told, sign_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnostics.findings import Suggestion


def found_cause(advice: Suggestion, outcome: Outcome, component: Component | None) -> str:
    """The key of the cause that an outcome tells of; empty where it tells of none.

    Confirmed is the likeliest cause. Another one is the likeliest of the component that was named, after the first of
    all; a fault that no cause stands for where there is none.
    """
    if outcome == Outcome.CONFIRMED:
        return advice.causes[0].key if advice.causes else ""
    if outcome != Outcome.OTHER_CAUSE or component is None:
        return ""
    others = (cause.key for cause in advice.causes[1:] if cause.component == component)
    return next(others, f"{component}_{OTHER}")


def told(connection: sa.Connection) -> Told:
    """What the ranking of causes takes from all outcomes: how often each cause was found, and behind which signs."""
    latest = {row.suggestion_id: row.cause for row in _outcomes(connection)}
    named = {suggestion_id: cause for suggestion_id, cause in latest.items() if cause}
    signs: Counter[tuple[str, str]] = Counter()
    for suggestion_id, detector, cause in _findings_behind(connection):
        if suggestion_id in named:
            signs[named[suggestion_id], sign_name(detector, cause)] += 1
    return Told(causes=Counter(named.values()), signs=signs)


def detector_precision(connection: sa.Connection) -> list[DetectorPrecision]:
    """What outcomes say about each detector; a suggestion's latest outcome counts, for each of its detectors."""
    latest = {row.suggestion_id: Outcome(row.outcome) for row in _outcomes(connection)}
    found: dict[str, Counter[Outcome]] = {}
    behind = {(suggestion_id, detector) for suggestion_id, detector, _ in _findings_behind(connection)}
    for suggestion_id, detector in behind:
        found.setdefault(detector, Counter())[latest[suggestion_id]] += 1
    return [
        DetectorPrecision(
            detector=name, confirmed=counts[Outcome.CONFIRMED], judged=counts.total(),
            other_cause=counts[Outcome.OTHER_CAUSE], no_trouble=counts[Outcome.NO_TROUBLE_FOUND],
        )
        for name, counts in sorted(found.items())
    ]  # fmt: skip


def _outcomes(connection: sa.Connection) -> Iterable[sa.Row[tuple[str, str, str]]]:
    """Suggestion, outcome and cause, oldest first."""
    c = t.outcomes.c
    return connection.execute(sa.select(c.suggestion_id, c.outcome, c.cause).order_by(c.id))


def _findings_behind(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """Suggestion, detector and cause of each finding behind a suggestion with an outcome, if it is still borne out."""
    c, f = t.suggestions.c, t.findings.c
    judged = sa.select(t.outcomes.c.suggestion_id)
    rows = connection.execute(sa.select(c.id, c.finding_ids).where(c.id.in_(judged))).all()
    of_vehicles = sa.select(c.vehicle_id).where(c.id.in_(judged))
    found = connection.execute(sa.select(f.id, f.detector, f.cause).where(f.vehicle_id.in_(of_vehicles)))
    known = {row.id: row for row in found}
    return [
        (row.id, known[finding_id].detector, known[finding_id].cause)
        for row in rows
        for finding_id in row.finding_ids
        if finding_id in known
    ]
