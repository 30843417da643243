"""What was found and cleared by itself, and what that asks of the next finding of the same cause.

Without a workshop it was most likely no fault of the part but the car's use, its weather or its line; those come back.
So what detectors count, they count further from then on, until the part is replaced or a season has gone by. A bad
contact that comes and goes is said the second time too, so much later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats, integers

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

AGAIN = 2.0
"""So many times the evidence of a first finding is asked for the next one (our choice)."""
FORGOTTEN_MS = 90.0 * 86_400_000.0
"""What passed so long ago, by the car's own time, makes nothing harder to say (our choice: a season)."""


def initial(n_vehicles: int, n_causes: int) -> dict[str, Floats | Integers]:
    """Nothing that was found passed: of each cause, or with ``n_causes`` 1 of all of them together."""
    return {"passed_ms": np.full((n_vehicles, n_causes), np.nan)}


def again(state: State, at_ms: Floats) -> Floats:
    """How many times the evidence of a first finding the next one of the same cause needs, ``(n, n_causes)``."""
    factor: Floats = np.where(at_ms[:, None] - floats(state["passed_ms"]) <= FORGOTTEN_MS, AGAIN, 1.0)
    return factor


def after(state: State, cleared: Flags, at_ms: Floats) -> dict[str, Floats | Integers]:
    """The state where what was found until now has ``cleared`` by itself."""
    known = floats(state["passed_ms"])
    column = np.minimum(integers(state["active"]), known.shape[1] - 1)[:, None]
    mine = cleared[:, None] & (np.arange(known.shape[1]) == column)
    return {"passed_ms": np.where(mine, at_ms[:, None], known)}
