"""How the detectors fare on a real car: nothing said while it is sound, and what is found when a fault is put in.

The recorded drives (carOBD, one sound Toyota) are lived through in many orders: every drive once, each a trip, eight
hours from start to start; then come drives with a fault in their physics (:mod:`diagnostics.evaluation.injection`). All
detectors look at all trips. A fault counts as found in time when the detector that must name it has raised something by
the twelfth trip; intervals are the 95 % percentile bootstrap over orders. One car's drives are behind all of it, so
this says nothing of other cars.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.evaluation.injection import FAULTS, Drive
from diagnostics.evaluation.recordings import history
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.findings import Severity
from diagnostics.fleet import Fleet, all_detectors
from diagnostics.intake import merged, rows_of
from diagnostics.platforms import GENERIC, parameters_of, read_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from diagnostics.arrays import Floats, Integers

START_MS = 1_700_000_000_000
BETWEEN_MS = 28_800_000.0
WITHIN_TRIPS = 12
BOOTSTRAPS = 1000
BOOKED = frozenset({Severity.STOP_NOW, Severity.SOON})
"""What leads to a proposed appointment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Findings of some lives: which life, which trip of it (0 is the first), by which detector, how severe."""

    life: Integers
    trip: Integers
    detector: tuple[str, ...]
    booked: tuple[bool, ...]

    def first(self, detector: str, lives: int, *, after: int) -> Floats:
        """Trips until a detector raised something after so many, by life: 1 is the first, NaN never."""
        found = np.full(lives, np.nan)
        for life, trip, name in zip(self.life.tolist(), self.trip.tolist(), self.detector, strict=True):
            if name == detector and trip >= after:
                found[life] = np.fmin(found[life], trip - after + 1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultScore:
    """How soon a fault was found: share of lives within :data:`WITHIN_TRIPS`, trips in the middle and at 90 %."""

    detector: str
    found: Figure
    median_trips: float | None
    p90_trips: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RealScore:
    """The score on recorded drives; ``bookings`` and ``advisories`` are of the sound car, in all lives together."""

    drives: int
    hours: float
    lives: int
    bookings: int
    advisories: int
    recall: Figure
    faults: dict[str, FaultScore] = field(default_factory=dict)


def score(
    drives: Sequence[Drive], *, lives: int, seed: int, progress: Callable[[str], None] = lambda _: None
) -> RealScore:
    """The score of all detectors on recorded drives, ``lives`` times in other orders; the same for the same seed."""
    rng = np.random.default_rng(seed)
    sound = trips_of(drives)
    orders = np.stack([rng.permutation(len(sound)) for _ in range(lives)])
    progress("sound drives")
    calm = said_of(sound[orders])
    later = np.stack([rng.permutation(len(sound))[:WITHIN_TRIPS] for _ in range(lives)])
    faults, in_time = {}, []
    for name, (detector, inject) in FAULTS.items():
        progress(name)
        faulty = trips_of([inject(drive) for drive in drives])
        said = said_of(np.concatenate([sound[orders], faulty[later]], axis=1))
        trips = said.first(detector, lives, after=len(sound))
        in_time.append(~np.isnan(trips))
        faults[name] = _of_fault(detector, trips, rng)
    return RealScore(
        drives=len(drives),
        hours=round(float(np.sum(sound[:, FEATURES.index("running_s")])) / 3600.0, 1),
        lives=lives,
        bookings=sum(calm.booked),
        advisories=len(calm.booked) - sum(calm.booked),
        recall=_share(np.mean(in_time, axis=0), rng),
        faults=faults,
    )


def trips_of(drives: Sequence[Drive]) -> Floats:
    """Features of the longest trip of each drive, ``(n_drives, n_features)``; each drive stands alone."""
    fleet = Fleet([])
    names = [f"{number:06d}" for number in range(len(drives))]
    frames = [history([drive], vehicle_id=name, start_ms=START_MS) for name, drive in zip(names, drives, strict=True)]
    closed = [fleet.take(rows_of(merged(frame), fleet)).trips for frame in frames]
    rest = fleet.finish(fleet.rows_of(names)).trips
    vehicle = np.concatenate([*(one.vehicle for one in closed), rest.vehicle])
    values = np.concatenate([*(one.values for one in closed), rest.values])
    longest = np.lexsort((values[:, FEATURES.index("running_s")], vehicle))
    last = np.flatnonzero(np.diff(vehicle[longest], append=-1))
    found: Floats = values[longest[last]]
    return found


def said_of(lives: Floats) -> Said:
    """What all detectors raise in lives, ``(n_lives, n_trips, n_features)``, begun at the same time."""
    found = list(_raised(_timed(lives)))
    return Said(
        life=np.array([one[0] for one in found], dtype=np.int64),
        trip=np.array([one[1] for one in found], dtype=np.int64),
        detector=tuple(one[2] for one in found),
        booked=tuple(one[3] for one in found),
    )


def _timed(lives: Floats) -> Floats:
    timed = lives.copy()
    began, ended, soak = (FEATURES.index(name) for name in ("started_ms", "ended_ms", "soak_s"))
    lasted = timed[:, :, ended] - timed[:, :, began]
    timed[:, :, began] = START_MS + BETWEEN_MS * np.arange(timed.shape[1])
    timed[:, :, ended] = timed[:, :, began] + lasted
    timed[:, 0, soak] = np.nan
    timed[:, 1:, soak] = (timed[:, 1:, began] - timed[:, :-1, ended]) / 1000.0
    return timed


def _raised(lives: Floats) -> Iterator[tuple[int, int, str, bool]]:
    n_lives, n_trips, _ = lives.shape
    p = parameters_of(read_platforms(), [GENERIC] * n_lives)
    for detector in all_detectors():
        state = detector.initial(n_lives)
        for number in range(n_trips):
            trips = Trips(vehicle=np.arange(n_lives), values=lives[:, number])
            judgement, state = detector.step(trips, state, p)
            for life in np.flatnonzero(judgement.raised >= 0).tolist():
                cause = detector.causes[int(judgement.raised[life])]
                yield life, number, detector.name, cause.severity in BOOKED


def _of_fault(detector: str, trips: Floats, rng: np.random.Generator) -> FaultScore:
    late = np.where(np.isnan(trips), np.inf, trips)
    middle, most = (float(np.quantile(late, q, method="higher")) for q in (0.5, 0.9))
    return FaultScore(
        detector=detector,
        found=_share((~np.isnan(trips)).astype(float), rng),
        median_trips=middle if np.isfinite(middle) else None,
        p90_trips=most if np.isfinite(most) else None,
    )


def _share(of_lives: Floats, rng: np.random.Generator) -> Figure:
    drawn = rng.integers(0, len(of_lives), (BOOTSTRAPS, len(of_lives)))
    low, high = np.quantile(of_lives[drawn].mean(axis=1), (0.025, 0.975))
    return Figure(value=round(float(of_lives.mean()), 4), low=round(float(low), 4), high=round(float(high), 4))
