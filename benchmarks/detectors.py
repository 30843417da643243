"""A day of a fleet through all detectors and wear models, features in: time, memory, and cost as the fleet grows.

A few simulated cars of each platform drive some days; their states and the trips of their last day are then what
every car of a fleet of any size has, drawn by chance. Cars are worked on in blocks, shared among as many processes as
there are cores, as a service would that keeps states by shards. The day of a million is on the clock, all told; the
cost of a car is processor time of the judgement, so that a fleet too small to keep all cores busy is not charged for
the idle ones. Beside it, in the same run, one update of two drift detectors of river, which knows one series at a
time.
"""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.errors import MissingPeerError
from benchmarks.result import Result
from diagnostics.advance import Workshop, initial, judge
from diagnostics.arrays import picked
from diagnostics.features.rows import Rows
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.fleet import Fleet, all_detectors
from diagnostics.measurements import Measurements
from diagnostics.platforms import kind_of, parameters_of, read_platforms
from simulators.fleet.blocks import simulate, together
from simulators.fleet.makes import world

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers

CARS, DAYS, SEED = 80, 5, 11
BLOCK = 20_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
PEER_UPDATES = 20_000
MIB = 1024.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Some cars: their state, the trips of their last day, and their kinds."""

    state: dict[str, dict[str, np.ndarray]]
    trips: Trips
    kinds: tuple[str, ...]


def measure() -> Result:
    """The figures.

    Raises:
        MissingPeerError: river is not installed.
    """
    peers = _river()
    pool = a_pool()
    cores = len(os.sched_getaffinity(0))
    wall_s = 0.0
    spent: dict[int, float] = {}
    peaks: list[float] = []
    for size in SIZES:
        begun = time.perf_counter()
        with ProcessPoolExecutor(cores, mp_context=get_context("fork")) as executor:
            blocks = [(pool, at, min(BLOCK, size - at)) for at in range(0, size, BLOCK)]
            done = list(executor.map(_day, blocks))
        wall_s = time.perf_counter() - begun
        spent[size] = sum(seconds for _, seconds in done)
        peaks += [peak for peak, _ in done]
    largest, n_detectors = SIZES[-1], len(all_detectors())
    trips_a_day = len(pool.trips) / len(pool.kinds)
    a_car_us = 1e6 * wall_s * cores / largest
    return Result(
        bench="detectors",
        unit="updates/s a core",
        ours=1e6 * trips_a_day * n_detectors / a_car_us,
        peers={name: 1.0 / seconds for name, seconds in peers.items()},
        equal=True,
        input=f"{largest:,} cars, {trips_a_day:.1f} trips a day, {n_detectors} detectors",
        detail={
            "seconds_for_a_day_of_a_million_cars": round(wall_s, 1),
            "cores": cores,
            "core_us_a_car": {f"{size:,}": round(1e6 * seconds / size, 1) for size, seconds in spent.items()},
            "peak_mib_of_all_processes": round(max(peaks) * cores),
        },
    )


def a_pool() -> Pool:
    """Cars that have driven some days, and what they did on the last of them."""
    fleet, kinds, parts = Fleet(detectors=()), [""] * CARS, []
    rows = fleet.rows_of([str(number) for number in range(CARS)])
    for group in simulate(world("development"), n_vehicles=CARS, days=DAYS, seed=SEED):
        for run in group:
            here = slice(run.block.first, run.block.first + run.block.n)
            kinds[here] = [kind_of(run.block.platform.name, run.block.platform.powertrain)] * run.block.n
        for _, chunk in together(group):
            if len(chunk):
                values: Any = chunk.values
                taken = Rows(vehicle=chunk.vehicle, time_ms=chunk.time_ms, values=values, signals=chunk.signals)
                parts.append(fleet.take(taken).trips)
    parts.append(fleet.finish(rows).trips)
    vehicle = np.concatenate([part.vehicle for part in parts])
    values = np.concatenate([part.values for part in parts])
    ended = values[:, FEATURES.index("ended_ms")]
    order = np.lexsort((ended, vehicle))
    trips, last = Trips(vehicle=vehicle[order], values=values[order]), ended[order] > ended.max() - 86_400_000.0
    before = judge(
        trips.only(~last), initial(all_detectors(), len(kinds)), _parameters(kinds), all_detectors(), _none(len(kinds))
    )
    return Pool(state=before.state, trips=trips.only(last), kinds=tuple(kinds))


def _parameters(kinds: list[str]) -> dict[str, Floats]:
    return parameters_of(read_platforms(), kinds)


def _none(n: int) -> Workshop:
    return Workshop(services_ms=np.full((n, len(all_detectors()), 0), np.nan), measured=Measurements.of([]))


def _day(work: tuple[Pool, int, int]) -> tuple[float, float]:
    """The day of a block of cars: the process's peak memory in MiB, and the processor time of the judgement in s."""
    pool, first, n = work
    drawn = np.random.default_rng([SEED, first]).integers(0, len(pool.kinds), n)
    state = {name: picked(part, drawn) for name, part in pool.state.items()}
    vehicle, rows = _trips_of(pool.trips.vehicle, drawn)
    trips = Trips(vehicle=vehicle, values=pool.trips.values[rows])
    p = _parameters([pool.kinds[at] for at in drawn])
    begun = time.process_time()
    judge(trips, state, p, all_detectors(), _none(n))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB, time.process_time() - begun


def _trips_of(of: Integers, drawn: Integers) -> tuple[Integers, Integers]:
    """For each car of a block the rows of the trips of the car that it was drawn to be."""
    starts = np.searchsorted(of, drawn)
    counts = np.searchsorted(of, drawn, side="right") - starts
    vehicle = np.repeat(np.arange(len(drawn)), counts)
    within = np.arange(len(vehicle)) - np.repeat(np.cumsum(counts) - counts, counts)
    return vehicle, np.repeat(starts, counts) + within


def _river() -> dict[str, float]:
    """Seconds an update of two of river's drift detectors."""
    try:
        from river import drift  # noqa: PLC0415  only the benchmark needs it
    except ModuleNotFoundError:
        raise MissingPeerError("detectors", "river") from None
    values = np.random.default_rng(SEED).normal(size=PEER_UPDATES).tolist()
    found = {}
    kinds: Any = drift
    for name, detector in (("river_page_hinkley", kinds.PageHinkley()), ("river_adwin", kinds.ADWIN())):
        begun = time.perf_counter()
        for value in values:
            detector.update(value)
        found[name] = (time.perf_counter() - begun) / len(values)
    return found
