"""The card: every figure of the diagnosis on a fleet, for all components and for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scorecard.alerts import SUSPECTS
from scorecard.costs import bill
from scorecard.matching import FALSE, RIGHT, counted, lead_days, match
from scorecard.measures import (
    DRAWS,
    Value,
    brier_skill,
    calibration_error,
    middle,
    rate,
    ratio,
    share,
    with_interval,
)
from scorecard.truth import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorecard.alerts import Alerts
    from scorecard.matching import Matched
    from scorecard.truth import Flags, Floats, Integers, Truth, Watched, Words

YEAR_DAYS = 365.25
EARLY_DAYS = 14.0
FEWEST = 5
"""Entries from which a component's own figure is given (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """Predicted probability of failing within 30 days at month's ends ``(q,)``, the age-only rival's, and what came."""

    vehicle: Integers
    component: Words
    predicted: Floats
    by_age: Floats
    came: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Stated 90 % intervals of remaining life ``(q,)``, in days, and what was really left."""

    vehicle: Integers
    component: Words
    low: Floats
    high: Floats
    left: Floats

    @property
    def held(self) -> Flags:
        """Which held the truth."""
        held: Flags = (self.left >= self.low) & (self.left <= self.high)
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All that one service said about a fleet; what a rival does not state is None."""

    alerts: Alerts
    chances: Chances | None = None
    intervals: Intervals | None = None
    false_alarms_nominal: float | None = None
    """False alarms a vehicle-year that its limits are set for, all detectors together."""


def figures(
    truth: Truth, service: Service, watched: Watched, base: Floats, seed: int, draws: int = DRAWS
) -> tuple[dict[str, Value], Matched]:
    """The card's figures of a service. ``base`` ``(n_vehicles,)`` is what schedule and repair after failure cost."""
    matched = match(truth, service.alerts)
    n = len(watched)
    found = {
        **_found(truth, service.alerts, matched, watched),
        **_wrong(service.alerts, matched, watched),
        **_causes(service.alerts, matched),
        **_stated(service),
    }
    cost = bill(truth, service.alerts, matched, watched)
    found["cost_vs_schedule"] = ratio(cost.of_vehicle, base)
    if service.false_alarms_nominal is not None:
        found["arl0_ratio"] = _arl0(service.alerts, matched, watched, service.false_alarms_nominal)
    return {name: with_interval(figure, n, seed, draws) for name, figure in found.items()}, matched


def _found(truth: Truth, alerts: Alerts, matched: Matched, watched: Watched) -> dict[str, Callable[[Floats], float]]:
    """Recall and lead over failures that could be known before."""
    fell = counted(truth, watched)
    lead = lead_days(truth, alerts, matched)
    told = {
        f"recall_{letter.lower()}": share(truth.vehicle[these], ~np.isnan(lead[these]))
        for letter in "ABC"
        if (these := fell & truth.gradual & (truth.observability == letter)).any()
    }
    gradual = fell & truth.gradual & (truth.observability != "C")
    early = fell & truth.gradual & ~np.isnan(lead) & (truth.observability != "C")
    before_code = (truth.code_ms - (truth.failed_ms - lead * DAY_MS)) / DAY_MS
    return told | {
        "lead_days": middle(truth.vehicle[gradual], lead[gradual]),
        "lead_share_14d": share(truth.vehicle[early], lead[early] >= EARLY_DAYS),
        "lead_days_before_dtc": middle(truth.vehicle[gradual], before_code[gradual]),
    }


def _wrong(alerts: Alerts, matched: Matched, watched: Watched) -> dict[str, Callable[[Floats], float]]:
    booked = ~np.isnan(alerts.booked_ms)
    false = matched.label == FALSE
    years = watched.days / YEAR_DAYS
    judged = booked & (false | (matched.label == RIGHT))
    return {
        "false_bookings_per_vehicle_year": rate(alerts.vehicle[booked & false], years),
        "false_advisories_per_vehicle_year": rate(alerts.vehicle[~booked & false], years),
        "precision": share(alerts.vehicle[judged], matched.label[judged] == RIGHT),
    }


