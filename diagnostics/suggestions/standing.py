"""How long a finding stands for advice: raised and cleared on the car's own time, and never by a single good moment.

A detector's finding is held by the detector itself (so many good trips in a row). A trouble code that the car no longer
reports may only wait for its monitor to run again, so its advice stands until the car has run a quarter of an hour, or
has been started four times, without it. All of it follows from findings and trips, so batches that come late, twice or
in another order change nothing.

Source: a quarter of an hour of running or four starts without the lamp is the rule of a dealers' service in use
(Connected Cars, ConnectedWorkshop help pages).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from typing import TYPE_CHECKING

from diagnostics.suggestions.statement import moment
from diagnostics.trouble_codes import NAME as TROUBLE_CODES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from diagnostics.findings import Component, Finding

QUIET_RUNNING_S = 900.0
QUIET_STARTS = 4
COMES_BACK_WITHIN = timedelta(days=7)
"""What ended so short a time ago and is found again is the same matter, not a new one (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A trip in which the car ran: start and end in epoch milliseconds, and for how many seconds.

    ``engine_s``: for how many of them the engine ran, as far as its speed tells; ``hottest_c``: the coolant at its
    warmest, degC; ``pack_rise_k``: by how much the traction battery warmed, K; NaN where the trip does not tell.
    """

    started_ms: int
    ended_ms: int
    running_s: float
    engine_s: float = 0.0
    hottest_c: float = float("nan")
    pack_rise_k: float = float("nan")

    @property
    def tells_heat(self) -> bool:
        """Whether the drive tells the traction battery's balance of heat."""
        return not isnan(self.pack_rise_k)


RUN_OF = ("started_ms", "ended_ms", "running_s", "moving_s", "coolant_max", "pack_rise_k")
"""The features of a trip that :func:`run_of` takes, in order."""


def run_of(values: Sequence[float]) -> Run | None:
    """A trip as a run; None where the car neither ran nor moved."""
    started_ms, ended_ms, running_s, moving_s, hottest_c, pack_rise_k = map(float, values)
    run_s = max(0.0 if isnan(running_s) else running_s, 0.0 if isnan(moving_s) else moving_s)
    if run_s <= 0.0:
        return None
    engine_s = 0.0 if isnan(running_s) else running_s
    return Run(
        started_ms=int(started_ms), ended_ms=int(ended_ms), running_s=run_s, engine_s=engine_s, hottest_c=hottest_c,
        pack_rise_k=pack_rise_k,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """A finding and the moment at which it stood no more; None while it does."""

    finding: Finding
    until: datetime | None


def stood(findings: Iterable[Finding], runs: Sequence[Run]) -> list[Stood]:
    """Every finding with how long it stands; ``runs`` in any order, at least those after the first that cleared."""
    ordered = sorted(runs, key=lambda run: run.started_ms)
    return [Stood(finding=finding, until=_until(finding, ordered)) for finding in findings]


def _until(finding: Finding, runs: Sequence[Run]) -> datetime | None:
    if finding.cleared_at is None or finding.detector != TROUBLE_CODES:
        return finding.cleared_at
    return lasted(int(finding.cleared_at.timestamp() * 1000), runs)


def lasted(since_ms: int, runs: Sequence[Run]) -> datetime | None:
    """When the car had run for a quarter of an hour since a moment, or was started the fourth time; None not yet.

    ``runs`` are in order of time.
    """
    left_s, starts = QUIET_RUNNING_S, 0
    for run in runs:
        if run.ended_ms <= since_ms or run.running_s <= 0.0:
            continue
        starts += run.started_ms >= since_ms
        if starts == QUIET_STARTS:
            return moment(run.started_ms)
        first_ms = max(run.started_ms, since_ms)
        share = run.running_s / max(run.ended_ms - run.started_ms, 1)
        ran_s = share * (run.ended_ms - first_ms)
        if ran_s >= left_s:
            return moment(first_ms + round(left_s / share))
        left_s -= ran_s
    return None


def began(component: Component, history: Iterable[Stood], settled: Collection[str] = ()) -> datetime | None:
    """When what stands of a component began: back over pauses shorter than a week; None where nothing stands.

    ``settled``: ids of findings that a person has dealt with, which are another matter.
    """
    mine = [one for one in history if one.finding.component == component and one.finding.id not in settled]
    mine.sort(key=lambda one: (one.finding.found_at, one.finding.id))
    if all(one.until is not None for one in mine):
        return None
    first, until = mine[0].finding.found_at, mine[0].until
    for one in mine[1:]:
        if until is not None and one.finding.found_at - until >= COMES_BACK_WITHIN:
            first, until = one.finding.found_at, one.until
        elif until is not None:
            until = None if one.until is None else max(until, one.until)
    return first
