"""How much warmer the air is than when a car's normal was learned: what a season does to a reading is no fault.

A normal that is learned in winter is not a normal of summer. A detector whose reading follows the air asks a change to
be larger by what the air alone explains since then. The air of the normal is learned and followed as the normal itself
is (:mod:`diagnostics.whitened`), and stands still where that does, so that what a normal has followed already is not
excused twice, and what it has not is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats
from diagnostics.whitened import FOLLOW

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State
    from diagnostics.features.trips import Trips

NIGHT_S = 8 * 3600.0
"""Rest after which the coolant has come to the air (our choice: after three hours it may be 20 K warmer)."""
WEATHER_K = 10.0
"""Days differ so much within a season, which margins of limits are for (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No air known."""
    return {name: np.zeros(n_vehicles) for name in ("season_n", "season_c", "season_k")}


def air_c(trips: Trips, rested_s: float = NIGHT_S) -> Floats:
    """Temperature of the air, degC ``(n,)``; NaN where neither it nor a coolant that has rested so long is told."""
    rested = np.where(trips["soak_s"] >= rested_s, trips["coolant_first"], np.nan)
    return np.where(np.isnan(trips["ambient_c"]), rested, trips["ambient_c"])


def follow(
    trips: Trips, told: Flags, calm: Flags, state: State, learn: Floats
) -> tuple[Floats, dict[str, Floats | Integers]]:
    """By how many K beyond :data:`WEATHER_K` the air is warmer than when the normal was learned; and the state after.

    ``(n,)``, as last known; 0 where it never was and where it is colder. ``told`` are the
    trips that teach the normal, ``learn`` of them at first, later those at which its sums are ``calm``.
    """
    air, n, mean = air_c(trips), floats(state["season_n"]), floats(state["season_c"])
    told = told & ~np.isnan(air)
    n = n + told
    share = np.where(n <= learn, 1.0 / np.maximum(n, 1.0), np.where(calm, FOLLOW, 0.0))
    mean = np.where(told, mean + share * (air - mean), mean)
    warmer_k = np.where(told, np.maximum(air - mean - WEATHER_K, 0.0), floats(state["season_k"]))
    return warmer_k, {"season_n": n, "season_c": mean, "season_k": warmer_k}