def _causes(alerts: Alerts, matched: Matched) -> dict[str, Callable[[Floats], float]]:
    right = matched.label == RIGHT
    of, rank = alerts.vehicle[right], matched.rank[right]
    return {"top1_cause": share(of, rank == 0), "top3_cause": share(of, (rank >= 0) & (rank < SUSPECTS))}


def _stated(service: Service) -> dict[str, Callable[[Floats], float]]:
    found: dict[str, Callable[[Floats], float]] = {}
    if service.intervals is not None:
        found["interval_coverage"] = share(service.intervals.vehicle, service.intervals.held)
    if service.chances is not None:
        said = service.chances
        found["failure_probability_ece"] = calibration_error(said.vehicle, said.predicted, said.came)
        found["brier_skill"] = brier_skill(said.vehicle, said.predicted, said.by_age, said.came)
    return found


def _arl0(alerts: Alerts, matched: Matched, watched: Watched, nominal: float) -> Callable[[Floats], float]:
    """Realised over nominal time between false alarms; NaN where no false alarm came."""
    of = alerts.vehicle[matched.label == FALSE]
    years = watched.days / YEAR_DAYS

    def figure(weights: Floats) -> float:
        alarms = float(weights[of].sum())
        return float((weights * years).sum()) / alarms * nominal if alarms > 0 else float("nan")

    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component's row of the card."""

    observability: str
    failures: int
    sudden: int
    found: Value
    lead_days: Value
    right: int
    neutral: int
    false_bookings: int
    false_advisories: int
    coverage: Value | None


def components(truth: Truth, service: Service, matched: Matched, watched: Watched, seed: int) -> dict[str, Component]:
    """The same by component; figures of fewer than :data:`FEWEST` failures are NaN."""
    names = sorted({*map(str, truth.component), *map(str, service.alerts.component)})
    return {name: _component(name, truth, service, matched, watched, seed) for name in names}


def _component(name: str, truth: Truth, service: Service, matched: Matched, watched: Watched, seed: int) -> Component:
    alerts = service.alerts
    mine, said = truth.component == name, alerts.component == name
    fell = counted(truth, watched) & mine
    gradual = fell & truth.gradual
    lead = lead_days(truth, alerts, matched)
    false, booked = said & (matched.label == FALSE), ~np.isnan(alerts.booked_ms)
    n = len(watched)
    enough = int(gradual.sum()) >= FEWEST
    nothing = Value(value=float("nan"), low=float("nan"), high=float("nan"))
    return Component(
        observability=_class_of(truth.observability[gradual] if gradual.any() else truth.observability[mine]),
        failures=int(gradual.sum()),
        sudden=int((fell & ~truth.gradual).sum()),
        found=with_interval(share(truth.vehicle[gradual], ~np.isnan(lead[gradual])), n, seed) if enough else nothing,
        lead_days=with_interval(middle(truth.vehicle[gradual], lead[gradual]), n, seed) if enough else nothing,
        right=int((said & (matched.label == RIGHT)).sum()),
        neutral=int((said & (matched.label != FALSE) & (matched.label != RIGHT)).sum()),
        false_bookings=int((false & booked).sum()),
        false_advisories=int((false & ~booked).sum()),
        coverage=_coverage(name, service, n, seed),
    )


def _class_of(observability: Words) -> str:
    """The class of most of these; of as many the one that is seen better, empty where there is nothing."""
    return max(sorted({*map(str, observability)}), key=lambda one: int((observability == one).sum()), default="")


def _coverage(name: str, service: Service, n: int, seed: int) -> Value | None:
    if service.intervals is None:
        return None
    mine = service.intervals.component == name
    if int(mine.sum()) < FEWEST:
        return None
    return with_interval(share(service.intervals.vehicle[mine], service.intervals.held[mine]), n, seed)
