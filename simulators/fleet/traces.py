"""Tables of speed and of hills over time, from which the drives of a block are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from simulators.fleet.sessions import WINDOW_S

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.moment import Moment


SLOW_MPS = np.float32(2.0)
"""Below it, the yaw rate is not computed from the lateral acceleration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Seconds of driving in rows of a window each, ``(rows, WINDOW_S)``; hills in a table of their own.

    A trace takes consecutive rows: ``first`` and ``windows`` say where each begins and how many it has, ``(traces,)``;
    it begins and ends at rest.
    """

    speed_mps: Floats
    accel_mps2: Floats
    """What brings each second's speed to the next second's."""
    lateral_mps2: Floats
    grade: Floats
    """Slope of the road, ``(hill rows, WINDOW_S)``, standard deviation 1."""
    first: Indices
    windows: Indices


def in_windows(seconds: Floats) -> Floats:
    """A trace padded with rest to whole windows, ``(windows, WINDOW_S)``."""
    missing = -len(seconds) % WINDOW_S
    return floats(np.pad(seconds, (0, missing))).reshape(-1, WINDOW_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A window of road for each lane: ``(steps, lanes)``."""

    speed_mps: Floats
    accel_mps2: Floats
    lateral_mps2: Floats
    yaw_rps: Floats
    grade: Floats

    def by_twos(self) -> Road:
        """Two seconds as one: mean speed of the three instants, mean acceleration."""
        speed, accel = self.speed_mps, self.accel_mps2
        return Road(
            speed_mps=0.5 * (speed[0::2] + speed[1::2]),
            accel_mps2=0.5 * (accel[0::2] + accel[1::2]),
            lateral_mps2=self.lateral_mps2[1::2],
            yaw_rps=self.yaw_rps[1::2],
            grade=self.grade[1::2],
        )

    def fill(self, moment: Moment, second: int) -> None:
        """Puts one second of it into the moment."""
        moment.speed_mps = self.speed_mps[second]
        moment.accel_mps2 = self.accel_mps2[second]
        moment.lateral_mps2 = self.lateral_mps2[second]
        moment.yaw_rps = self.yaw_rps[second]
        moment.grade = self.grade[second]


def road_ahead(traces: Traces, row: Indices, hill: Indices, pace: Floats, hilliness: Floats, slope: Floats) -> Road:
    """The next window of lanes that are at these rows of the tables; the table of hills goes round.

    The speed of a second is that of its middle, so that speed times force sums up to the change of energy.
    """
    accel = _columns(traces.accel_mps2, row) * pace
    speed = _columns(traces.speed_mps, row) * pace + 0.5 * accel
    lateral = _columns(traces.lateral_mps2, row) * pace
    return Road(
        speed_mps=speed,
        accel_mps2=accel,
        lateral_mps2=lateral,
        yaw_rps=lateral / np.maximum(speed, SLOW_MPS),
        grade=(_columns(traces.grade, hill % len(traces.grade)) * hilliness + slope) * (speed > 0),
    )


def _columns(table: Floats, row: Indices) -> Floats:
    return np.ascontiguousarray(table[row].T)
