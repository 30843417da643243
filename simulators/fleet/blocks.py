"""A fleet's days, block by block: cars drive, wear, fail and are mended, and rows come out as a server would see them.

Blocks depend on world, seed and their own number alone, so that several processes can share the work and any block can
be made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import course, ecu, telematics, truth
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.course import PERIOD
from simulators.fleet.makes import stressed
from simulators.fleet.population import plan
from simulators.fleet.running import Run
from simulators.fleet.stress import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.ecu import Code
    from simulators.fleet.ledger import Sealed
    from simulators.fleet.population import Block, Vehicles
    from simulators.fleet.recording import Rows
    from simulators.fleet.stress import Stress
    from simulators.fleet.workshop import Measurement, Service
    from simulators.fleet.worlds import World

WAKES_DAILY_S, WAKES_ELECTRIC_S = 86_400.0, 7 * 3600.0
"""While it stands, a combustion car tells its tyres' pressures once a day, an electric one more and more often."""
STEP_S = 2
"""Step of driving: rows come every two seconds anyway, and finer steps cost twice as much (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows of a block, sorted by vehicle, then strictly by time, and what else became known meanwhile.

    ``vehicle`` (m,) are indices in the fleet, ``values`` (m, signals), NaN = not read. A car's rows come in order of
    time from chunk to chunk. Codes, services and measurements carry indices in the fleet too.
    """

    vehicle: Indices
    time_ms: Indices
    values: Floats
    signals: tuple[str, ...]
    codes: tuple[Code, ...] = ()
    services: tuple[Service, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    def __len__(self) -> int:
        """Rows."""
        return len(self.vehicle)


class BlockRun:
    """One block: take all :meth:`chunks`, then :meth:`sealed` is the truth."""

    def __init__(self, block: Block, stress: Stress = NONE) -> None:
        self.block = stressed(block, stress)
        self._course = course.begin(self.block, stress)
        self._told = (0, 0)
        self.driven_s = 0

    @property
    def vehicles(self) -> Vehicles:
        """Who they are."""
        return self._course.vehicles

    def chunks(self) -> Iterator[Chunk]:
        """The days of the run, some minutes of all cars at a time."""
        now = self._course
        for first in range(0, self.block.days, PERIOD):
            days = range(first, min(first + PERIOD, self.block.days))
            sessions = now.sessions(days)
            self.driven_s += int(sessions.lasts_ms().sum()) // 1000
            run = Run(
                now.cars, sessions, now.life.library.traces, self.block.chance(12, first), now.caretaker,
                wake_s=WAKES_ELECTRIC_S if now.link.electric else WAKES_DAILY_S, step_s=STEP_S,
            )  # fmt: skip
            for rows in run.rows():
                yield self._chunk(rows)
            now.cars = run.cars
            now.between(days)
        yield self._rest()

    def progress(self, chunk: Chunk) -> float:
        """How far through the run the cars of a chunk are, 0 to 1."""
        passed = float(chunk.time_ms.mean()) - self.block.world.start_ms
        return min(1.0, passed / (self.block.days * A_DAY_MS))

    def _chunk(self, rows: Rows) -> Chunk:
        now = self._course
        found = ecu.watch(now.memory, rows, self.block.platform.parameters)
        now.caretaker.coded(found)
        vehicle, time_ms, values = telematics.arrived(now.link, rows, ecu.told(now.memory, rows))
        codes = tuple(replace(code, vehicle=self.block.first + code.vehicle) for code in found)
        return self._filled(vehicle + self.block.first, time_ms, values, codes)

    def _rest(self) -> Chunk:
        """What became known after the last row."""
        none = np.zeros(0, dtype=np.int64)
        return self._filled(none, none, np.zeros((0, len(self._course.link.signals)), dtype=np.float32), ())

    def _filled(self, vehicle: Indices, time_ms: Indices, values: Floats, codes: tuple[Code, ...]) -> Chunk:
        shop = self._course.caretaker.workshop
        services, measurements = shop.services[self._told[0] :], shop.measurements[self._told[1] :]
        self._told = len(shop.services), len(shop.measurements)
        first = self.block.first
        return Chunk(
            vehicle=vehicle, time_ms=time_ms, values=values, signals=self._course.link.signals, codes=codes,
            services=tuple(replace(each, vehicle=first + each.vehicle) for each in services),
            measurements=tuple(replace(each, vehicle=first + each.vehicle) for each in measurements),
        )  # fmt: skip

    def sealed(self) -> Sealed:
        """The ledger's rows of this block."""
        return truth.sealed(self._course)


def simulate(
    world: World, *, n_vehicles: int, days: int, seed: int, block: int = 4000, stress: Stress = NONE
) -> Iterator[BlockRun]:
    """The blocks of a fleet, one after the other; each runs while its chunks are taken."""
    for each in plan(world, n_vehicles, days, seed, block):
        yield BlockRun(each, stress)
