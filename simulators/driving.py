"""Driving trips: from plan to trace, for any number of cars at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.drive_cycles import STYLES, drive_cycle
from simulators.engine import Demand, demand
from simulators.vehicle import Inputs, State, after_parking, start_engine, state_at, step, trace_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulators.parameters import Condition, FloatArray, Parameters

SLOPE_SD = 0.011
SLOPE_REACH_S = 40.0
OFFSET_SD = 2.0
"""Trip-to-trip sd of what fuel and air differ by, percent; a trip keeps 0.4 of the one before."""
OFFSET_KEPT = 0.4
NOISES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """All that chance decides about one trip of one car; ``(n_seconds,)`` arrays, ``noise`` is ``(n_seconds, 3)``."""

    speed_mps: FloatArray
    slope: FloatArray
    extra_load_w: FloatArray
    noise: FloatArray
    ambient_c: float
    baro_kpa: float
    parked_s: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What happened on a trip of one car.

    ``rest_v`` is the voltage with the key on, ``crank_v`` (``(n_steps,)`` of 20 ms) while the starter turned, ``trace``
    each quantity of the state at each second, ``(n_seconds,)``.
    """

    rest_v: float
    crank_v: FloatArray
    trace: Mapping[str, FloatArray]


def draw_ride(
    style: str, duration_s: int, rng: np.random.Generator, *, ambient_c: float, baro_kpa: float, parked_s: float,
    last_offset: float,
) -> Ride:  # fmt: skip
    """A trip in a style, drawn from ``rng``."""
    offset = OFFSET_KEPT * last_offset + float(rng.normal(0.0, OFFSET_SD)) * np.sqrt(1.0 - OFFSET_KEPT**2)
    return Ride(
        speed_mps=drive_cycle(STYLES[style], duration_s, rng),
        slope=_slope(duration_s, rng),
        extra_load_w=_load(duration_s, rng),
        noise=rng.standard_normal((duration_s, NOISES)),
        ambient_c=ambient_c,
        baro_kpa=baro_kpa,
        parked_s=parked_s,
        offset=float(offset),
    )


def _slope(duration_s: int, rng: np.random.Generator) -> FloatArray:
    """Hills: smoothed noise that begins and ends level."""
    kernel = np.hanning(2 * int(SLOPE_REACH_S) + 1)
    hills = np.convolve(rng.standard_normal(duration_s), kernel / np.sqrt((kernel**2).sum()), mode="same")[:duration_s]
    slope: FloatArray = SLOPE_SD * (hills - hills.mean()) * np.hanning(duration_s) ** 0.2
    return slope


def _load(duration_s: int, rng: np.random.Generator) -> FloatArray:
    """Consumers that people switch: a level for the trip, and steps of some minutes."""
    steps = np.repeat(rng.uniform(0.0, 160.0, duration_s // 150 + 1), 150)[:duration_s]
    return float(rng.uniform(40.0, 230.0)) + steps


def drive(state: State, rides: Sequence[Ride], cars: Parameters, condition: Condition) -> tuple[list[Driven], State]:
    """Drives one trip of each car; the trips may differ in length.

    Returns what happened, car by car, and the state of each car at its own end.
    """
    ambient = np.array([ride.ambient_c for ride in rides])
    parked = [float(ride.parked_s) for ride in rides]
    ready = after_parking(state, np.array(parked), ambient, np.array([ride.offset for ride in rides]), cars, condition)
    cranked, running = start_engine(ready, cars, condition)
    trace = trace_of(_run(running, rides, ambient, cars, condition))
    ends = [len(ride.speed_mps) - 1 for ride in rides]
    driven = [
        Driven(
            rest_v=float(ready.power.voltage_v[at]),
            crank_v=cranked[:, at],
            trace={name: values[: end + 1, at] for name, values in trace.items()},
        )
        for at, end in enumerate(ends)
    ]
    return driven, state_at(trace, ends)


def _run(
    state: State, rides: Sequence[Ride], ambient: FloatArray, cars: Parameters, condition: Condition
) -> list[State]:
    asked, noise, load = (
        _asked(rides, cars),
        _padded([r.noise for r in rides]),
        _padded([r.extra_load_w for r in rides]),
    )
    baro = np.array([ride.baro_kpa for ride in rides])
    states = []
    for second in range(len(load)):
        now = Demand(
            speed_mps=asked.speed_mps[second], wheel_w=asked.wheel_w[second], driven_rpm=asked.driven_rpm[second]
        )
        inputs = Inputs(demand=now, ambient_c=ambient, baro_kpa=baro, extra_load_w=load[second], noise=noise[second].T)
        state = step(state, inputs, cars, condition, 1.0)
        states.append(state)
    return states


def _asked(rides: Sequence[Ride], cars: Parameters) -> Demand:
    speed = _padded([ride.speed_mps for ride in rides])
    return demand(speed, np.diff(speed, axis=0, prepend=0.0), _padded([ride.slope for ride in rides]), cars)


def _padded(columns: Sequence[FloatArray]) -> FloatArray:
    """Columns of different length side by side, ``(longest, n_vehicles, …)``; what is past an end is zero."""
    longest = max(len(column) for column in columns)
    whole = np.zeros((longest, len(columns), *columns[0].shape[1:]))
    for at, column in enumerate(columns):
        whole[: len(column), at] = column
    return whole
