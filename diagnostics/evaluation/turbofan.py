"""Remaining life of turbofan engines (NASA C-MAPSS, subset FD001): a check of the machinery, no claim about cars.

An engine is described at each cycle by its sensors' means over the last cycles and their trends: against what they were
when it was new, and with its whole life beside them. Boosted trees (scikit-learn) learn the remaining life from each,
and the answer is their mean; two descriptions of one engine err differently, which is worth more than one better tree.
Life above :data:`MOST_CYCLES` counts as that, as is the custom with these data: a sound engine shows no end.

Intervals are split-conformal: engines left out of the learning give errors at cuts anywhere, their size is taken as a
function of the predicted life, and the 5 % and 95 % quantiles of the normalised errors make the limits. Everything is
chosen on the training engines; the true lives of the test engines are not here.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.errors import NoRecordingError, NoSolverError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from diagnostics.arrays import Floats, Integers

MOST_CYCLES = 125.0
"""Remaining life that counts as not yet limited (the custom with C-MAPSS)."""
SENSORS = (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)
"""Sensors that are not constant in FD001."""
FIRST_SENSOR_COLUMN = 5
LATELY, LATELY_TREND, LATELY_NEW = (5, 15, 30), 30, 15
WHOLE, WHOLE_TRENDS, WHOLE_NEW = (5, 10, 20, 40), (20, 50), 20
"""Spans of means and of trends, and cycles that count as new, in cycles (our choice, by cross-validation)."""
TREES = {
    "max_iter": 250, "learning_rate": 0.04, "max_leaf_nodes": 10, "min_samples_leaf": 60, "l2_regularization": 10.0,
    "max_features": 0.3,
}  # fmt: skip
"""Settings of the trees (our choice, by cross-validation on the training engines)."""
SEEDS = 3
"""Trees are grown so many times, with other columns left out at each split."""
FOLDS = 5
CUTS = 24
CUT_FROM, CUT_TO = 5, 145
"""Cuts for errors: so many an engine, with so much life left, evenly (our choice: test engines are cut anywhere)."""
LEAST_CYCLES = 31
"""The shortest test engine has so many cycles."""
COVERED = 0.9
NEAR = 15.0
"""Width in cycles over which the size of errors is averaged (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Sensors of engines: each ``(n_cycles, n_sensors)``, in the order of their numbers."""

    sensors: tuple[Floats, ...]

    def __len__(self) -> int:
        """How many engines."""
        return len(self.sensors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """Remaining life in cycles of each engine at its last cycle ``(n,)``, and the limits of 90 %."""

    life: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """Errors at cuts through engines that were left out of the learning, cycles; the share that intervals hold."""

    engines: int
    cuts: int
    rmse: float
    bias: float
    coverage: float
    width: float


def read_engines(path: Path) -> Engines:
    """Engines of a C-MAPSS file, plain or gzipped.

    Raises:
        NoRecordingError: the file is not there or is not such a table.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            table = np.loadtxt(file, ndmin=2)
    except FileNotFoundError:
        raise NoRecordingError(path, "is not there") from None
    except ValueError as wrong:
        raise NoRecordingError(path, f"is not a table of numbers ({wrong})") from None
    if table.shape[1] < FIRST_SENSOR_COLUMN + max(SENSORS):
        raise NoRecordingError(path, f"has {table.shape[1]} columns; unit, cycle, 3 settings and 21 sensors are needed")
    columns = [FIRST_SENSOR_COLUMN - 1 + number for number in SENSORS]
    return Engines(sensors=tuple(table[table[:, 0] == unit][:, columns] for unit in np.unique(table[:, 0])))


def lately(sensors: Floats) -> Floats:
    """What an engine looks like at each of its cycles against what it was when new: ``(n_cycles, n_columns)``."""
    cycles, total = _running(sensors)
    means = [_mean(total, cycles, span) for span in LATELY]
    fresh = _mean(total, np.minimum(cycles, LATELY_NEW), LATELY_NEW)
    trend = _trend(sensors, total, cycles, LATELY_TREND)
    return np.hstack([*means, trend, means[-1] - fresh, cycles[:, None]])


def whole_life(sensors: Floats) -> Floats:
    """The same with its whole life beside what is recent; trends count less while there are few cycles."""
    cycles, total = _running(sensors)
    means = [_mean(total, cycles, span) for span in WHOLE]
    grown = [np.minimum(1.0, cycles / span)[:, None] for span in WHOLE_TRENDS]
    trends = [_trend(sensors, total, cycles, span) * part for span, part in zip(WHOLE_TRENDS, grown, strict=True)]
    fresh = _mean(total, np.minimum(cycles, WHOLE_NEW), WHOLE_NEW)
    return np.hstack([*means, *trends, fresh, total[cycles] / cycles[:, None], cycles[:, None]])


def _running(sensors: Floats) -> tuple[Integers, Floats]:
    """The cycles from 1, and the sensors' sums up to each, from 0."""
    total = np.vstack([np.zeros(sensors.shape[1]), np.cumsum(sensors, axis=0)])
    return np.arange(1, len(sensors) + 1), total


def _mean(total: Floats, cycles: Integers, span: int) -> Floats:
    first = np.maximum(0, cycles - span)
    mean: Floats = (total[cycles] - total[first]) / (cycles - first)[:, None]
    return mean


def _trend(sensors: Floats, total: Floats, cycles: Integers, span: int) -> Floats:
    """Slope of the least-squares line through the last ``span`` cycles or fewer."""
    at = np.arange(len(sensors))[:, None]
    weighted = np.vstack([np.zeros(sensors.shape[1]), np.cumsum(sensors * at, axis=0)])
    first = np.maximum(0, cycles - span)
    n = (cycles - first)[:, None]
    middle = ((first + cycles - 1) / 2.0)[:, None]
    together = weighted[cycles] - weighted[first] - middle * (total[cycles] - total[first])
    slope: Floats = together / np.maximum(n * (n**2 - 1) / 12.0, 1.0)
    return slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was learned: predicts the remaining life at every cycle of an engine."""

    centre: Floats
    scale: Floats
    trees: tuple[tuple[Any, ...], ...]

    def lives(self, sensors: Floats) -> Floats:
        """Remaining life at each cycle, 0 to :data:`MOST_CYCLES`."""
        normal = (sensors - self.centre) / self.scale
        found = [
            np.mean([tree.predict(described) for tree in grown], axis=0)
            for grown, described in zip(self.trees, _descriptions(normal), strict=True)
        ]
        mean: Floats = np.clip(np.mean(found, axis=0), 0.0, MOST_CYCLES)
        return mean


def _descriptions(normal: Floats) -> tuple[Floats, Floats]:
    return lately(normal), whole_life(normal)


def remaining(n_cycles: int) -> Floats:
    """Remaining life at each cycle of an engine that was run to failure."""
    left: Floats = np.minimum(MOST_CYCLES, np.arange(n_cycles - 1, -1, -1, dtype=float))
    return left


def learn(engines: Engines, seed: int) -> Model:
    """Learns from engines that were run to failure.

    Raises:
        NoSolverError: scikit-learn is not installed.
    """
    grow = _grower()
    rows = np.concatenate(engines.sensors)
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    described = [_descriptions((sensors - centre) / scale) for sensors in engines.sensors]
    lives = np.concatenate([remaining(len(sensors)) for sensors in engines.sensors])
    tables = [np.concatenate([one[which] for one in described]) for which in (0, 1)]
    return Model(
        centre=centre,
        scale=scale,
        trees=tuple(tuple(grow(table, lives, seed + number) for number in range(SEEDS)) for table in tables),
    )


def _grower() -> Callable[[Floats, Floats, int], Any]:
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  not needed by the service
    except ModuleNotFoundError:
        raise NoSolverError("scikit-learn", "roadworthy[score]") from None

    trees: Any = HistGradientBoostingRegressor

    def grow(table: Floats, lives: Floats, seed: int) -> Any:
        return trees(random_state=seed, **TREES).fit(table, lives)

    return grow


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """At cuts through engines that were left out ``(n,)``: predicted life, the truth less that, and whose it is."""

    predicted: Floats
    error: Floats
    engine: Integers


def cross_errors(engines: Engines, seed: int, progress: Callable[[str], None]) -> Errors:
    """Errors of models that did not see the engine in question."""
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(engines))
    parts: list[tuple[Floats, Floats, Integers]] = []
    for fold in range(FOLDS):
        progress(f"learning from {len(engines)} engines but a fifth, {fold + 1} of {FOLDS}")
        left_out = order[fold::FOLDS]
        kept = Engines(sensors=tuple(engines.sensors[at] for at in np.setdiff1d(order, left_out)))
        model = learn(kept, seed)
        parts += [_at_cuts(model, engines.sensors[at], int(at), rng) for at in left_out]
    predicted, error, engine = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Errors(predicted=predicted, error=error, engine=engine.astype(np.int64))


def _at_cuts(model: Model, sensors: Floats, number: int, rng: np.random.Generator) -> tuple[Floats, Floats, Integers]:
    cuts = len(sensors) - rng.integers(CUT_FROM, CUT_TO, CUTS)
    cuts = cuts[cuts >= LEAST_CYCLES]
    predicted = model.lives(sensors)[cuts - 1]
    return predicted, remaining(len(sensors))[cuts - 1] - predicted, np.full(len(cuts), number)


def _size(errors: Errors, at: Floats) -> Floats:
    """Mean size of the errors of predictions near ``at``."""
    weight = np.exp(-0.5 * ((at[:, None] - errors.predicted) / NEAR) ** 2)
    size: Floats = (weight * np.abs(errors.error)).sum(axis=1) / weight.sum(axis=1)
    return size


def interval(errors: Errors, predicted: Floats) -> tuple[Floats, Floats]:
    """Limits of 90 % around predictions, within 0 and :data:`MOST_CYCLES`."""
    normal = errors.error / _size(errors, errors.predicted)
    tail = (1.0 - COVERED) / 2.0
    below, above = np.quantile(normal, [tail, 1.0 - tail])
    size = _size(errors, predicted)
    return np.clip(predicted + below * size, 0.0, MOST_CYCLES), np.clip(predicted + above * size, 0.0, MOST_CYCLES)


def cross_validation(errors: Errors) -> CrossValidation:
    """How good the errors are; each engine's intervals are made from those of the others."""
    held, width = [], []
    for engine in np.unique(errors.engine):
        mine = errors.engine == engine
        others = Errors(predicted=errors.predicted[~mine], error=errors.error[~mine], engine=errors.engine[~mine])
        low, high = interval(others, errors.predicted[mine])
        truth = errors.predicted[mine] + errors.error[mine]
        held.append((truth >= low) & (truth <= high))
        width.append(high - low)
    return CrossValidation(
        engines=len(held),
        cuts=len(errors.error),
        rmse=float(np.sqrt(np.mean(errors.error**2))),
        bias=float(-np.mean(errors.error)),
        coverage=float(np.mean(np.concatenate(held))),
        width=float(np.mean(np.concatenate(width))),
    )


def predict(
    training: Engines, test: Engines, seed: int, progress: Callable[[str], None]
) -> tuple[Lives, CrossValidation]:
    """Remaining lives of test engines at their last cycle, and how well the same does on the training engines."""
    errors = cross_errors(training, seed, progress)
    progress("learning from all engines")
    model = learn(training, seed)
    life = np.array([model.lives(sensors)[-1] for sensors in test.sensors])
    low, high = interval(errors, life)
    return Lives(life=life, low=low, high=high), cross_validation(errors)
