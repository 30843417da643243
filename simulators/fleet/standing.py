"""Standing between sessions: time passes, and some cars wake now and then and give a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats, full, taken
from simulators.fleet.moment import Weather
from simulators.fleet.recording import WAKING
from simulators.fleet.stepping import readings, some, stand, written

if TYPE_CHECKING:
    from simulators.fleet.arrays import Indices
    from simulators.fleet.recording import AnyRecorder
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars, Watch
    from simulators.fleet.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a run is given; with ``wake_s`` above zero, standing cars give a row each so many seconds.

    Driving is stepped by ``step_s`` seconds, 1 or 2.
    """

    sessions: Sessions
    traces: Traces
    rng: np.random.Generator
    watch: Watch
    wake_s: float
    step_s: int


def weather_before(sessions: Sessions, session: Indices) -> Weather:
    """The air in which the cars stood before these sessions."""
    return Weather(
        ambient_c=sessions.rested_c[session],
        baro_kpa=sessions.baro_kpa[session],
        humidity=sessions.humidity[session],
    )


def stood(work: Work, cars: Cars, vehicle: Indices, until_ms: Indices, weather: Weather, recorder: AnyRecorder) -> Cars:
    """The cars after standing up to ``until_ms``; ``weather`` where the watch knows no better."""
    left_s = np.maximum(0, until_ms - cars.since_ms) / 1000.0
    while work.wake_s and len(which := np.flatnonzero(left_s > work.wake_s)):
        left_s[which] -= work.wake_s
        now_ms = until_ms[which] - (left_s[which] * 1000.0).astype(np.int64)
        air = work.watch.weather(vehicle[which], now_ms) or taken(weather, which)
        part = stand(some(cars, which), full(len(which), work.wake_s), air, work.rng)
        recorder.single(WAKING, vehicle[which], now_ms, readings(part))
        cars = written(cars, which, part)
    return stand(cars, floats(left_s), weather, work.rng)
