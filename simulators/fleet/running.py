"""A run: the sessions of a block, each car through its own, rows coming out on the way.

A car is a lane. Lanes are not at the same hour of the clock: each goes on to its next session as soon as the one before
is done, so none waits. Lanes are sorted by how much they have to do, and those that are through drop off the end.
Drives and charges are run in turns, as a minute of charging and a second of driving are different steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.lanes import Lanes
from simulators.fleet.sessions import CHARGE
from simulators.fleet.standing import Work
from simulators.fleet.stepping import Nobody, own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.arrays import Indices
    from simulators.fleet.recording import Rows
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars, Watch
    from simulators.fleet.traces import Traces

STEP_S = 2
"""Step of driving: rows come every two seconds anyway, and finer steps cost twice as much (our choice)."""


class Run:
    """Runs ``sessions`` with ``cars``; iterate :meth:`rows` to the end, then ``cars`` are as they stand afterwards.

    With ``wake_s`` above zero, standing cars give a row each so many seconds. Driving is stepped by ``step_s`` seconds,
    1 or 2: with 2, half the cost, two seconds of a trace are one with their mean speed and acceleration.
    """

    def __init__(
        self, cars: Cars, sessions: Sessions, traces: Traces, rng: np.random.Generator, watch: Watch | None = None,
        *, wake_s: float = 0.0, step_s: int = 1,
    ) -> None:  # fmt: skip
        self.cars = own(cars)
        self._work = Work(
            sessions=sessions, traces=traces, rng=rng, watch=watch or Nobody(), wake_s=wake_s, step_s=step_s
        )

    def rows(self) -> Iterator[Rows]:
        """Some minutes of all lanes an item; what vehicles give is in order of time from item to item.

        An item is good until the next is asked for.
        """
        for lanes in self._turns():
            yield from lanes.rows()

    def through(self) -> None:
        """The same to the end without rows, for who asks for the cars alone."""
        for lanes in self._turns():
            lanes.through()

    def _turns(self) -> Iterator[Lanes]:
        """Drives and charges in turns; each turn has to be through before the next is asked for."""
        phase = phases(self._work.sessions)
        for number in range(int(phase.max(initial=-1)) + 1):
            chosen = np.flatnonzero(phase == number)
            if len(chosen):
                yield Lanes(self._work, self.cars, chosen, charging=number % 2 == CHARGE)


def phases(sessions: Sessions) -> Indices:
    """Which turn each session falls in: even turns drive, odd turns charge, a car's sessions stay in order."""
    kind = sessions.kind.astype(np.int64)
    first = np.diff(sessions.vehicle, prepend=-1) != 0
    switched = np.where(first, kind, np.abs(np.diff(kind, prepend=0)))
    total = np.cumsum(switched)
    begin = np.flatnonzero(first)
    before = np.repeat(total[begin] - switched[begin], np.diff(np.r_[begin, len(kind)]))
    turns: Indices = total - before
    return turns
