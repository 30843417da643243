"""What lies behind the cars of a block when a run begins: how far they went, and how worn that left their parts.

How fast a car wears its parts follows from its build, its driver and its roads, so two spring weeks of the year before
the run are driven with the parts that the run begins with, all new, and thrown away: what they wear, for each of its
kilometres; a car that went little is taken to wear partly as the others of its block do. What ages by time does so
while standing, by the temperatures of that year. How far a car goes in a day is counted over four months of its
calendar, one a season. A life of a part is that pace, but for a lognormal spread (other habits, other parts): a steady
pace is assumed, as models of wear do. Lives follow one another from the day that the car was made, and end as the
workshop ends them: at a visit for who keeps the schedule, used up for the others. So old and hard driven cars are as
worn as they would be, and the kilometre counter, the service book and a measurement tell the same story.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import calendar
from simulators.fleet.arrays import floats, full
from simulators.fleet.charging import charged
from simulators.fleet.climate import A_DAY_MS, draw_air
from simulators.fleet.running import STEP_S, Run
from simulators.fleet.stepping import own, stand
from simulators.fleet.workshop import LATE, YEARLY_DAYS, YEARLY_KM, Begun, least_left, wearing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.arrays import Floats
    from simulators.fleet.calendar import Life
    from simulators.fleet.charging import Drivers
    from simulators.fleet.faults import WearPart
    from simulators.fleet.garage import Part
    from simulators.fleet.moment import Weather
    from simulators.fleet.population import Vehicles
    from simulators.fleet.stepping import Cars

YEAR_DAYS = 365
PILOT_DAYS, PILOT_PART, PILOT_BEGINS = 14, 0.125, 91
"""Days that are driven to learn the pace: two weeks, for short runs this part of them; and when in the year before."""
SEASONS = (0, 91, 182, 273)
COUNTED_DAYS = 28
"""Days of the calendar over which a car's kilometres are counted in each season."""
POOLED_KM = 50.0
"""A pilot of so many kilometres counts as much as all others of its block (our choice)."""
USUAL_KM = 50_000.0
"""How long a part lasts where no pilot tells (our choice)."""
DIFFERED = 0.2
"""Lognormal spread of a part's pace, and of a car's kilometres, from one life to another (our choice)."""
LIVES = 60
LEAST_LEFT = 0.02
"""A part that a run begins with has at least so much left."""
GONE_A_YEAR, AGED_SPREAD = 0.05, 0.28
"""What goes of the usable life of a part that lasts as long as its car in a year, and its spread (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``km`` a day of each car, and for each of its wearing parts what goes of it in a day, 1 being all: ``(n,)``."""

    km: Floats
    gone: tuple[Floats, ...]


def year_before(life: Life) -> Life:
    """The calendar of the year before the run: its own weather and weeks of standing, and no oddities."""
    block = life.block
    start_ms = block.world.start_ms - YEAR_DAYS * A_DAY_MS
    before = replace(block, world=replace(block.world, start_ms=start_ms), days=YEAR_DAYS)
    weather = np.random.default_rng([block.world.number, block.seed, 1 << 30, 3])
    return replace(
        life, block=before, away=calendar.away_days(before),
        air=draw_air(block.world.climates, start_ms, YEAR_DAYS, weather),
        above_m=np.zeros((block.n, YEAR_DAYS + 1), dtype=np.float32),
    )  # fmt: skip


def km_a_day(year: Life) -> Floats:
    """How far each car goes in a day by the calendar of a ``year``, at least a kilometre, ``(n,)``."""
    block, n = year.block, year.block.n
    since_ms = np.full(n, block.world.start_ms, dtype=np.int64)
    km = np.zeros(n)
    for begin in SEASONS:
        drives = calendar.drives(year, range(begin, begin + COUNTED_DAYS), since_ms, block.chance(14, begin))
        km += floats(np.bincount(drives.vehicle, year.library.km(drives), minlength=n))
    return floats(np.maximum(km / (COUNTED_DAYS * len(SEASONS)), 1.0))


def driven(vehicles: Vehicles, km: Floats, rng: np.random.Generator) -> Vehicles:
    """The cars with what their age and ``km`` a day have put on the clock."""
    differed = rng.lognormal(0.0, DIFFERED, len(vehicles))
    return replace(vehicles, odometer_km=floats(vehicles.age_days * km * differed))


def pace(year: Life, days: int, drivers: Drivers | None, cars: Cars, parts: tuple[Part, ...]) -> Pace:
    """The pace at which ``cars``, sound and with new parts, go and wear them in a ``year``.

    ``days`` are those of the run; ``drivers`` those of electric cars.
    """
    powertrain, km = year.vehicles.powertrain, km_a_day(year)
    lasts = int(np.clip(days * PILOT_PART, 1, PILOT_DAYS))
    after = _piloted(year, drivers, cars, lasts)
    far, aged = _odometer(after) - _odometer(cars), _stood(year, cars)
    gone = []
    for place, wear in wearing(powertrain, parts):
        new, rate = least_left(place, wear, cars), 1.0 / len(aged)
        if wear.ages:
            gone.append(floats(sum(np.maximum(new - least_left(place, wear, each), 0.0) for each in aged) * rate))
        else:
            gone.append(_by_km(np.maximum(new - least_left(place, wear, after), 0.0), far, km))
    return Pace(km=km, gone=tuple(gone))


