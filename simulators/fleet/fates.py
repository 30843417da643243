"""What befalls the cars of a block: faults that begin, grow, fail and are mended.

A fault moves fields of its car's condition day by day; everything else stays with the physics.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.fleet.arrays import floats, taken
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.processes import NOTICEABLE, expected_days, path
from simulators.fleet.stepping import own

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.faults import FaultKind
    from simulators.fleet.garage import Part
    from simulators.fleet.population import Block, Vehicles
    from simulators.fleet.stepping import Cars
    from simulators.fleet.worlds import Structure

AGE_OF_RATES = 6.0
"""Years of age that ``per_year`` speaks of."""
FRAILTY = 0.5
"""Lognormal spread of how prone single cars are (our choice)."""
NEVER = int(np.iinfo(np.int64).max)
REMAINS_FROM, REMAINS_TO = 0.15, 0.55
"""Level that a bad repair leaves."""


@dataclass(slots=True, kw_only=True)
class Fate:
    """One fault of one car, from its onset to its repair."""

    vehicle: int
    part: int
    kind: FaultKind
    place: int
    """Which of several (a wheel, a cylinder); -1 where there is one, or all fail."""
    onset_ms: int
    levels: Floats
    """On each day from the onset on; the last one stays."""
    origin: str = "fault"
    failed_ms: int | None = None
    coded_ms: int | None = None
    repair_due_ms: int = NEVER
    repaired_ms: int | None = None

    def level(self, time_ms: int) -> float:
        """How far it has come, 0 before the onset."""
        day = (time_ms - self.onset_ms) // A_DAY_MS
        return 0.0 if day < 0 else float(self.levels[min(day, len(self.levels) - 1)])

    def reached_ms(self, level: float) -> int | None:
        """When its path comes to a level, if it ever does."""
        above = self.levels >= level
        return self.onset_ms + int(np.argmax(above)) * A_DAY_MS if above.any() else None

    @property
    def matters(self) -> bool:
        """Whether it ever comes so far that somebody could notice."""
        return bool(self.levels.max(initial=0.0) >= NOTICEABLE)


@dataclass(slots=True)
class Fates:
    """All faults of a block, by car: the one place that changes conditions.

    ``sound`` are the conditions of the cars without any fault, in arrays of their own; ``due_ms`` (n,) is when each
    car's condition has to be looked at next.
    """

    parts: tuple[Part, ...]
    sound: tuple[Any, ...]
    structure: Structure
    rng: np.random.Generator
    due_ms: Indices
    by_vehicle: dict[int, list[Fate]] = field(default_factory=dict)
    ended: list[Fate] = field(default_factory=list)

    def open(self, vehicle: int) -> list[Fate]:
        """Faults of a car that are not over."""
        return self.by_vehicle.get(vehicle, [])

    def every(self) -> Iterator[Fate]:
        """All faults, ended or not."""
        yield from self.ended
        for fates in self.by_vehicle.values():
            yield from fates

    def add(self, fate: Fate) -> None:
        """A further fault."""
        self.by_vehicle.setdefault(fate.vehicle, []).append(fate)
        self.due_ms[fate.vehicle] = min(int(self.due_ms[fate.vehicle]), fate.onset_ms)

    def applied(self, vehicle: Indices, time_ms: Indices, cars: Cars, rows: Indices | None = None) -> Cars:
        """The cars ``vehicle`` with the conditions that they have at ``time_ms``.

        They stand in ``rows`` of ``cars``; where none are given, ``cars`` are these alone.
        """
        due = np.flatnonzero(self.due_ms[vehicle] <= time_ms)
        if not len(due):
            return cars
        cars = own(cars)
        for at in due:
            self._apply(int(vehicle[at]), int(at if rows is None else rows[at]), int(time_ms[at]), cars)
        return cars

    def _apply(self, vehicle: int, row: int, time_ms: int, cars: Cars) -> None:
        begun = [fate for fate in self.open(vehicle) if fate.onset_ms <= time_ms]
        for fate in begun:
            self._restore(fate, row, cars)
        for fate in begun:
            self._move(fate, row, min(1.0, fate.level(time_ms)), cars)
        later = [fate.onset_ms for fate in self.open(vehicle) if fate.onset_ms > time_ms]
        self.due_ms[vehicle] = min([*later, time_ms + A_DAY_MS if begun else NEVER])

    def _restore(self, fate: Fate, row: int, cars: Cars) -> None:
        for name, _ in moved(fate.kind):
            getattr(cars.conditions[fate.part], name)[row] = getattr(self.sound[fate.part], name)[fate.vehicle]

    def _move(self, fate: Fate, row: int, level: float, cars: Cars) -> None:
        for name, failed in moved(fate.kind):
            entry = getattr(cars.conditions[fate.part], name)
            healthy = getattr(self.sound[fate.part], name)[fate.vehicle]
            if entry.ndim > 1 and fate.place >= 0:
                entry[row, fate.place] += level * (failed - healthy[fate.place])
            else:
                entry[row] += level * (failed - healthy)

    def mended(self, fate: Fate, row: int, time_ms: int, cars: Cars) -> Cars:
        """The same cars, the one in row ``row`` with a new part in place of the faulty one: perhaps of another make.

        One repair in some is bad: something of the fault remains, and grows again.
        """
        cars = own(cars)
        other = self.parts[fate.part].subsystem.sound(1, self.rng)
        for name, _ in moved(fate.kind):
            getattr(self.sound[fate.part], name)[fate.vehicle] = getattr(other, name)[0]
        self._restore(fate, row, cars)
        fate.repaired_ms = time_ms
        self.by_vehicle[fate.vehicle].remove(fate)
        self.ended.append(fate)
        self.due_ms[fate.vehicle] = time_ms
        if self.rng.random() < self.structure.bad_repair:
            self._remains(fate, time_ms)
        return self._set_right(fate, row, cars)

    def _set_right(self, fate: Fate, row: int, cars: Cars) -> Cars:
        if fate.kind.mended is None:
            return cars
        which = np.zeros(len(cars), dtype=np.bool_)
        which[row] = True
        states = list(cars.states)
        states[fate.part] = fate.kind.mended(states[fate.part], cars.builds[fate.part], which)
        return replace(cars, states=tuple(states))

    def _remains(self, fate: Fate, time_ms: int) -> None:
        levels = path(fate.kind, self.structure, len(fate.levels) + 1, self.rng)
        rest = float(self.rng.uniform(REMAINS_FROM, REMAINS_TO))
        self.add(replace(
            fate, onset_ms=time_ms, levels=np.minimum(levels + np.float32(rest), np.float32(1.2)), origin="bad_repair",
            failed_ms=None, coded_ms=None, repair_due_ms=NEVER, repaired_ms=None,
        ))  # fmt: skip

    def functional(
        self, vehicle: Indices, time_ms: Indices, cars: Cars, rows: Indices | None = None
    ) -> list[tuple[Fate, int]]:
        """Faults that have come to functional failure by ``time_ms``: with the time at which they did."""
        found = []
        for at in np.flatnonzero(self.due_ms[vehicle] < NEVER):
            now, row = int(time_ms[at]), int(at if rows is None else rows[at])
            for fate in self.open(int(vehicle[at])):
                if fate.failed_ms is None and fate.onset_ms <= now:
                    since_ms = _failed_at(fate, now, cars, row)
                    if since_ms is not None:
                        found.append((fate, since_ms))
        return found


def _failed_at(fate: Fate, now_ms: int, cars: Cars, row: int) -> int | None:
    if fate.kind.failed_when is None:
        at = fate.reached_ms(1.0)
        return at if at is not None and at <= now_ms else None
    state, build, is_now = (
        taken(each[fate.part], slice(row, row + 1)) for each in (cars.states, cars.builds, cars.conditions)
    )
    by_function = fate.kind.failed_when(state, build, is_now)
    return now_ms if bool(by_function[0]) else None


def moved(kind: FaultKind) -> tuple[tuple[str, float], ...]:
    """Fields that a kind moves, with their values at failure."""
    return ((kind.field, kind.failed), *kind.also)


def draw(
    block: Block, vehicles: Vehicles, parts: tuple[Part, ...], builds: Sequence[Any], sound: Sequence[Any]
) -> Fates:
    """The faults that begin before or within a run; repairs bring further ones."""
    rng = block.chance(3)
    fates = Fates(parts, tuple(sound), block.world.structure, block.chance(4), np.full(block.n, NEVER, dtype=np.int64))
    frailty = floats(rng.lognormal(-(FRAILTY**2) / 2.0, FRAILTY, block.n))
    for number, part in enumerate(parts):
        for kind in part.faults:
            if vehicles.powertrain in kind.powertrains:
                places = getattr(sound[number], kind.field)
                prone = frailty if kind.applies is None else frailty * kind.applies(builds[number])
                for fate in _of_kind(block, vehicles, kind, number, places, prone, rng):
                    fates.add(fate)
    return fates


def _of_kind(
    block: Block, vehicles: Vehicles, kind: FaultKind, part: int, places: Floats, frailty: Floats,
    rng: np.random.Generator,
) -> Iterator[Fate]:  # fmt: skip
    before = min(expected_days(kind), 730.0) if kind.law in {"gamma", "wiener"} else 0.0
    span = before + block.days
    years = (vehicles.age_days + block.days / 2.0) / 365.0
    rate = block.world.rate * kind.per_year * frailty * (years / AGE_OF_RATES) ** (kind.ageing - 1.0)
    several = places.ndim > 1 and not kind.everywhere
    for vehicle in np.flatnonzero(rng.random(block.n) < 1.0 - np.exp(-rate * span / 365.0)):
        onset_day = float(rng.uniform(-before, block.days))
        levels = path(kind, block.world.structure, int(block.days - onset_day) + 2, rng)
        fate = Fate(
            vehicle=int(vehicle), part=part, kind=kind, levels=levels,
            place=int(rng.integers(0, places.shape[1])) if several else -1,
            onset_ms=block.world.start_ms + int(onset_day * A_DAY_MS),
        )  # fmt: skip
        over_ms = fate.reached_ms(1.0)
        if over_ms is None or over_ms > block.world.start_ms:
            yield fate
