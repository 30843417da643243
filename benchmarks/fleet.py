"""Vehicle-seconds a second of the simulated fleet on one core: the physics alone, and a block with all that belongs.

The physics: all subsystems of a car step through recorded drives, cars side by side. The block: also faults, workshop,
control unit, sensors, polling and telematics, rows coming out as a server sees them. Time is processor time of this
process. There is no peer; equal means that a small block, made twice, gave the same rows to the bit.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.result import Result
from simulators.fleet.arrays import full
from simulators.fleet.blocks import BlockRun
from simulators.fleet.cycles import recorded
from simulators.fleet.garage import parts
from simulators.fleet.makes import DEVELOPMENT
from simulators.fleet.moment import Weather, still
from simulators.fleet.population import Block
from simulators.fleet.running import STEP_S
from simulators.fleet.stepping import new_cars, step

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats
    from simulators.fleet.stepping import Cars

NAME = "fleet"
CARS, STEPS, WARM_STEPS = 4000, 300, 20
BLOCK_CARS, BLOCK_DAYS = 4000, 2
TWICE_CARS, TWICE_DAYS = 150, 1
POWERTRAINS = ("petrol", "diesel", "hybrid", "electric")
SEED = 20_261_126


def measure() -> Result:
    """The figures."""
    physics = {powertrain: _physics(powertrain) for powertrain in POWERTRAINS}
    rate, rows = _block()
    once, again = (_stands_for_block() for _ in range(2))
    return Result(
        bench=NAME,
        unit="vehicle-seconds/s",
        ours=physics["petrol"],
        peers={},
        equal=once == again,
        input=f"{CARS} cars side by side, steps of {STEP_S} s, one core",
        detail={
            **{f"physics_{powertrain}": round(found) for powertrain, found in physics.items()},
            "whole_block": round(rate),
            "rows_per_second": round(rows),
        },
    )


def _physics(powertrain: str) -> float:
    """Vehicle-seconds a second of all subsystems of a powertrain."""
    rng = np.random.default_rng(SEED)
    air = Weather(ambient_c=full(CARS, 12.0), baro_kpa=full(CARS, 100.0), humidity=full(CARS, 0.6))
    subsystems = tuple(part.subsystem for part in parts(powertrain))
    cars = new_cars(subsystems, {}, np.zeros(CARS, dtype=np.int64), air, rng)
    speed = _speeds(rng)
    cars = _stepped(cars, speed[:WARM_STEPS], rng)
    begun = time.process_time()
    _stepped(cars, speed[WARM_STEPS:], rng)
    return CARS * STEPS * STEP_S / (time.process_time() - begun)


def _speeds(rng: np.random.Generator) -> Floats:
    """Speeds of the cars at each step, ``(steps + 1, cars)``, each from its own place in the recorded drives."""
    whole = np.concatenate(recorded())[::STEP_S]
    count = WARM_STEPS + STEPS + 1
    begin = rng.integers(0, len(whole) - count, CARS)
    return np.ascontiguousarray(whole[begin[None, :] + np.arange(count)[:, None]])


def _stepped(cars: Cars, speed: Floats, rng: np.random.Generator) -> Cars:
    moment = still(CARS)
    for now, then in pairwise(speed):
        moment.speed_mps, moment.accel_mps2 = np.float32(0.5) * (now + then), (then - now) / np.float32(STEP_S)
        moment.run_s = moment.session_s = moment.session_s + np.float32(STEP_S)
        cars = step(cars, moment, float(STEP_S), rng)
    return cars


def _block() -> tuple[float, float]:
    """Of a whole block: vehicle-seconds and rows a second."""
    run = _begun(BLOCK_CARS, BLOCK_DAYS)
    begun = time.process_time()
    rows = sum(len(chunk) for chunk in run.chunks())
    spent_s = time.process_time() - begun
    return run.driven_s / spent_s, rows / spent_s


def _stands_for_block() -> int:
    """A number that stands for all values of a small block."""
    stands_for = 0
    for chunk in _begun(TWICE_CARS, TWICE_DAYS).chunks():
        stands_for = hash((stands_for, chunk.values.tobytes(), chunk.time_ms.tobytes()))
    return stands_for


def _begun(cars: int, days: int) -> BlockRun:
    make = DEVELOPMENT.platforms[0]
    return BlockRun(Block(world=DEVELOPMENT, seed=SEED, number=0, platform=make, first=0, n=cars, days=days))
