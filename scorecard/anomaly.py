"""A rival of a well-kept library: an isolation forest (scikit-learn) on what each week of a car looks like.

A week is the mean of its trips' features, each as its distance from the car's own first weeks in units of their spread
(no spread is less than the fleet's own median of it); what was not seen counts as usual. The forest is grown on the
fleet that it then judges, and its limit is the score that so many weeks of that fleet exceed, both of which favour it.
An alert names the component whose detector needs the feature that is furthest off: the forest itself names none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diagnostics.errors import NoSolverError
from diagnostics.fleet import all_detectors
from scorecard.alerts import Said, alerts_of, mended
from scorecard.truth import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scorecard.alerts import Alerts
    from scorecard.record import Record, Trips
    from scorecard.truth import Flags, Floats, Integers

    Measure = Callable[[Integers, Floats], Floats]

WEEK_MS = 7.0 * DAY_MS
LEARN_WEEKS = 8
FURTHEST = 8.0
"""Distances are cut off there (our choice)."""
ALARM_SHARE = 0.002
"""Share of the fleet's weeks that may exceed the limit: 0.1 a vehicle-year (the budget of advisories)."""
TREES = 100


def components_of_features() -> dict[str, str]:
    """Which component each feature speaks of: that of the first detector that cannot do without it."""
    found: dict[str, str] = {}
    for detector in all_detectors():
        for feature in detector.needs:
            found.setdefault(feature, str(detector.component))
    return found


def features_for(record: Record) -> tuple[str, ...]:
    """Features that a detector needs and that the record has; times are none."""
    return tuple(
        name
        for name in components_of_features()
        if name in record.trips.names and not name.endswith("_ms") and not np.isnan(record.trips[name]).all()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """Weeks of vehicles ``(w,)`` and how far each feature is from the car's usual ``(w, n_features)``."""

    vehicle: Integers
    ended_ms: Floats
    distance: Floats


def weeks_of(trips: Trips, names: tuple[str, ...], distance: Measure | None = None) -> Weeks:
    """Weeks of a record, each vehicle's in order; ``distance`` of weekly means, from the car's own first weeks."""
    week = np.floor(trips["ended_ms"] / WEEK_MS).astype(np.int64)
    key = trips.vehicle * (int(week.max(initial=0)) + 1) + week
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    values = np.stack([trips[name] for name in names], axis=1)[order]
    known = ~np.isnan(values)
    total = np.add.reduceat(np.nan_to_num(values), starts, axis=0)
    count = np.add.reduceat(known, starts, axis=0, dtype=np.int64)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    vehicle = trips.vehicle[order][starts]
    return Weeks(
        vehicle=vehicle,
        ended_ms=np.maximum.reduceat(trips["ended_ms"][order], starts),
        distance=(distance or from_own_past)(vehicle, mean),
    )


def from_own_past(vehicle: Integers, mean: Floats, furthest: float = FURTHEST) -> Floats:
    """How far weekly means are from those of the car's first weeks, in their spreads, cut off at ``furthest``."""
    starts = np.flatnonzero(np.diff(vehicle, prepend=-1))
    own = [_usual(rows) for rows in np.split(mean, starts[1:])]
    centre, spread = (np.stack([each[at] for each in own]) for at in (0, 1))
    with np.errstate(all="ignore"):
        floor = np.nan_to_num(np.nanmedian(spread, axis=0), nan=1.0)
    lengths = np.diff(np.append(starts, len(vehicle)))
    wide = np.repeat(np.fmax(spread, floor), lengths, axis=0)
    far = (mean - np.repeat(centre, lengths, axis=0)) / np.maximum(wide, 1e-9)
    cut: Floats = np.clip(np.nan_to_num(far), -furthest, furthest)
    return cut


def _usual(rows: Floats) -> tuple[Floats, Floats]:
    first = rows[:LEARN_WEEKS]
    known = ~np.isnan(first)
    n = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known.any(axis=0), np.nansum(first, axis=0) / n, np.nan)
    spread = np.sqrt(np.nansum((first - centre) ** 2, axis=0) / n)
    return centre, np.where(known.sum(axis=0) > 2, spread, np.nan)  # noqa: PLR2004  a spread takes three


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """A grown forest, the features it looks at, and the score from which a week is odd."""

    names: tuple[str, ...]
    trees: Any
    limit: float


def grow(record: Record, names: tuple[str, ...], seed: int) -> Forest:
    """Grows the forest on a fleet.

    Raises:
        NoSolverError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415  not needed by the service
    except ModuleNotFoundError:
        raise NoSolverError("scikit-learn", "roadworthy[score]") from None
    weeks = weeks_of(record.trips, names)
    made: Any = IsolationForest
    trees = made(n_estimators=TREES, random_state=seed).fit(weeks.distance)
    limit = float(np.quantile(-trees.score_samples(weeks.distance), 1.0 - ALARM_SHARE))
    return Forest(names=names, trees=trees, limit=limit)


def oddities(record: Record, forest: Forest, component_of: Mapping[str, str]) -> Alerts:
    """Alerts of weeks that are odd; closed with the first week that is not."""
    weeks = weeks_of(record.trips, forest.names)
    odd = -forest.trees.score_samples(weeks.distance) > forest.limit
    return alerts_of(said_of(weeks, odd, forest.names, component_of, "forest"), mended(record))


def said_of(
    weeks: Weeks, odd: Flags, names: tuple[str, ...], component_of: Mapping[str, str], name: str
) -> Iterator[Said]:
    """An appointment from the first odd week to the first that is not, about what its furthest feature speaks of."""
    furthest = np.abs(weeks.distance).argmax(axis=1)
    saying = ""
    last = -1
    for row, vehicle in enumerate(weeks.vehicle):
        if vehicle != last:
            saying, last = "", int(vehicle)
        at = float(weeks.ended_ms[row])
        if odd[row] and not saying:
            saying = component_of[names[furthest[row]]]
            yield Said(vehicle=last, component=saying, detector=name, at_ms=at, books=True)
        elif saying and not odd[row]:
            yield Said(vehicle=last, component=saying, detector=name, at_ms=at, books=None)
            saying = ""
