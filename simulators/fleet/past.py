"""What lies behind the cars of a block when a run begins: how far they went, and how worn that left their parts.

How fast a car wears its parts follows from its build, its driver and its roads, so a week in the middle of the run's
first half year is driven with new parts and sound cars, and thrown away: what it wears, for each of its kilometres. How
far a car goes in a day is counted over weeks of its calendar. A life of a part is that pace, but for a lognormal spread
(other habits, other parts); lives follow one another from the day that the car was made, and end as the workshop ends
them: at a visit for who keeps the schedule, used up for the others. So old and hard driven cars are as worn as they
would be, and the kilometre counter, the service book and a measurement tell the same story.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import calendar
from simulators.fleet.arrays import floats, full
from simulators.fleet.charging import with_charges
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.moment import Weather
from simulators.fleet.running import Run
from simulators.fleet.stepping import own, stand
from simulators.fleet.workshop import LATE, YEARLY_DAYS, YEARLY_KM, Begun, least_left, wearing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.arrays import Floats
    from simulators.fleet.calendar import Life
    from simulators.fleet.charging import Drivers
    from simulators.fleet.faults import WearPart
    from simulators.fleet.garage import Part
    from simulators.fleet.population import Vehicles
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars

PILOT_DAYS, PILOT_PART = 7, 0.125
"""Days that are driven to learn the pace: a week, of short runs this part."""
HALF_YEAR = 182
COUNTED_DAYS = 112
"""Days of the calendar over which a car's kilometres are counted at most."""
LEAST_KM = 10.0
"""A pilot that went less far tells nothing of its car, which then wears as the others do."""
DIFFERED = 0.2
"""Lognormal spread of a part's pace, and of a car's kilometres, from one life to another (our choice)."""
STEP_S = 2
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


def km_a_day(life: Life) -> Floats:
    """How far each car goes in a day by its calendar, at least a kilometre, ``(n,)``."""
    block, n = life.block, life.block.n
    days = min(block.days, COUNTED_DAYS)
    since_ms = np.full(n, block.world.start_ms, dtype=np.int64)
    drives = calendar.drives(life, range(days), since_ms, block.chance(14))
    return floats(np.maximum(_km(life, drives, n) / days, 1.0))


def _km(life: Life, drives: Sessions, n: int) -> Floats:
    trace = np.searchsorted(life.library.traces.first, drives.segment, side="right") - 1
    return floats(np.bincount(drives.vehicle, life.library.metres[trace] * drives.pace / 1000.0, minlength=n))


def driven(vehicles: Vehicles, km: Floats, rng: np.random.Generator) -> Vehicles:
    """The cars with what their age and ``km`` a day have put on the clock."""
    differed = rng.lognormal(0.0, DIFFERED, len(vehicles))
    return replace(vehicles, odometer_km=floats(vehicles.age_days * km * differed))


def pace(life: Life, drivers: Drivers | None, cars: Cars, parts: tuple[Part, ...], km: Floats) -> Pace:
    """The pace of cars that go ``km`` a day; ``cars`` are sound and new, ``drivers`` those of electric ones."""
    powertrain = life.vehicles.powertrain
    begin, days = _pilot_days(life.block.days)
    fresh = _fitted_anew(cars, parts, powertrain)
    after = _piloted(life, drivers, fresh, begin, days)
    gone, far = [], _odometer(after) - _odometer(fresh)
    for place, wear in wearing(powertrain, parts):
        lost = np.maximum(least_left(place, wear, fresh) - least_left(place, wear, after), 0.0)
        gone.append(floats(lost / days) if wear.ages else _by_km(lost, far, km))
    return Pace(km=km, gone=tuple(gone))


