"""A fleet's days, block by block: cars drive, wear, fail and are mended, and rows come out as a server would see them.

Blocks whose cars are put together from the same parts run together as a group. A group depends on world, seed and its
own blocks alone, so that several processes can share the work and any group can be made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import course, ecu, joint, telematics, truth
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.course import PERIOD
from simulators.fleet.makes import stressed
from simulators.fleet.population import plan
from simulators.fleet.running import STEP_S, Run
from simulators.fleet.stepping import some
from simulators.fleet.stress import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.ecu import Code
    from simulators.fleet.ledger import Sealed
    from simulators.fleet.population import Block, Vehicles
    from simulators.fleet.recording import Rows
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars
    from simulators.fleet.stress import Stress
    from simulators.fleet.workshop import Measurement, Service
    from simulators.fleet.worlds import World

WAKES_DAILY_S, WAKES_ELECTRIC_S = 86_400.0, 7 * 3600.0
"""While it stands, a combustion car tells its tyres' pressures once a day, an electric one more and more often."""


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
    """One block, in a group or alone: when all chunks of it have been taken, :meth:`sealed` is the truth."""

    def __init__(self, block: Block, stress: Stress = NONE) -> None:
        self.block = stressed(block, stress)
        self._course = course.begin(self.block, stress)
        self._told = (0, 0)
        self.driven_s = 0

    @property
    def vehicles(self) -> Vehicles:
        """Who they are."""
        return self._course.vehicles

    @property
    def course(self) -> course.Course:
        """The block's cars and what accompanies them, as they stand."""
        return self._course

    def chunks(self) -> Iterator[Chunk]:
        """The days of the run of this block alone, some minutes of all cars at a time."""
        return (chunk for _, chunk in together((self,)))

    def progress(self, chunk: Chunk) -> float:
        """How far through the run the cars of a chunk are, 0 to 1."""
        passed = float(chunk.time_ms.mean()) - self.block.world.start_ms
        return min(1.0, passed / (self.block.days * A_DAY_MS))

    def sessions(self, days: range) -> Sessions:
        """The drives of some days; they are counted as driven."""
        sessions = self._course.sessions(days)
        self.driven_s += int(sessions.lasts_ms().sum()) // 1000
        return sessions

    def chunk(self, rows: Rows) -> Chunk:
        """What arrives of true rows of this block."""
        now = self._course
        found = ecu.watch(now.memory, rows, self.block.platform.parameters)
        now.caretaker.coded(found)
        vehicle, time_ms, values = telematics.arrived(now.link, rows, ecu.told(now.memory, rows))
        codes = tuple(replace(code, vehicle=self.block.first + code.vehicle) for code in found)
        return self._filled(vehicle + self.block.first, time_ms, values, codes)

    def drove(self, cars: Cars, days: range) -> None:
        """The days are over, and ``cars`` are the block's as they stand then."""
        now = self._course
        now.cars = replace(now.cars, conditions=cars.conditions, states=cars.states, since_ms=cars.since_ms)
        now.between(days)

    def rest(self) -> Chunk:
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


def begun(blocks: Iterable[Block], stress: Stress = NONE) -> tuple[BlockRun, ...]:
    """Blocks of a group on their first day."""
    return tuple(BlockRun(each, stress) for each in blocks)


def together(group: Sequence[BlockRun]) -> Iterator[tuple[BlockRun, Chunk]]:
    """The days of a group's blocks, some minutes of all cars at a time: each chunk with the block that it is of.

    The blocks are of one run (world, seed, days, stress), and of one of :func:`simulators.fleet.joint.groups`.
    """
    block, starts = group[0].block, joint.starts_of(len(run.vehicles) for run in group)
    watch = joint.caretakers([run.course.caretaker for run in group], starts)
    for first in range(0, block.days, PERIOD):
        days = range(first, min(first + PERIOD, block.days))
        sessions = joint.all_sessions([run.sessions(days) for run in group], starts)
        cars = joint.all_cars([run.course.cars for run in group])
        going = Run(
            cars, sessions, group[0].course.life.library.traces, block.chance(12, first), watch,
            wake_s=WAKES_ELECTRIC_S if group[0].course.link.electric else WAKES_DAILY_S, step_s=STEP_S,
        )  # fmt: skip
        for rows in going.rows():
            yield from _chunks(group, starts, rows)
        for run, begin, end in zip(group, starts[:-1], starts[1:], strict=True):
            run.drove(some(going.cars, slice(begin, end)), days)
    for run in group:
        yield run, run.rest()


def _chunks(group: Sequence[BlockRun], starts: Indices, rows: Rows) -> Iterator[tuple[BlockRun, Chunk]]:
    """What arrives of a joint run's rows, block by block."""
    for run, first, last in zip(group, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        mine = joint.rows_of(rows, first, last, run.course.link.true_signals)
        if len(mine):
            yield run, run.chunk(mine)


def simulate(
    world: World, *, n_vehicles: int, days: int, seed: int, block: int = 4000, stress: Stress = NONE
) -> Iterator[tuple[BlockRun, ...]]:
    """The groups of a fleet, one after the other, for :func:`together`; each has at most ``block`` cars."""
    for group in joint.groups(plan(world, n_vehicles, days, seed, block), block):
        yield begun(group, stress)