def fitted_anew(cars: Cars, parts: tuple[Part, ...], powertrain: str) -> Cars:
    """The cars with the parts in them that the run begins with, all new."""
    states, n = list(cars.states), len(cars)
    for place, wear in wearing(powertrain, parts):
        states[place] = wear.worn(states[place], cars.builds[place], np.ones(n, dtype=np.bool_), full(n, 1.0))
    return replace(cars, states=tuple(states))


def _stood(year: Life, cars: Cars) -> list[Cars]:
    """The cars after a day of standing, once for each month of a ``year``."""
    block, n = year.block, len(cars)
    return [
        stand(cars, full(n, A_DAY_MS / 1000.0), _weather(year, block.world.start_ms + day * A_DAY_MS), block.chance(17))
        for day in range(15, YEAR_DAYS, 30)
    ]


def _weather(life: Life, time_ms: int) -> Weather:
    at = np.full(len(life.vehicles), time_ms, dtype=np.int64)
    return life.air.weather(life.vehicles.climate, at, life.vehicles.altitude_m)


def _piloted(year: Life, drivers: Drivers | None, cars: Cars, days: int) -> Cars:
    """The cars after the pilot, standing since its end or the last drive's."""
    block = year.block
    since, until = (block.world.start_ms + day * A_DAY_MS for day in (PILOT_BEGINS, PILOT_BEGINS + days))
    begun = replace(own(cars), since_ms=np.full(len(cars), since, dtype=np.int64))
    drives = calendar.drives(
        year, range(PILOT_BEGINS, PILOT_BEGINS + days), begun.since_ms, block.chance(15)
    )  # fmt: skip
    sessions = drives if drivers is None else charged(year, drivers, drives, begun.states, until)
    run = Run(begun, sessions, year.library.traces, block.chance(16), step_s=STEP_S)
    run.through()
    rests_s = np.maximum(run.cars.since_ms, until) - run.cars.since_ms
    return stand(run.cars, floats(rests_s / 1000.0), _weather(year, until), block.chance(17))


def _odometer(cars: Cars) -> Floats:
    at = next(at for at, subsystem in enumerate(cars.subsystems) if subsystem.name == "road")
    return floats(cars.states[at].odometer_km)


def _by_km(lost: Floats, far: Floats, km: Floats) -> Floats:
    """What goes in a day by what went for each kilometre, of this car and, the less it went, of all."""
    all_km = float(far.sum())
    usual = float(lost.sum()) / all_km if all_km >= POOLED_KM else 1.0 / USUAL_KM
    return floats((lost + usual * POOLED_KM) / (far + POOLED_KM) * km)


def begun(vehicles: Vehicles, parts: tuple[Part, ...], now: Pace, rng: np.random.Generator) -> tuple[Begun, ...]:
    """Where each wearing part stands after the years that its car has behind it."""
    found = zip(wearing(vehicles.powertrain, parts), now.gone, strict=True)
    return tuple(_begun(wear, vehicles, gone, now.km, rng) for (_, wear), gone in found)


def _begun(wear: WearPart, vehicles: Vehicles, gone: Floats, km: Floats, rng: np.random.Generator) -> Begun:
    n, age = len(vehicles), vehicles.age_days.astype(np.float64)
    if wear.lasting:
        lost = age / YEARLY_DAYS * rng.normal(GONE_A_YEAR, GONE_A_YEAR * AGED_SPREAD, n)
        return Begun(left=floats(np.clip(1.0 - lost, 0.1, 1.0)), days=floats(age), before=np.full(n, np.nan))
    lives = rng.lognormal(0.0, DIFFERED, (n, LIVES)) / np.maximum(gone, 1e-7)[:, None].astype(np.float64)
    ends = np.cumsum(_until_renewed(wear, lives, vehicles, km, rng), axis=1)
    which = np.minimum((ends <= age[:, None]).sum(axis=1), LIVES - 1)
    at, before = np.arange(n), np.concatenate([np.zeros((n, 1)), ends], axis=1)
    days = np.minimum(age - before[at, which], lives[at, which])
    left = np.clip(1.0 - days / lives[at, which], LEAST_LEFT, 0.9999)
    earlier = np.where(which > 0, age - before[at, np.maximum(which - 1, 0)], np.nan)
    return Begun(left=floats(left), days=floats(days), before=floats(earlier))


def _until_renewed(wear: WearPart, lives: Floats, vehicles: Vehicles, km: Floats, rng: np.random.Generator) -> Floats:
    """Days from a part's fitting to the next one's: at the visit that finds it worn, or when it is used up."""
    every = np.minimum(YEARLY_DAYS, YEARLY_KM / np.maximum(km, 1.0)).astype(np.float64)[:, None]
    late = rng.random(lives.shape) < LATE
    by_look = np.ceil(lives * (1.0 - wear.renew_below) / every) + late
    schedule = np.min([np.full(len(km), np.inf), *_intervals(wear, km)], axis=0)[:, None]
    visit = np.minimum(by_look, np.ceil(schedule / every)) * every
    return np.where(vehicles.cared[:, None], np.minimum(visit, lives), lives)


def _intervals(wear: WearPart, km: Floats) -> Iterator[Floats]:
    if wear.interval_days:
        yield np.full(len(km), wear.interval_days)
    if wear.interval_km:
        yield floats(wear.interval_km / np.maximum(km, 1.0))