def _pilot_days(days: int) -> tuple[int, int]:
    lasts = int(np.clip(days * PILOT_PART, 1, PILOT_DAYS))
    return max(0, (min(days, HALF_YEAR) - lasts) // 2), lasts


def _fitted_anew(cars: Cars, parts: tuple[Part, ...], powertrain: str) -> Cars:
    """The cars with the parts in them that the run begins with, all new."""
    states, n = list(cars.states), len(cars)
    for place, wear in wearing(powertrain, parts):
        states[place] = wear.worn(states[place], cars.builds[place], np.ones(n, dtype=np.bool_), full(n, 1.0))
    return replace(cars, states=tuple(states))


def _piloted(life: Life, drivers: Drivers | None, cars: Cars, begin: int, days: int) -> Cars:
    block = life.block
    since, until = (block.world.start_ms + day * A_DAY_MS for day in (begin, begin + days))
    begun = replace(own(cars), since_ms=np.full(len(cars), since, dtype=np.int64))
    drives = calendar.drives(life, range(begin, begin + days), begun.since_ms, block.chance(15))
    sessions = drives if drivers is None else _charged(life, drivers, drives, begun, until)
    run = Run(begun, sessions, life.library.traces, block.chance(16), step_s=STEP_S)
    for _ in run.rows():
        pass
    after, region = run.cars, life.vehicles.climate
    ends_ms = np.maximum(after.since_ms, until)
    weather = Weather(
        ambient_c=life.air.temperature_c(region, after.since_ms),
        baro_kpa=life.air.pressure(region, after.since_ms, life.vehicles.altitude_m),
        humidity=life.air.humidity(region, after.since_ms),
    )
    return stand(after, floats((ends_ms - after.since_ms) / 1000.0), weather, block.chance(17))


def _charged(life: Life, drivers: Drivers, drives: Sessions, cars: Cars, until_ms: int) -> Sessions:
    battery = next(state for state in cars.states if hasattr(state, "shown_charge"))
    capacity_kwh = full(len(cars), life.block.kwh)
    return with_charges(life, drivers, drives, battery.shown_charge, capacity_kwh, until_ms)


def _odometer(cars: Cars) -> Floats:
    at = next(at for at, subsystem in enumerate(cars.subsystems) if subsystem.name == "road")
    return floats(cars.states[at].odometer_km)


def _by_km(lost: Floats, far: Floats, km: Floats) -> Floats:
    """What goes in a day by what went for each kilometre."""
    tells = far >= LEAST_KM
    usual = float(np.median(lost[tells] / far[tells])) if tells.any() else 0.0
    return floats(np.where(tells, lost / np.maximum(far, LEAST_KM), usual) * km)


def begun(vehicles: Vehicles, parts: tuple[Part, ...], now: Pace, rng: np.random.Generator) -> tuple[Begun, ...]:
    """Where each wearing part stands after the years that its car has behind it."""
    found = zip(wearing(vehicles.powertrain, parts), now.gone, strict=True)
    return tuple(_begun(wear, vehicles, gone, now.km, rng) for (_, wear), gone in found)


def _begun(wear: WearPart, vehicles: Vehicles, gone: Floats, km: Floats, rng: np.random.Generator) -> Begun:
    n, age = len(vehicles), vehicles.age_days.astype(np.float64)
    if wear.lasting:
        lost = age / YEARLY_DAYS * rng.normal(GONE_A_YEAR, GONE_A_YEAR * AGED_SPREAD, n)
        return Begun(left=floats(np.clip(1.0 - lost, 0.1, 1.0)), days=floats(age), first=np.ones(n, dtype=np.bool_))
    lives = rng.lognormal(0.0, DIFFERED, (n, LIVES)) / np.maximum(gone, 1e-7)[:, None].astype(np.float64)
    ends = np.cumsum(_until_renewed(wear, lives, vehicles, km, rng), axis=1)
    which = np.minimum((ends <= age[:, None]).sum(axis=1), LIVES - 1)
    at, before = np.arange(n), np.concatenate([np.zeros((n, 1)), ends], axis=1)
    days = age - before[at, which]
    left = np.clip(1.0 - days / lives[at, which], LEAST_LEFT, 0.9999)
    return Begun(left=floats(left), days=floats(days), first=which == 0)


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
