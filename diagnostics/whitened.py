"""A sequential test for features whose trips resemble each other: residuals are whitened, cut off and summed.

With r = (x - baseline) / sd of the vehicle itself, u = (r - phi r') / sqrt(1 - phi^2) is free of the correlation phi
between a trip and the one before (r'), where that correlation is of first order; u is cut off at ``CLIP`` so that tails
cannot raise anything, and summed two-sidedly, up = max(0, up + u - k), down = max(0, down - u - k) (Page 1954). A shift
of d standard deviations is seen as d sqrt((1 - phi) / (1 + phi)): whitening costs delay and buys a rate of false alarms
that holds. Baseline and sd are learned from the first trips of the vehicle, drawn towards the platform's, and the
baseline then follows slowly while the sums are small.

``follow`` is for one series a vehicle ``(n,)`` or several ``(n, width)``; parameters are broadcast to the series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats, integers, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State

CLIP = 3.0
"""Cut-off of u: it takes four trips at the least to raise what ten standard deviations raise (our choice)."""
FOLLOW = 0.005
"""Share of a residual by which the baseline follows (our choice: a season, not a fault)."""
RECENT = 0.2
"""Weight of the newest trip in ``level`` (our choice)."""
SD_TRIPS = 8.0
"""How many trips the platform's sd weighs against what the vehicle shows (our choice)."""
SD_FLOOR = 0.5
"""A vehicle's own sd is not taken below this part of the platform's: few trips may agree by chance (our choice)."""
NAMES = ("mean", "sd", "learn", "phi", "k", "h")
"""Parameters of a chart, ``PREFIX_NAME``; ``h`` is the limit of its sums."""
SUMS = ("up", "down", "up_since_ms", "down_since_ms")
KEPT = (*SUMS, "own_mean", "own_squares", "before", "follow", "level", "learned")
"""What the state holds of a chart."""
CEILING = 4.0
"""The sums stop at so many times ``hold``: a fault that lasted long must still be seen to end (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Parameters, each ``(n,)`` or as the series.

    Platform's ``mean``, which weighs ``prior`` trips, and ``sd``; trips to ``learn``; ``phi``; allowance ``k``;
    ``hold``, the sum from which the baseline stands still.
    """

    mean: Floats
    prior: float
    sd: Floats
    learn: Floats
    phi: Floats
    k: Floats
    hold: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """After a trip: both sums, and since when each is above zero.

    Also the vehicle's ``baseline`` and ``sd``, its recent ``level`` and the trips ``learned``.
    """

    up: Floats
    down: Floats
    baseline: Floats
    sd: Floats
    level: Floats
    learned: Integers
    up_since_ms: Floats
    down_since_ms: Floats

    @property
    def moved(self) -> Floats:
        """How far the recent level is from the baseline."""
        return self.level - self.baseline


def parameters(*prefixes: str) -> tuple[str, ...]:
    """Names of the parameters of charts."""
    return tuple(f"{prefix}_{name}" for prefix in prefixes for name in NAMES)


def chart(prefix: str, p: Parameters, *, prior: float = 1.0) -> Chart:
    """The chart of one series from its parameters; ``prior`` 0 where the platform's mean says nothing."""
    known = {name: p[f"{prefix}_{name}"] for name in NAMES}
    return Chart(
        mean=known["mean"], prior=prior, sd=known["sd"], learn=known["learn"], phi=known["phi"], k=known["k"],
        hold=known["h"] / 2.0,
    )  # fmt: skip


def charts(prefixes: Sequence[str], p: Parameters, *, prior: float = 1.0) -> Chart:
    """The chart of several series, ``(n, len(prefixes))``."""
    known = {name: np.stack([p[f"{prefix}_{name}"] for prefix in prefixes], axis=1) for name in NAMES}
    return Chart(
        mean=known["mean"], prior=prior, sd=known["sd"], learn=known["learn"], phi=known["phi"], k=known["k"],
        hold=known["h"] / 2.0,
    )  # fmt: skip


def initial(n_vehicles: int, width: int | None = None) -> dict[str, Floats | Integers]:
    """Nothing learned; of ``width`` series a vehicle, where it is given."""
    shape = (n_vehicles,) if width is None else (n_vehicles, width)
    zeros: dict[str, Floats | Integers] = {
        name: np.zeros(shape) for name in ("up", "down", "own_mean", "own_squares", "before", "follow")
    }
    never = {name: np.full(shape, np.nan) for name in ("up_since_ms", "down_since_ms", "level")}
    return zeros | never | {"learned": np.zeros(shape, dtype=np.int64)}


