"""How well simulated trips pass for recorded ones: a classifier that is asked to tell them apart.

Both sides are brought to one platform's scale first: each feature of each platform loses its own median and is divided
by its own spread, so that another engine's size tells nothing and what is left is the shape of trips: tails, and what
goes together. A random forest is then asked which are recorded, a fifth of the trips left out in turn; the area under
its ROC curve is 0.5 where it cannot tell and 1 where it always can. Only trips of cars without a fault take part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diagnostics.errors import NoSolverError
from diagnostics.features.trips import FEATURES, MEASUREMENTS
from scorecard.truth import faults_of

if TYPE_CHECKING:
    from scorecard.seeing import Seen
    from scorecard.truth import Floats

POWERTRAIN = "petrol"
"""As the recorded car's: naturally aspirated."""
LEFT_OUT = frozenset({
    "started_ms", "ended_ms", "previous_end_ms", "soak_s", "odometer_km", "fuel_first", "fuel_last", *MEASUREMENTS,
})  # fmt: skip
"""Features that tell when and after what a trip was, which recordings that stand alone cannot share."""
LEAST_SHARE = 0.7
"""A feature takes part where so many trips of both sides have it (our choice)."""
LEAST_S = 300.0
"""Shorter trips take no part: the recordings have none (our choice)."""
SIMULATED_FOR_ONE = 10
"""Simulated trips for each recorded one (our choice)."""
FOLDS, REPEATS, TREES = 5, 5, 300
FURTHEST = 5.0
"""Spreads from the median at which a value is cut off (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """The area under the curve, over repeated foldings: mean and range; what the classifier looked at most."""

    auc: float
    low: float
    high: float
    recorded: int
    simulated: int
    features: int
    loudest: dict[str, float]
    """By feature the area under the curve of that feature alone."""


def realism(recorded: Floats, seen: Seen, seed: int) -> Realism:
    """Tells simulated from ``recorded`` trips ``(n, n_features)``.

    Raises:
        NoSolverError: scikit-learn is not installed.
    """
    rng = np.random.default_rng(seed)
    rows = _sound_rows(seen)
    names = _common(recorded, seen.record.trips.values[rows])
    columns = [FEATURES.index(name) for name in names]
    real = scaled(recorded[:, columns])
    chosen = rng.permutation(len(rows))[: SIMULATED_FOR_ONE * len(real)]
    simulated = _by_platform(seen, rows, columns)[chosen]
    x = np.concatenate([real, simulated])
    is_real = np.arange(len(x)) < len(real)
    areas = [told_apart(x, is_real, seed + number) for number in range(REPEATS)]
    alone = {name: _alone(x[:, at], is_real) for at, name in enumerate(names)}
    loudest = dict(sorted(alone.items(), key=lambda one: -one[1])[:8])
    return Realism(
        auc=float(np.mean(areas)), low=min(areas), high=max(areas), recorded=len(real), simulated=len(simulated),
        features=len(names), loudest={name: round(value, 3) for name, value in loudest.items()},
    )  # fmt: skip


def scaled(values: Floats) -> Floats:
    """Each column by its own median and spread (interquartile range); what was not seen counts as the median."""
    low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high - low > 0.0, high - low, 1.0)
    found: Floats = np.nan_to_num(np.clip((values - middle) / spread, -FURTHEST, FURTHEST))
    return found


def told_apart(x: Floats, is_real: np.ndarray, seed: int) -> float:
    """Area under the curve of a forest that is asked which of ``x`` ``(n, n_features)`` is real.

    Raises:
        NoSolverError: scikit-learn is not installed.
    """
    learn = _library()
    forest = learn.ensemble.RandomForestClassifier(
        TREES, class_weight="balanced", min_samples_leaf=2, n_jobs=1, random_state=seed
    )
    folds = learn.model_selection.StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    told = np.zeros(len(x))
    for train, test in folds.split(x, is_real):
        forest.fit(x[train], is_real[train])
        told[test] = forest.predict_proba(x[test])[:, 1]
    return float(learn.metrics.roc_auc_score(is_real, told))


def _alone(told: Floats, is_real: np.ndarray) -> float:
    found = float(_library().metrics.roc_auc_score(is_real, told))
    return max(found, 1.0 - found)


def _library() -> Any:
    try:
        import sklearn.ensemble  # noqa: PLC0415  not needed by the service
        import sklearn.metrics  # noqa: PLC0415
        import sklearn.model_selection  # noqa: PLC0415
    except ImportError as error:
        raise NoSolverError("scikit-learn", "roadworthy[score]") from error
    return sklearn


def _sound_rows(seen: Seen) -> np.ndarray:
    """Rows of trips long enough of cars like the recorded one that never had a fault beside wear."""
    faults = faults_of(seen.truth)
    faulty = np.unique(faults.vehicle[~faults.wears])
    trips, cars = seen.record.trips, seen.record.cars
    mine = (cars.powertrain == POWERTRAIN) & ~np.isin(np.arange(len(cars)), faulty)
    rows: np.ndarray = np.flatnonzero(mine[trips.vehicle] & (trips["running_s"] >= LEAST_S))
    return rows


def _by_platform(seen: Seen, rows: np.ndarray, columns: list[int]) -> Floats:
    """The sound trips, those of each platform on its own scale."""
    trips = seen.record.trips
    platform, values = seen.record.cars.platform[trips.vehicle[rows]], trips.values[rows][:, columns]
    found: Floats = np.zeros_like(values)
    for name in np.unique(platform):
        found[platform == name] = scaled(values[platform == name])
    return found


def _common(real: Floats, simulated: Floats) -> tuple[str, ...]:
    """Features that both sides have often enough and that move."""
    kept = []
    for at, name in enumerate(FEATURES):
        sides = real[:, at], simulated[:, at]
        often = all(np.mean(~np.isnan(side)) >= LEAST_SHARE for side in sides)
        if name not in LEFT_OUT and often and all(np.nanstd(side) > 0.0 for side in sides):
            kept.append(name)
    return tuple(kept)
