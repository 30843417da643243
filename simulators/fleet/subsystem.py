"""The contract of a subsystem: a part of a car, for all vehicles of a block at once.

One module a subsystem (``tyres.py``, ``cooling.py``). It declares three frozen dataclasses of float32 arrays ``(n,)``,
or ``(n, k)`` for what a car has several of, and the functions of :class:`Subsystem`:

- ``build(platform, n, rng)``: how the vehicles were made, spread of manufacture included. ``platform`` are named
  numbers; a module names those that it reads in its docstring and has a default for each, so that any platform will do.
  Cars of several platforms are stepped together: what is alike in a platform has an entry for each car all the same.
- ``sound(n, rng)``: the condition of healthy parts, with the spread that healthy parts have. Faults and wear move the
  fields of the condition, nothing else; the state never keeps a copy of it.
- ``begin(build, weather)``: the state of cars that have stood a day.
- ``park(state, build, condition, parked_s, weather, rng)``: the state after standing for ``parked_s`` (n,) seconds.
- ``step(state, moment, build, condition, dt_s, rng)``: the state ``dt_s`` later (1 s driving, 60 s charging). It reads
  of the moment what stands there and writes the fields in its ``GIVES``. It must not change the arrays of the state it
  was given, and of ``rng`` it draws the same count whatever the values, so that a block can be made again.
- ``readings(state, build, condition)``: true values of the signals that the subsystem owns, path to ``(n,)``; no noise
  and no quantisation: the layer of sensors and bus adds these. A faulty *sensor* acts here, as gain, offset or
  stuckness of the physical sensor.
- ``tell(state)``: fields of the moment that the standing car's state tells (coolant temperature), so that those earlier
  in the order do not read what stood there at the end of the drive before.
- ``start(state, moment, build, condition, rng)``, where something happens while the engine is cranked: the state after
  it, and what a device that captures the event sees, path to ``(n, START_ROWS)`` at 10 Hz.
- ``after(state, build, condition, rng)``, where a drive's end changes something (monitors that count trips).

``FAULTS`` stands beside, for the declared kinds of faults; the runner does not need it.
Order of a block's tuple = order within a second: road, powertrain, air and fuel, cooling and oil, electrical, exhaust,
gearbox, brakes, tyres, control unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from simulators.fleet.arrays import Floats
    from simulators.fleet.moment import Moment, Weather

START_ROWS = 30
"""Rows of a captured start: 3 s at 10 Hz, the starter engaging after 0.5 s (our choice)."""

Build = TypeVar("Build")
Condition = TypeVar("Condition")
State = TypeVar("State")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsystem(Generic[Build, Condition, State]):
    """A module's functions, tied together; see the module's docstring for what each owes."""

    name: str
    build: Callable[[Mapping[str, float], int, np.random.Generator], Build]
    sound: Callable[[int, np.random.Generator], Condition]
    begin: Callable[[Build, Weather], State]
    park: Callable[[State, Build, Condition, Floats, Weather, np.random.Generator], State]
    step: Callable[[State, Moment, Build, Condition, float, np.random.Generator], State]
    readings: Callable[[State, Build, Condition], Mapping[str, Floats]]
    tell: Callable[[State], Mapping[str, Floats]] | None = None
    start: (
        Callable[[State, Moment, Build, Condition, np.random.Generator], tuple[State, Mapping[str, Floats]]] | None
    ) = None
    after: Callable[[State, Build, Condition, np.random.Generator], State] | None = None


AnySubsystem = Subsystem[Any, Any, Any]