def follow(x: Floats, at_ms: Floats, state: State, c: Chart) -> tuple[Shift, dict[str, Floats | Integers]]:
    """One trip of each vehicle; NaN in ``x`` changes nothing. ``at_ms`` must broadcast to ``x``."""
    valid = ~np.isnan(x)
    learning = valid & (integers(state["learned"]) < c.learn)
    learned, mean, squares = _learn(x, learning, state)
    followed = floats(state["follow"])
    baseline = (c.prior * c.mean + learned * mean) / np.maximum(c.prior + learned, 1e-9) + followed
    sd = _sd(learned, squares, c.sd)
    if not valid.any():
        return _standing(state, baseline, sd)
    r = np.clip(np.where(valid, x - baseline, 0.0) / sd, -2.0 * CLIP, 2.0 * CLIP)
    before, judged = floats(state["before"]), valid & ~learning
    sums = {name: floats(state[name]) for name in SUMS}
    if judged.any():
        u = np.clip((r - c.phi * before) / np.sqrt(1.0 - c.phi**2), -CLIP, CLIP)
        sums = _summed(u, judged, at_ms, sums, c)
        calm = judged & (np.maximum(sums["up"], sums["down"]) < c.hold)
        followed = followed + np.where(calm, FOLLOW * np.clip(r, -CLIP, CLIP) * sd, 0.0)
    level = _level(floats(state["level"]), x)
    after: dict[str, Floats | Integers] = {
        **sums, "own_mean": mean, "own_squares": squares, "before": np.where(valid, r, before), "learned": learned,
        "level": level, "follow": followed,
    }  # fmt: skip
    return Shift(**sums, baseline=baseline, sd=sd, level=level, learned=learned), after


def _standing(state: State, baseline: Floats, sd: Floats) -> tuple[Shift, dict[str, Floats | Integers]]:
    """A chart of which no vehicle tells anything: all is as it was."""
    after = {name: numbers(state[name]) for name in KEPT}
    stands = {name: floats(state[name]) for name in (*SUMS, "level")}
    return Shift(**stands, baseline=baseline, sd=sd, learned=integers(state["learned"])), after


def restarted(after: dict[str, Floats | Integers], where: Flags) -> dict[str, Floats | Integers]:
    """The same state with the sums of some vehicles back at zero, as after a fault has cleared."""
    shaped = where if after["up"].ndim == 1 else where[:, None]
    return after | {name: np.where(shaped, 0.0, after[name]) for name in ("up", "down")}


def _learn(x: Floats, learning: Flags, state: State) -> tuple[Integers, Floats, Floats]:
    """Count, mean and sum of squared deviations (Welford 1962)."""
    learned = integers(state["learned"]) + learning
    mean, squares = floats(state["own_mean"]), floats(state["own_squares"])
    difference = np.where(learning, x - mean, 0.0)
    new_mean = mean + difference / np.maximum(learned, 1)
    return learned, new_mean, squares + difference * np.where(learning, x - new_mean, 0.0)


def _sd(learned: Integers, squares: Floats, platform: Floats) -> Floats:
    freedom = np.maximum(learned - 1.0, 0.0)
    own = np.sqrt((SD_TRIPS * platform**2 + squares) / (SD_TRIPS + freedom))
    floored: Floats = np.maximum(own, SD_FLOOR * platform)
    return floored


def _level(before: Floats, x: Floats) -> Floats:
    first = np.where(np.isnan(before), x, before + RECENT * (x - before))
    return np.where(np.isnan(x), before, first)


def _summed(u: Floats, judged: Flags, at_ms: Floats, sums: dict[str, Floats], c: Chart) -> dict[str, Floats]:
    """Both sums, and since when each is above zero, after ``u`` where it is ``judged``."""
    top = CEILING * c.hold
    up, up_since = _sum(sums["up"], sums["up_since_ms"], u - c.k, judged, at_ms, top)
    down, down_since = _sum(sums["down"], sums["down_since_ms"], -u - c.k, judged, at_ms, top)
    return {"up": up, "down": down, "up_since_ms": up_since, "down_since_ms": down_since}


def _sum(
    before: Floats, since: Floats, step: Floats, judged: Flags, at_ms: Floats, top: Floats
) -> tuple[Floats, Floats]:
    after = np.where(judged, np.clip(before + step, 0.0, top), before)
    begins = judged & (before <= 0.0) & (after > 0.0)
    return after, np.where(begins, at_ms, since)


def relearned(after: dict[str, Floats | Integers], where: Flags) -> dict[str, Floats | Integers]:
    """The same state with some series, ``where`` in their shape, back at nothing learned, as after a new part."""
    shape = after["up"].shape
    fresh = initial(shape[0], shape[1] if len(shape) > 1 else None)
    return after | {name: np.where(where, values, after[name]) for name, values in fresh.items()}
