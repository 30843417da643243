"""A sequential test on features of trips: a two-sided CUSUM against what is normal for the vehicle itself.

With z = (x - baseline) / sd, cut off at ``clip``, the sums are up = max(0, up + z - k) and down = max(0, down - z -
k) (Page 1954). The baseline is learned from the first trips, drawn towards the platform's mean, and then follows
slowly while the sums are small. Trips of one car are autocorrelated (0.37 for fuel trim on a recorded car), which
multiplies false alarms of a textbook limit by ten and more; so limits are set by simulation with that autocorrelation
and with the learning included (:mod:`diagnostics.evaluation.false_alarms`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from diagnostics.arrays import filled, floats, integers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from diagnostics.arrays import Floats, Integers, State

Kind = TypeVar("Kind", bound=np.generic)

PRIOR_TRIPS = 1.0
"""How many trips the platform's mean weighs in the baseline (our choice)."""
FOLLOW = 0.01
"""Share of a difference by which the baseline follows a trip (our choice: a season, not a fault)."""
CLIP = 4.0
"""Cut-off of z, so that one odd trip cannot raise anything alone (our choice)."""
CEILING = 4.0
"""The sums stop at so many times ``hold``: a fault that lasted long must still be seen to end (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """After a trip: ``up`` and ``down`` sums, ``baseline``, ``learned``, and when each sum last left zero."""

    up: Floats
    down: Floats
    baseline: Floats
    learned: Integers
    up_since_ms: Floats
    down_since_ms: Floats


def initial(n_vehicles: int, width: int | None = None) -> dict[str, Floats | Integers]:
    """Nothing learned; of ``width`` series a vehicle, where it is given."""
    shape = (n_vehicles,) if width is None else (n_vehicles, width)
    zeros: dict[str, Floats | Integers] = {name: np.zeros(shape) for name in ("up", "down", "baseline_sum")}
    never = {name: np.full(shape, np.nan) for name in ("up_since_ms", "down_since_ms", "baseline")}
    return zeros | never | {"learned": np.zeros(shape, dtype=np.int64)}


def follow(
    x: Floats,
    at_ms: Floats,
    state: State,
    *,
    mean: Floats,
    sd: Floats,
    learn: Floats,
    k: Floats,
    hold: Floats,
    prior: float | Floats = PRIOR_TRIPS,
    settle: float = 0.0,
    pace: float = FOLLOW,
) -> tuple[Drift, dict[str, Floats | Integers]]:
    """One trip of each vehicle; NaN in ``x`` changes nothing. ``hold``: sum from which the baseline stands still.

    With several series a vehicle ``x`` is ``(n, width)`` and the others can be broadcast to it. ``prior`` is how many
    trips ``mean`` weighs. Until ``settle`` trips the baseline goes on as their running mean while the sums are small;
    ``pace`` is the share of a difference by which it follows later.
    """
    valid = ~np.isnan(x)
    learned = integers(state["learned"])
    learning = valid & (learned < learn)
    total = floats(state["baseline_sum"]) + np.where(learning, filled(x), 0.0)
    learned = learned + learning
    fresh = (prior * mean + total) / np.maximum(prior + learned, 1.0)
    baseline = np.where(learning | np.isnan(floats(state["baseline"])), fresh, floats(state["baseline"]))
    judged = valid & ~learning
    z = np.clip(np.where(judged, x - baseline, 0.0) / sd, -CLIP, CLIP)
    up, up_since = _sum(floats(state["up"]), floats(state["up_since_ms"]), z - k, judged, at_ms)
    down, down_since = _sum(floats(state["down"]), floats(state["down_since_ms"]), -z - k, judged, at_ms)
    up, down = np.minimum(up, CEILING * hold), np.minimum(down, CEILING * hold)
    calm = judged & (np.maximum(up, down) < hold)
    learned = learned + (calm & (learned < settle))
    share = np.where(learned < settle, np.maximum(1.0 / np.maximum(prior + learned, 1.0), pace), pace)
    baseline = baseline + np.where(calm, share * z * sd, 0.0)
    after: dict[str, Floats | Integers] = {
        "up": up, "down": down, "up_since_ms": up_since, "down_since_ms": down_since,
        "baseline": baseline, "baseline_sum": total, "learned": learned,
    }  # fmt: skip
    drift = Drift(up=up, down=down, baseline=baseline, learned=learned, up_since_ms=up_since, down_since_ms=down_since)
    return drift, after


def restarted(after: dict[str, Floats | Integers], where: np.ndarray) -> dict[str, Floats | Integers]:
    """The same state with the sums of some vehicles back at zero, as after a fault has cleared."""
    return after | {
        "up": np.where(where, 0.0, after["up"]),
        "down": np.where(where, 0.0, after["down"]),
    }


def chosen(values: NDArray[Kind], which: Integers) -> NDArray[Kind]:
    """Of several series a vehicle the value of one: ``values`` ``(n, width)``, ``which`` ``(n,)``."""
    found: NDArray[Kind] = np.take_along_axis(values, which[:, None], axis=1)[:, 0]
    return found


def _sum(before: Floats, since: Floats, step: Floats, judged: np.ndarray, at_ms: Floats) -> tuple[Floats, Floats]:
    after = np.where(judged, np.maximum(0.0, before + step), before)
    begins = judged & (before <= 0.0) & (after > 0.0)
    return after, np.where(begins, at_ms, since)
