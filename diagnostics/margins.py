"""Results of the car's own monitors on their way to the limit that the ECU gives with them.

A result is a share of its limit, 100 at it; the ECU stores a code when it is beyond, often on two drives. So the margin
and its trend are known long before the code: a line through the results of the last months
(:mod:`diagnostics.prognosis.trend`) tells when it will be reached. A result that stands is the same test read again,
and counts once; a new test hardly ever gives the same tenth. The first one seen, or seen after a repair, may be older
than that and does not count. While ``hidden`` says that something else spoils the test, results are left out.

``follow`` is for one result a vehicle ``(n,)`` or several ``(n, width)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats
from diagnostics.prognosis import trend

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State

LIMIT = 100.0
RECENT = 0.3
"""Weight of the newest result in the recent level: three or four drives (our choice)."""
EARLY = 10.0
"""Results whose mean is what the part showed when it was first seen (our choice)."""
BACK = 10.0
"""Points above what was usual at first, and the part is well again (our choice)."""
FEW = 3.0
"""Results that make a high level believable (our choice)."""
NAMES = (
    "mean", "sd", "tau_days", "slope_sd", "phi", "variance", "least", "sure", "next_level", "next_days", "soon_level",
    "soon_days", "raised_level", "high_level", "clear_level",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Parameters ``PREFIX_NAME``, as the series.

    Prior ``mean`` of the result; ``sd``, ``tau_days``, ``slope_sd`` and ``phi`` of its line, ``variance`` that a day
    adds; ``least`` results and a slope of ``sure`` standard errors before anything is forecast; ``next_level`` and
    ``next_days`` to be approaching the limit, ``soon_level`` and ``soon_days`` to be close, ``raised_level`` and
    ``high_level`` to be raised or close without a forecast; ``clear_level`` below which it is well.
    """

    mean: Floats
    sd: Floats
    tau_days: Floats
    slope_sd: Floats
    phi: Floats
    variance: Floats
    least: Floats
    sure: Floats
    next_level: Floats
    next_days: Floats
    soon_level: Floats
    soon_days: Floats
    raised_level: Floats
    high_level: Floats
    clear_level: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """After a trip: the ``recent`` level and what was ``usual`` at first; days until the limit ``(n, 3)``.

    ``told``: this trip brought a new result. ``approaching``, ``raised``, ``close`` and ``well`` judge
    it.
    """

    told: Flags
    recent: Floats
    usual: Floats
    slope: Floats
    days: Floats
    approaching: Flags
    raised: Flags
    close: Flags
    well: Flags

    @property
    def left(self) -> Floats:
        """Share of the margin that is left, 1 as at first, 0 at the limit."""
        span = np.maximum(LIMIT - self.usual, 1.0)
        left: Floats = np.clip((LIMIT - self.recent) / span, 0.0, 1.0)
        return left


def parameters(prefix: str) -> tuple[str, ...]:
    """Names of the parameters of a rule."""
    return tuple(f"{prefix}_{name}" for name in NAMES)


def rule(prefix: str, p: Parameters) -> Rule:
    """The rule of a detector from its parameters."""
    return Rule(**{name: p[f"{prefix}_{name}"] for name in NAMES})


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No result seen."""
    zeros: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles) for name in ("results", "early")}
    unknown = {name: np.full(n_vehicles, np.nan) for name in ("last_result", "recent_result")}
    return zeros | unknown | trend.initial(n_vehicles)


def follow(
    result: Floats, at_ms: Floats, state: State, hidden: Flags, r: Rule
) -> tuple[Margin, dict[str, Floats | Integers]]:
    """One trip of each vehicle; ``result`` is NaN where no monitor told."""
    last = floats(state["last_result"])
    told = ~np.isnan(result) & ~hidden & ~np.isnan(last) & (result != last)
    value = np.where(told, result, np.nan)
    line = trend.Line(tau_days=r.tau_days, sd=r.sd, slope_sd=r.slope_sd, phi=r.phi)
    found, lines = trend.extend(value, at_ms, state, line)
    before = floats(state["results"])
    results = before + told
    early = floats(state["early"]) + np.where(told & (before < EARLY), filled(value), 0.0)
    recent = _recent(floats(state["recent_result"]), value)
    usual = (r.mean + early) / (1.0 + np.minimum(results, EARLY))
    after: dict[str, Floats | Integers] = {
        "results": results, "early": early, "recent_result": recent,
        "last_result": np.where(np.isnan(result), last, result),
    }  # fmt: skip
    return _judged(found, told, recent, usual, results, r), after | lines


def begun_anew(after: dict[str, Floats | Integers], where: Flags) -> dict[str, Floats | Integers]:
    """The same state with all results forgotten where a fault has cleared: the part is another one."""
    fresh = initial(len(where))
    return after | {name: np.where(where, fresh[name], after[name]) for name in fresh}


def _judged(found: trend.Trend, told: Flags, recent: Floats, usual: Floats, results: Floats, r: Rule) -> Margin:
    days = found.days_until(np.full_like(recent, LIMIT), r.variance)
    median = filled(days[:, 1], np.inf)
    sure = (results >= r.least) & (found.slope > r.sure * found.error) & (recent > usual)
    level = np.minimum(recent, found.level)
    rising = told & sure & (level >= r.next_level) & (median <= r.next_days)
    close = sure & (level >= r.soon_level) & (median <= r.soon_days)
    few = told & (results >= FEW)
    return Margin(
        told=told, recent=recent, usual=usual, slope=found.slope, days=days, approaching=rising,
        raised=few & (recent >= r.raised_level),
        close=(told & close) | (few & (recent >= r.high_level)),
        well=told & (recent < np.maximum(r.clear_level, usual + BACK)),
    )  # fmt: skip


def _recent(before: Floats, now: Floats) -> Floats:
    blended = np.where(np.isnan(before), now, before + RECENT * (now - before))
    return np.where(np.isnan(now), before, blended)
