"""Cars of a block as one value, and what can happen to them: a step, standing, a start, a stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from simulators.fleet.arrays import Floats, Indices, owned, put, replaced, taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from simulators.fleet.moment import Moment, Weather
    from simulators.fleet.subsystem import AnySubsystem


class Watch(Protocol):
    """Who lives beside the physics: wear, faults and workshop between sessions."""

    def begins(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> Cars:
        """Called for the cars ``vehicle``, standing, before their next session at ``time_ms``.

        Gives ``cars`` back with the conditions, and where something was repaired the states, that they then have.
        """

    def weather(self, vehicle: Indices, time_ms: Indices) -> Weather | None:
        """The air about standing cars in the hours up to ``time_ms``; none: as before their next session."""

    def ended(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> None:
        """Called when a session of the cars ``vehicle`` is over at ``time_ms``; ``cars`` are these alone."""


class Nobody:
    """A watch that changes nothing."""

    def begins(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> Cars:
        """All stays as it is."""
        del vehicle, time_ms
        return cars

    def weather(self, vehicle: Indices, time_ms: Indices) -> Weather | None:
        """Nothing is known."""
        del vehicle, time_ms
        return None

    def ended(self, vehicle: Indices, time_ms: Indices, cars: Cars) -> None:
        """Nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cars:
    """Vehicles of one kind of powertrain: per subsystem a build, a condition and a state; and since when they stand."""

    subsystems: tuple[AnySubsystem, ...]
    builds: tuple[Any, ...]
    conditions: tuple[Any, ...]
    states: tuple[Any, ...]
    since_ms: Indices
    """End of the last session, ``(n,)``."""

    def __len__(self) -> int:
        return len(self.since_ms)


def new_cars(
    subsystems: tuple[AnySubsystem, ...], platform: Mapping[str, float], since_ms: Indices, weather: Weather,
    rng: np.random.Generator,
) -> Cars:  # fmt: skip
    """Sound cars of one platform that have stood since ``since_ms`` (n,)."""
    n = len(since_ms)
    builds = tuple(subsystem.build(platform, n, rng) for subsystem in subsystems)
    return Cars(
        subsystems=subsystems,
        builds=builds,
        conditions=tuple(owned(subsystem.sound(n, rng)) for subsystem in subsystems),
        states=tuple(owned(each.begin(build, weather)) for each, build in zip(subsystems, builds, strict=True)),
        since_ms=since_ms.copy(),
    )


def some(cars: Cars, which: Indices | slice) -> Cars:
    """The cars ``which`` alone."""
    return replace(
        cars,
        builds=tuple(taken(build, which) for build in cars.builds),
        conditions=tuple(taken(condition, which) for condition in cars.conditions),
        states=tuple(taken(state, which) for state in cars.states),
        since_ms=cars.since_ms[which],
    )


def written(cars: Cars, which: Indices | slice, part: Cars) -> Cars:
    """The same with condition, state and time of the cars ``which`` as in ``part``."""
    since_ms = cars.since_ms.copy()
    since_ms[which] = part.since_ms
    return replace(
        cars,
        conditions=tuple(replaced(a, which, b) for a, b in zip(cars.conditions, part.conditions, strict=True)),
        states=tuple(replaced(a, which, b) for a, b in zip(cars.states, part.states, strict=True)),
        since_ms=since_ms,
    )


def own(cars: Cars) -> Cars:
    """The same with conditions and states that can be written to."""
    return replace(
        cars,
        conditions=tuple(owned(condition) for condition in cars.conditions),
        states=tuple(owned(state) for state in cars.states),
        since_ms=cars.since_ms.copy(),
    )


def give_back(home: Cars, which: Indices, part: Cars) -> None:
    """Writes condition, state and time of ``part`` to the cars ``which`` of ``home``, in place."""
    for whole, some_of in zip((*home.conditions, *home.states), (*part.conditions, *part.states), strict=True):
        put(whole, which, some_of)
    home.since_ms[which] = part.since_ms


def readings(cars: Cars) -> dict[str, Floats]:
    """True values of all signals that the cars own."""
    found: dict[str, Floats] = {}
    for subsystem, state, build, condition in _parts(cars):
        found.update(subsystem.readings(state, build, condition))
    return found


def told(cars: Cars) -> dict[str, Floats]:
    """Fields of the moment that the state of standing cars tells before a session begins."""
    found: dict[str, Floats] = {}
    for subsystem, state in zip(cars.subsystems, cars.states, strict=True):
        if subsystem.tell is not None:
            found.update(subsystem.tell(state))
    return found


def _parts(cars: Cars) -> Iterator[tuple[AnySubsystem, Any, Any, Any]]:
    return zip(cars.subsystems, cars.states, cars.builds, cars.conditions, strict=True)


def step(cars: Cars, moment: Moment, dt_s: float, rng: np.random.Generator) -> Cars:
    """The cars ``dt_s`` later; ``moment`` gets filled on the way."""
    states = tuple(part.step(state, moment, build, is_now, dt_s, rng) for part, state, build, is_now in _parts(cars))
    return replace(cars, states=states)


def stand(cars: Cars, parked_s: Floats, weather: Weather, rng: np.random.Generator) -> Cars:
    """The cars after standing."""
    states = tuple(
        part.park(state, build, is_now, parked_s, weather, rng) for part, state, build, is_now in _parts(cars)
    )
    return replace(cars, states=states)


def started(cars: Cars, moment: Moment, rng: np.random.Generator) -> tuple[Cars, dict[str, Floats]]:
    """The cars after the start of their engines, and what a device saw of it: path to ``(n, START_ROWS)``."""
    states, seen = list(cars.states), dict[str, Floats]()
    for at, (part, state, build, is_now) in enumerate(_parts(cars)):
        if part.start is not None:
            states[at], found = part.start(state, moment, build, is_now, rng)
            seen.update(found)
    return replace(cars, states=tuple(states)), seen


def stopped(cars: Cars, rng: np.random.Generator) -> Cars:
    """The cars after a drive's end."""
    states = tuple(
        state if part.after is None else part.after(state, build, is_now, rng)
        for part, state, build, is_now in _parts(cars)
    )
    return replace(cars, states=states)
