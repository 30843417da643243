"""Tyres that are low without a hole: for the ledger, as who says so of a car is right.

Rubber and cold take a tyre's pressure within a winter; the control unit's lamp tells of it truly. It is no fault, and
nothing fails of it within a run, but what was said about it is not false.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import ledger, tyres
from simulators.fleet.climate import A_DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.faults import Bools
    from simulators.fleet.stepping import Cars

NEVER = -1


@dataclass(slots=True)
class LowAir:
    """By car since when it is low on air, :data:`NEVER` where it is not; and from when to when cars were.

    It became so while it stood: from the end of the drive before (``drove_ms``) on.
    """

    since_ms: Indices
    drove_ms: Indices
    over: list[tuple[int, int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, n: int) -> LowAir:
        """None of ``n`` cars is low."""
        return cls(np.full(n, NEVER, dtype=np.int64), np.full(n, NEVER, dtype=np.int64))

    def look(self, vehicle: Indices, time_ms: Indices, cars: Cars, rows: Indices | None) -> None:
        """After drives of the cars ``vehicle``, in ``rows`` of ``cars``: whose tyres were low, or are so no more.

        A tyre with a hole is the ledger's fault of its own.
        """
        part, holed = _tyres(cars)
        mine, leaks = (part, holed) if rows is None else (part[rows], holed[rows])
        low, was = (mine < tyres.LOW_PART) & ~leaks, self.since_ms[vehicle] >= 0
        for at in np.flatnonzero(was & ((mine > tyres.FILLED_PART) | leaks)).tolist():
            car = int(vehicle[at])
            self.over.append((car, int(self.since_ms[car]), int(time_ms[at])))
            self.since_ms[car] = NEVER
        begun = vehicle[low & ~was]
        drove = self.drove_ms[begun]
        self.since_ms[begun] = np.where(drove >= 0, drove, time_ms[low & ~was] - A_DAY_MS)
        self.drove_ms[vehicle] = time_ms

    def rows(self, first: int) -> Iterator[ledger.Truth]:
        """The ledger's rows; ``first`` is the index in the fleet of the block's first car."""
        still = [(int(car), int(self.since_ms[car]), None) for car in np.flatnonzero(self.since_ms >= 0)]
        for car, from_ms, to_ms in (*self.over, *still):
            yield ledger.Truth(
                vehicle=first + car, component="tyre_pressure", kind="low on air", observability="A",
                origin="neglect", gradual=True, onset_ms=from_ms, noticeable_ms=from_ms, failed_ms=None, matters=True,
                repaired_ms=to_ms, dtc_ms=None,
            )  # fmt: skip


def _tyres(cars: Cars) -> tuple[Floats, Bools]:
    """Pressure of each car's softest tyre, cold, and whether one leaks."""
    at = [part.name for part in cars.subsystems].index(tyres.SUBSYSTEM.name)
    return tyres.low_part(cars.states[at]), tyres.holed(cars.conditions[at])
