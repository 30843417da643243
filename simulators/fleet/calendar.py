"""When the cars of a block are driven: departures by habit, weekday and chance, and the weather that they meet.

A day has six slots at which a drive may begin. Working people use the first and the fifth; errands fall in the others.
Cars stand for weeks now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats, taken
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.habits import draw_drives

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.climate import Air
    from simulators.fleet.cycles import Library
    from simulators.fleet.habits import Habits
    from simulators.fleet.population import Block, Bools, Vehicles
    from simulators.fleet.sessions import Sessions

SLOTS_H = (7.5, 10.2, 12.6, 15.0, 17.4, 20.1)
"""Local hours about which drives begin (our choice)."""
TO_WORK, HOMEWARD = 0, 4
PAUSE_MS = 6 * 60_000
"""Shortest standing before a drive."""
SCATTER_H, TO_WORK_SCATTER_H = 0.55, 0.15
AWAY_A_YEAR, AWAY_DAYS, AWAY_LEAST = 2.6, 10.0, 3
"""Spans without any drive in a year, and their mean length beyond the least (our choice)."""
FRIDAY, WEEK = 4, 7
EPOCH_WEEKDAY = 3
"""The first of January 1970 was a Thursday, Monday being 0."""
DAYS_OFF, EARLY_ERRANDS, ERRANDS_AT_WORK, MOST_ERRANDS = 0.07, 0.3, 0.35, 0.6
MOST_HOURS_A_DAY = 0.85
"""Mean over some weeks that no car is driven beyond (our choice: it keeps the lanes of a run even)."""
DARK = -0.1
"""Cosine of the hour angle below which it is dark."""
GARAGE_LEAST_C, GARAGE_C, GARAGE_SHARE = 4.0, 13.0, 0.45
"""A garage is warmer than the air by this share of the way to its own temperature, and never colder than the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a block's calendar is drawn from."""

    block: Block
    vehicles: Vehicles
    habits: Habits
    library: Library
    air: Air
    away: Bools
    """Days of the run on which each car stands, ``(n, days)``."""
    above_m: Floats
    """How much higher than at home it is driven, ``(n, days + 1)``."""


def away_days(block: Block) -> Bools:
    """Which days of the run each car stands, ``(n, days)``."""
    rng = block.chance(2)
    spans = rng.poisson(AWAY_A_YEAR * block.days / 365.0, block.n)
    away = np.zeros((block.n, block.days), dtype=np.bool_)
    for vehicle in np.flatnonzero(spans):
        for _ in range(spans[vehicle]):
            begin, lasts = int(rng.integers(0, block.days)), AWAY_LEAST + int(rng.exponential(AWAY_DAYS))
            away[vehicle, begin : begin + lasts] = True
    return away


def drives(life: Life, days: range, since_ms: Indices, rng: np.random.Generator) -> Sessions:
    """The drives of some days of the run; ``since_ms`` (n,) is when each car came to stand."""
    vehicle, depart_ms = departures(life, days, since_ms, rng)
    region = life.vehicles.climate[vehicle]
    altitude_m = life.vehicles.altitude_m[vehicle] + life.above_m[vehicle, life.air.day(depart_ms)]
    weather = life.air.weather(region, depart_ms, altitude_m)
    wet = floats(rng.random(len(vehicle)) < life.air.rain[region, life.air.day(depart_ms)])
    rested_c = _rested(life, vehicle, depart_ms, since_ms, weather.ambient_c)
    night = floats(np.cos(2.0 * np.pi * ((depart_ms % A_DAY_MS) / A_DAY_MS - 0.55)) < DARK)
    planned = draw_drives(life.habits, life.library, vehicle, depart_ms, weather, rested_c, night, wet, rng)
    return thinned(planned, len(life.vehicles), len(days), rng)


def thinned(planned: Sessions, n: int, days: int, rng: np.random.Generator) -> Sessions:
    """Without the drives, chosen by chance, that take a car beyond what private cars are driven at most."""
    hours = planned.lasts_ms() / 3_600_000.0
    order = np.lexsort((rng.random(len(planned)), planned.vehicle))
    sums = np.cumsum(hours[order])
    before = np.concatenate([[0.0], sums])[np.searchsorted(planned.vehicle[order], np.arange(n))]
    kept = order[sums - before[planned.vehicle[order]] <= MOST_HOURS_A_DAY * days]
    return taken(planned, np.sort(kept))


def departures(life: Life, days: range, since_ms: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Vehicle and wanted time of every drive, sorted by vehicle and time."""
    weekday = (np.array(days) + life.block.world.start_ms // A_DAY_MS + EPOCH_WEEKDAY) % WEEK
    goes = slots(life.vehicles, weekday, rng) & ~life.away[:, days.start : days.stop, None]
    hours = np.array(SLOTS_H) + rng.normal(0.0, SCATTER_H, goes.shape)
    hours[:, :, TO_WORK] = life.vehicles.leaves_h[:, None] + rng.normal(0.0, TO_WORK_SCATTER_H, goes.shape[:2])
    midnight = life.block.world.start_ms + A_DAY_MS * np.array(days, dtype=np.int64)
    wanted = midnight[None, :, None] + (hours * 3_600_000.0).astype(np.int64)
    vehicle, day, slot = np.nonzero(goes)
    depart_ms = np.maximum(wanted[vehicle, day, slot], since_ms[vehicle] + PAUSE_MS)
    order = np.lexsort((depart_ms, vehicle))
    return vehicle[order], depart_ms[order]


def slots(vehicles: Vehicles, weekday: Indices, rng: np.random.Generator) -> Bools:
    """Which slots of days are used, ``(n, days, slots)``."""
    n, span = len(vehicles), len(weekday)
    errand = np.minimum(MOST_ERRANDS, vehicles.errands[:, None, None] / (len(SLOTS_H) - 1))
    goes: Bools = rng.random((n, span, len(SLOTS_H))) < errand
    working = (weekday <= FRIDAY)[None, :] & vehicles.works[:, None] & (rng.random((n, span)) >= DAYS_OFF)
    early = goes[:, :, TO_WORK] & (rng.random((n, span)) < EARLY_ERRANDS)
    goes[:, :, TO_WORK] = working | early
    goes[:, :, HOMEWARD] |= working
    goes[:, :, 1:HOMEWARD] &= ~working[:, :, None] | (rng.random((n, span, HOMEWARD - 1)) < ERRANDS_AT_WORK)
    return goes


def _rested(life: Life, vehicle: Indices, depart_ms: Indices, since_ms: Indices, ambient: Floats) -> Floats:
    """Mean temperature about a car while it stood: of the time between its drives; milder in a garage."""
    first = np.diff(vehicle, prepend=-1) != 0
    before = np.where(first, since_ms[vehicle], np.roll(depart_ms, 1))
    stood, region = depart_ms - before, life.vehicles.climate[vehicle]
    halfway = life.air.temperature_c(region, before + stood // 2)
    rested = np.where(stood > A_DAY_MS, life.air.mean_c(region, depart_ms), halfway)
    indoors = np.maximum(rested + GARAGE_SHARE * (GARAGE_C - rested), GARAGE_LEAST_C)
    overnight = life.vehicles.garage[vehicle] & (stood > A_DAY_MS // 4)
    return floats(np.where(overnight, indoors, 0.7 * rested + 0.3 * ambient))
