"""How much warmer the air is than when a car's normal was learned: what a season does to a reading is no fault.

A normal that is learned in winter is not a normal of summer. A detector whose reading follows the air asks a change to
be larger by what the air alone explains since then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State
    from diagnostics.features.trips import Trips

NIGHT_S = 8 * 3600.0
"""Rest after which the coolant has come to the air (our choice: after three hours it may be 20 K warmer)."""
WEATHER_K = 10.0
"""Days differ so much within a season, which margins of limits are for (our choice)."""
TEACHING_TRIPS = 40.0
"""Trips whose air is that of the normal (our choice: about what a normal settles in)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No air known."""
    return {name: np.zeros(n_vehicles) for name in ("season_n", "season_c", "season_k")}


def air_c(trips: Trips, rested_s: float = NIGHT_S) -> Floats:
    """Temperature of the air, degC ``(n,)``; NaN where neither it nor a coolant that has rested so long is told."""
    rested = np.where(trips["soak_s"] >= rested_s, trips["coolant_first"], np.nan)
    return np.where(np.isnan(trips["ambient_c"]), rested, trips["ambient_c"])


def follow(trips: Trips, observable: Flags, state: State) -> tuple[Floats, dict[str, Floats | Integers]]:
    """By how many K beyond :data:`WEATHER_K` the air is warmer than when the normal was learned; and the state after.

    ``(n,)``, as last known; 0 where it never was and where it is colder.
    """
    air, n, mean = air_c(trips), floats(state["season_n"]), floats(state["season_c"])
    told = observable & ~np.isnan(air)
    teaches = told & (n < TEACHING_TRIPS)
    n = n + teaches
    mean = np.where(teaches, mean + (air - mean) / np.maximum(n, 1.0), mean)
    warmer_k = np.where(told, np.maximum(air - mean - WEATHER_K, 0.0), floats(state["season_k"]))
    return warmer_k, {"season_n": n, "season_c": mean, "season_k": warmer_k}
