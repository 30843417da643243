"""The traces that a fleet drives: recorded drives, published cycles, and generated ones.

Recorded and published ones are package data (``simulators/recordings``, which names source and licence). Two kinds are
generated: micro-trips as the live car drives them, and cycles like the CLTC-P: three phases with its published
durations, distances and top speeds, filled with micro-trips of our own; they are not the CLTC-P.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from simulators.drive_cycles import KMH, STYLES, drive_cycle
from simulators.fleet.arrays import floats
from simulators.fleet.traces import Traces, in_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.fleet.arrays import Floats
    from simulators.fleet.sessions import Sessions

FEELS_LATERAL_MPS2 = 0.75
"""Standard deviation of the lateral acceleration at 40 km/h in bends (our choice); it falls with speed above."""
BEND_S = 4.0
HILL_S = 45.0
HILL_ROWS = 4096
CLTC_TRIES = 40
GENERATED_MINUTES = (4, 6, 9, 13, 18, 25, 34, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a cycle: how long, how far, how fast at most, and the style of its micro-trips."""

    seconds: int
    metres: float
    top_kmh: float
    style: str


CLTC_LIKE = (
    Phase(seconds=674, metres=2450.0, top_kmh=48.1, style="town"),
    Phase(seconds=693, metres=5910.0, top_kmh=71.2, style="commute"),
    Phase(seconds=433, metres=6120.0, top_kmh=114.0, style="motorway"),
)
"""Together 1800 s, 14.48 km, 114 km/h at most, as published for the CLTC-P."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Traces, and of each its length in metres and its mean speed ``(traces,)``."""

    traces: Traces
    metres: Floats
    mean_mps: Floats

    def km(self, drives: Sessions) -> Floats:
        """How far each of some drives goes, ``(m,)``."""
        trace = np.searchsorted(self.traces.first, drives.segment, side="right") - 1
        return floats(self.metres[trace] * drives.pace / 1000.0)


def library(rng: np.random.Generator) -> Library:
    """All traces, lateral accelerations and hills drawn from ``rng``."""
    speeds = [*recorded(), *(cltc_like(rng) for _ in range(4)), *_generated(rng)]
    windows = [in_windows(floats(speed)) for speed in speeds]
    table = np.concatenate(windows)
    flat = table.reshape(-1)
    count = np.array([len(part) for part in windows], dtype=np.int64)
    traces = Traces(
        speed_mps=table,
        accel_mps2=floats(np.diff(flat, append=0.0)).reshape(table.shape),
        lateral_mps2=_lateral(flat, rng).reshape(table.shape),
        grade=_hills(rng),
        first=np.cumsum(count) - count,
        windows=count,
    )
    metres = floats([speed.sum() for speed in speeds])
    return Library(traces=traces, metres=metres, mean_mps=metres / floats([len(speed) for speed in speeds]))


def recorded() -> list[Floats]:
    """The recorded drives and published cycles, m/s at each second."""
    place = resources.files("simulators.recordings").joinpath("fastsim-drives.npz")
    with resources.as_file(place) as path, np.load(path) as found:
        speed, seconds = floats(found["speed_cms"]) / np.float32(100.0), found["seconds"]
    return np.split(speed, np.cumsum(seconds)[:-1])


def cltc_like(rng: np.random.Generator) -> Floats:
    """A cycle with duration, distance and top speed of the CLTC-P, m/s at each of 1800 seconds."""
    return floats(np.concatenate([_phase(phase, rng) for phase in CLTC_LIKE]))


def _phase(phase: Phase, rng: np.random.Generator) -> Floats:
    """Of several attempts the one that brakes and accelerates least at its hardest."""
    tries = [_bent(phase, rng) for _ in range(CLTC_TRIES)]
    return min(tries, key=lambda speed: float(np.abs(np.diff(speed)).max()))


def _bent(phase: Phase, rng: np.random.Generator) -> Floats:
    """Micro-trips bent to the phase's distance: speed = top * share ** power, the power found by halving."""
    shape = drive_cycle(STYLES[phase.style], phase.seconds, rng)
    share = shape / shape.max()
    low, high = 0.05, 20.0
    for _ in range(50):
        power = (low * high) ** 0.5
        far = (share**power).sum() * phase.top_kmh / KMH
        low, high = (power, high) if far > phase.metres else (low, power)
    return floats(share ** ((low * high) ** 0.5) * (phase.top_kmh / KMH))


def _generated(rng: np.random.Generator) -> Sequence[Floats]:
    return [floats(drive_cycle(style, 60 * minutes, rng)) for minutes in GENERATED_MINUTES for style in STYLES.values()]


def _smooth(n: int, reach_s: float, rng: np.random.Generator) -> Floats:
    """Noise that changes within ``reach_s`` seconds, standard deviation 1."""
    kernel = np.hanning(2 * int(reach_s) + 1)
    kernel /= np.sqrt((kernel**2).sum())
    return floats(np.convolve(rng.standard_normal(n), kernel, mode="same"))


def _lateral(speed: Floats, rng: np.random.Generator) -> Floats:
    """Bends: nothing at rest, most at 40 km/h, little on motorways; limited to 6 m/s²."""
    at = speed / np.float32(40.0 / KMH)
    felt = FEELS_LATERAL_MPS2 * at / (0.5 + 0.5 * at * at)
    return floats(np.clip(felt * _smooth(len(speed), BEND_S, rng), -6.0, 6.0))


def _hills(rng: np.random.Generator) -> Floats:
    grade = _smooth(HILL_ROWS * 30, HILL_S, rng)
    return floats(grade - grade.mean()).reshape(HILL_ROWS, 30)
