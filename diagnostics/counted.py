"""A sequential test on counts: is an event more frequent than on a sound car?

The logarithm of the likelihood ratio of two Poisson rates, summed and kept at zero or above (a CUSUM): an event adds
log(bad / sound), a chance for one takes (bad - sound) away. For rare events that do not come in bursts this is the
quickest test there is at its rate of false alarms (Lucas 1985); a burst counts as at most ``most`` events a trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, State

CEILING = 3.0
"""The sum stops at so many times the limit (our choice)."""


def initial(n_vehicles: int, width: int | None = None, name: str = "evidence") -> dict[str, Floats | Integers]:
    """No evidence; of ``width`` series a vehicle, where it is given."""
    shape = (n_vehicles,) if width is None else (n_vehicles, width)
    return {name: np.zeros(shape), f"{name}_since_ms": np.full(shape, np.nan)}


def follow(
    events: Floats,
    chances: Floats,
    at_ms: Floats,
    state: State,
    *,
    sound: Floats,
    bad: Floats,
    limit: Floats,
    most: Floats,
    name: str = "evidence",
) -> tuple[Floats, Floats, dict[str, Floats | Integers]]:
    """Evidence after a trip with ``events`` in ``chances`` (NaN: the trip does not tell), and since when there is some.

    ``sound`` and ``bad`` are rates of events a chance; ``limit`` where the caller raises; ``most`` events that count.
    """
    told = ~np.isnan(events) & ~np.isnan(chances)
    counted = np.minimum(np.where(told, events, 0.0), most)
    step = counted * np.log(bad / sound) - np.where(told, chances, 0.0) * (bad - sound)
    before, since = floats(state[name]), floats(state[f"{name}_since_ms"])
    evidence = np.minimum(np.maximum(before + step, 0.0), CEILING * limit)
    began = np.where((before <= 0.0) & (evidence > 0.0), at_ms, since)
    return evidence, began, {name: evidence, f"{name}_since_ms": began}
