"""How faults grow: a level for each day from the first change on, 0 sound, 1 failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats
    from simulators.fleet.faults import FaultKind
    from simulators.fleet.worlds import Structure

NOTICEABLE = 0.3
"""Level below which a fault does not matter to anybody."""
HIGHEST = 1.2
SMALL_FROM, SMALL_TO = 0.05, 0.27
"""Where the faults stop growing that stay too small to matter."""
STEP_LEAST = 0.05
BEYOND = 2.5
"""A path is drawn for so many times its time to failure: some are slow."""


def path(kind: FaultKind, structure: Structure, days: int, rng: np.random.Generator) -> Floats:
    """Levels on the days 0, 1, … since the first change, at most ``days`` of them."""
    lasts = kind.growth_days * float(rng.lognormal(0.0, kind.growth_spread))
    n = int(min(days, np.ceil(BEYOND * lasts) + 2)) if kind.law in {"gamma", "wiener"} else days
    level = _law(kind.law, max(lasts, 1e-3), max(n, 1), structure, rng)
    if rng.random() < structure.small and kind.law != "sudden":
        level = level * (float(rng.uniform(SMALL_FROM, SMALL_TO)) / max(1.0, float(level.max())))
    return floats(np.clip(level, 0.0, HIGHEST))


def _law(law: str, lasts: float, n: int, structure: Structure, rng: np.random.Generator) -> Floats:
    day = np.arange(1, n + 1)
    if law == "sudden":
        return floats(np.minimum(1.0, day / lasts))
    if law == "step":
        return floats(np.full(n, rng.uniform(STEP_LEAST, HIGHEST)))
    if law == "wiener":
        spread = structure.wiener_variation / np.sqrt(lasts)
        wander = np.cumsum(rng.normal(1.0 / lasts, spread, n))
        return floats(np.maximum(wander, 0.0) ** structure.growth_power)
    shape = 1.0 / (structure.gamma_variation**2 * lasts)
    steps = rng.gamma(shape, structure.gamma_variation**2, n)
    return floats(np.cumsum(steps) ** structure.growth_power)


def expected_days(kind: FaultKind) -> float:
    """How long before a run faults may have begun that still grow in it."""
    return BEYOND * kind.growth_days * float(np.exp(kind.growth_spread))
