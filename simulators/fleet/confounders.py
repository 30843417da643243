"""What looks like a fault and is none: mountains, preventive batteries, cleared codes, other tyres, a trailer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.ecu import clear
from simulators.fleet.ledger import Confounder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulators.fleet.arrays import Floats
    from simulators.fleet.course import Course
    from simulators.fleet.garage import Part
    from simulators.fleet.population import Block
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars

HOLIDAYS_A_YEAR, HOLIDAY_DAYS = 0.25, (4, 15)
UP_M = (700.0, 1900.0)
BATTERY_A_YEAR, CLEARED_A_YEAR, TYRES_A_YEAR = 0.03, 0.05, 0.35
"""Batteries renewed before they are weak, codes cleared without reason, other wheels fitted (our choice)."""
AFTER_DAYS = 14
"""How long after it a car may look odd."""
EXTREME, SPELL_DAYS = 1.5, 3
"""Days count as extreme beyond so many deviations, and as a spell where so many follow one another."""
BATTERY = "battery_12v"
NOT_TESTED = float("nan")
UNLEARNT: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "mixture": dict.fromkeys(("short", "long", "idle_trim", "part_trim", "high_trim"), 0.0)
        | {"result": NOT_TESTED},
        "exhaust": {"catalyst_result": NOT_TESTED, "rear_result": NOT_TESTED},
        "tank": {"result": NOT_TESTED},
        "diesel": {"result": NOT_TESTED},
    }
)
"""What a control unit forgets with its codes (SAE J1979, service 04), by subsystem: trims, results of its monitors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Of a block: ``altitude_m`` ``(n, days + 1)`` above home, and single events (day, vehicle) by kind."""

    altitude_m: Floats
    events: tuple[tuple[str, int, int], ...]
    rows: tuple[Confounder, ...]

    def between(self, kind: str, days: range) -> Iterator[int]:
        """Cars that an event of a kind befalls on these days."""
        return (vehicle for what, day, vehicle in self.events if what == kind and day in days)


def draw(block: Block) -> Oddities:
    """Chance of a run, apart from trailers, which come with the drives."""
    rng = block.chance(6)
    altitude, rows = _holidays(block, rng)
    events: list[tuple[str, int, int]] = []
    for kind, rate in (("battery_swap", BATTERY_A_YEAR), ("code_clear", CLEARED_A_YEAR), ("tyre_swap", TYRES_A_YEAR)):
        for vehicle in np.flatnonzero(rng.random(block.n) < rate * block.days / 365.0):
            day = int(rng.integers(0, block.days))
            events.append((kind, day, int(vehicle)))
            rows.append(_row(block, kind, int(vehicle), day, AFTER_DAYS))
    return Oddities(altitude_m=altitude, events=tuple(events), rows=tuple(rows))


def _holidays(block: Block, rng: np.random.Generator) -> tuple[Floats, list[Confounder]]:
    altitude, rows = np.zeros((block.n, block.days + 1), dtype=np.float32), list[Confounder]()
    for vehicle in np.flatnonzero(rng.random(block.n) < HOLIDAYS_A_YEAR * block.days / 365.0):
        day, lasts = int(rng.integers(0, block.days)), int(rng.integers(*HOLIDAY_DAYS))
        altitude[vehicle, day : day + lasts] = rng.uniform(*UP_M)
        rows.append(_row(block, "altitude", int(vehicle), day, lasts))
    return altitude, rows


def _row(block: Block, kind: str, vehicle: int, day: int, lasts: int) -> Confounder:
    begin = block.world.start_ms + day * A_DAY_MS
    return Confounder(vehicle=block.first + vehicle, kind=kind, from_ms=begin, to_ms=begin + lasts * A_DAY_MS)


def towing(block: Block, sessions: Sessions) -> list[Confounder]:
    """Drives with a trailer."""
    lasts = sessions.lasts_ms()
    return [
        Confounder(
            vehicle=block.first + int(sessions.vehicle[at]), kind="towing", from_ms=int(sessions.start_ms[at]),
            to_ms=int(sessions.start_ms[at] + lasts[at]),
        )
        for at in np.flatnonzero(sessions.tow_kg > 0)
    ]  # fmt: skip


def weather(course: Course) -> Iterator[Confounder]:
    """Spells of days far warmer or colder than the season, of the cars of the region."""
    air, region = course.life.air, course.vehicles.climate
    for number, climate in enumerate(air.climates):
        for kind, sign in (("heat_wave", 1.0), ("cold_snap", -1.0)):
            odd = sign * air.departure_c[number, : course.block.days] > EXTREME * climate.spread_c
            edges = np.flatnonzero(np.diff(np.r_[0, odd.astype(np.int8), 0]))
            for first, last in zip(edges[::2], edges[1::2], strict=True):
                if last - first >= SPELL_DAYS:
                    for vehicle in np.flatnonzero(region == number):
                        yield _row(course.block, kind, int(vehicle), int(first), int(last - first))


def fuels(course: Course) -> Iterator[Confounder]:
    """Cars that are filled with E85 at times."""
    for part, build in zip(course.parts, course.cars.builds, strict=True):
        if part.subsystem.name == "tank":
            for vehicle in np.flatnonzero(build.flex > 0):
                yield _row(course.block, "e85", int(vehicle), 0, course.block.days)


def unlearnt(cars: Cars, which: list[int], parts: tuple[Part, ...]) -> Cars:
    """The cars ``which`` with trims to be learnt and monitors to run anew: a battery was off, or codes were cleared."""
    states = list(cars.states)
    for at, part in enumerate(parts):
        kept: dict[str, Floats] = {}
        for name, value in UNLEARNT.get(part.subsystem.name, {}).items():
            kept[name] = floats(getattr(states[at], name)).copy()
            kept[name][which] = value
        if kept:
            states[at] = replace(states[at], **kept)
    return replace(cars, states=tuple(states))


def swapped(course: Course, days: range, now_ms: int) -> Cars:
    """The cars with batteries and wheels that were changed on these days though nothing was wrong with them."""
    cars, shop = course.cars, course.caretaker.workshop
    for vehicle in course.odd.between("tyre_swap", days):
        cars = shop.renew(cars, "tyre_wear", vehicle, now_ms, course.odometer_km, left=_second_set(shop.rng))
    for vehicle in course.odd.between("battery_swap", days):
        cars = _new_battery(cars, course, vehicle, now_ms)
    return cars


def _second_set(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.35, 0.95))


def _new_battery(cars: Cars, course: Course, vehicle: int, now_ms: int) -> Cars:
    """Another 12 V battery: charged; all that was learnt is gone, a fault that the old one had too."""
    for fate in [each for each in course.caretaker.fates.open(vehicle) if each.kind.component == BATTERY]:
        cars = course.caretaker.fates.mended(fate, vehicle, now_ms, cars)
    which = np.zeros(course.block.n, dtype=np.bool_)
    which[vehicle] = True
    states = list(cars.states)
    for at, part in enumerate(course.parts):
        for kind in part.faults[:1] if part.faults and part.faults[0].component == BATTERY else ():
            if kind.mended is not None:
                states[at] = kind.mended(states[at], cars.builds[at], which)
    course.caretaker.workshop.note(vehicle, BATTERY, now_ms, "battery renewed before it was weak")
    clear(course.memory, vehicle, now_ms)
    return unlearnt(replace(cars, states=tuple(states)), [vehicle], course.parts)
