"""Blocks whose cars are put together from the same parts, run together: a step costs hardly more for many than for few.

Only the physics is shared, and its chance. Each block keeps its course: draws, faults, workshop, control units and
devices. Cars of a joint run are numbered through, block after block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import joined
from simulators.fleet.garage import put_together_from
from simulators.fleet.recording import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.climate import Air
    from simulators.fleet.moment import Weather
    from simulators.fleet.population import Block
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars
    from simulators.fleet.watching import Caretaker


def groups(blocks: Iterable[Block], most: int) -> list[tuple[Block, ...]]:
    """Blocks of a run by what can run together, in their order; no group of several has more than ``most`` cars."""
    found: list[list[Block]] = []
    open_at: dict[object, int] = {}
    for block in blocks:
        kind = put_together_from(block.platform)
        at = open_at.get(kind)
        if at is None or sum(each.n for each in found[at]) + block.n > most:
            open_at[kind] = at = len(found)
            found.append([])
        found[at].append(block)
    return [tuple(group) for group in found]


def starts_of(sizes: Iterable[int]) -> Indices:
    """Number of each block's first car in a joint run, and behind them how many cars there are."""
    return np.cumsum([0, *sizes], dtype=np.int64)


def all_cars(cars: Sequence[Cars]) -> Cars:
    """The cars of several blocks as one value."""
    return replace(
        cars[0],
        **{
            name: tuple(joined(each) for each in zip(*(getattr(some, name) for some in cars), strict=True))
            for name in ("builds", "conditions", "states")
        },
        since_ms=np.concatenate([each.since_ms for each in cars]),
    )


def all_sessions(plans: Sequence[Sessions], starts: Indices) -> Sessions:
    """The sessions of several blocks, sorted as those of one are."""
    return joined([replace(plan, vehicle=plan.vehicle + start) for plan, start in zip(plans, starts, strict=False)])


def rows_of(rows: Rows, first: int, last: int, signals: tuple[str, ...]) -> Rows:
    """The rows of the cars from ``first`` to before ``last``, with the signals that their platform has."""
    here = slice(*np.searchsorted(rows.vehicle, [first, last]).tolist())
    kind, vehicle, time_ms = rows.kind[here], rows.vehicle[here] - first, rows.time_ms[here]
    if signals == rows.signals or not len(kind):
        place = np.arange(here.start, here.stop) if rows.place is None else rows.place[here]
        return Rows(kind=kind, vehicle=vehicle, time_ms=time_ms, values=rows.values, signals=signals, place=place)
    own = [rows.signals.index(path) for path in signals]
    values = np.take(rows.copied(np.arange(here.start, here.stop)), own, axis=1)
    return Rows(kind=kind, vehicle=vehicle, time_ms=time_ms, values=values, signals=signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caretakers:
    """The watch of a joint run: hands each block's cars to its own caretaker."""

    members: tuple[Caretaker, ...]
    starts: Indices
    air: Air
    climate: Indices
    altitude_m: Floats

    def begins(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> Cars:
        """Mends what is due and moves conditions on."""
        for caretaker, rows, own in self._each(vehicle):
            cars = caretaker.begins(own, time_ms[rows], cars, rows)
        return cars

    def weather(self, vehicle: Indices, time_ms: Indices) -> Weather | None:
        """The air about standing cars: all blocks of a run have it in common."""
        return self.air.weather(self.climate[vehicle], time_ms, self.altitude_m[vehicle])

    def ended(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> None:
        """Notes which faults have come to functional failure, and low tyres."""
        for caretaker, rows, own in self._each(vehicle):
            caretaker.ended(own, time_ms[rows], cars, rows)

    def _each(self, vehicle: Indices) -> Iterator[tuple[Caretaker, Indices, Indices]]:
        """Each caretaker with places in ``vehicle`` of its cars, and their numbers in its block."""
        for caretaker, first, last in zip(self.members, self.starts[:-1], self.starts[1:], strict=True):
            rows = np.flatnonzero((vehicle >= first) & (vehicle < last))
            if len(rows):
                yield caretaker, rows, vehicle[rows] - first


def caretakers(members: Sequence[Caretaker], starts: Indices) -> Caretakers:
    """The caretakers of blocks of one run."""
    return Caretakers(
        members=tuple(members), starts=starts, air=members[0].air,
        climate=np.concatenate([each.vehicles.climate for each in members]),
        altitude_m=np.concatenate([each.vehicles.altitude_m for each in members]),
    )  # fmt: skip
