"""Whether the coolant that a trip begins with is that of the drive before, hours ago.

Where packets are lost or come late, the last reading of a drive may be the first one of the next. A reading is taken
for that where it is the same as the last one, within ``held_over_k``, and a standing engine had to lose at least twice
as much since: after a short drive that ended near the air around, or a short stop, the same reading is a true one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

STILL_COLD_C = 45.0
"""A coolant that is warmer than that after hours of rest was not read at the start: packets were lost (our choice)."""
COOLS_S = 14_400.0
"""In which a standing engine loses two thirds of its warmth at the latest (our choice: twice what is usual)."""
UNTOLD_C = 0.0
"""Air around a car that does not tell it (our choice: a cold one, since a trip more that says nothing does no harm)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No drive before."""
    return {"coolant_before": np.full(n_vehicles, np.nan)}


def held_over(first_c: Floats, trips: Trips, state: State, p: Parameters) -> Flags:
    """Where the coolant read first, degC ``(n,)``, is the last one of the drive before; not where it is unknown."""
    before = floats(state["coolant_before"])
    outside = filled(trips["ambient_c"], UNTOLD_C)
    due = (before - outside) * (1.0 - np.exp(-trips["soak_s"] / COOLS_S))
    held: Flags = np.abs(first_c - before) <= p["held_over_k"]
    return held & (due >= 2.0 * p["held_over_k"])


def after(trips: Trips, state: State) -> dict[str, Floats | Integers]:
    """The state after these trips: the coolant with which the last one that told it ended."""
    last_c = trips["coolant_last"]
    return {"coolant_before": np.where(np.isnan(last_c), floats(state["coolant_before"]), last_c)}
