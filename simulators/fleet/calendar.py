"""When and where the cars of a block are driven: the sessions of some days, by habit, weekday, season and chance.

A day has six slots at which a drive may begin. Working people use the first and the fifth; errands fall in the others,
more than a third of them shorter than five kilometres; at weekends some drives are long. Cars stand for weeks now and
then, and some all winter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulators.fleet.arrays import floats
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.sessions import DRIVE, WINDOW_S, Sessions

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.climate import Air
    from simulators.fleet.population import Block, Bools, Vehicles
    from simulators.fleet.traces import Traces

SLOTS_H = (7.5, 10.2, 12.6, 15.0, 17.4, 20.1)
"""Local hours about which drives begin (our choice)."""
TO_WORK, HOMEWARD = 0, 4
PAUSE_MS = 6 * 60_000
"""Shortest standing between two drives."""
ERRAND_MIN, ERRAND_SPREAD = 8.5, 0.62
LONG_MIN, LONG_SPREAD = 62.0, 0.4
SHORTEST_MIN, LONGEST_MIN = 1.5, 170.0
TOWN_BELOW_KMH, ROAD_BELOW_KMH = 30.0, 62.0
EXPECTED_KMH = (24.0, 45.0, 88.0)
AWAY_A_YEAR, AWAY_DAYS = 2.6, 10.0
"""Spans without any drive in a year, and their mean length (our choice)."""
FRIDAY, WEEK = 4, 7
EPOCH_WEEKDAY = 3
"""The first of January 1970 was a Thursday, Monday being 0."""
GARAGE_LEAST_C = 4.0
TRAILER_SHARE = 0.06
"""Of the drives of those who have a trailer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Traces by kind (town, road, motorway) and then by length, so that one of a wanted length is found at once."""

    first: tuple[Indices, ...]
    windows: tuple[Indices, ...]

    def pick(self, kind: Indices, wanted: Indices, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """First row and windows of a trace for each drive: of the six nearest in length, one by chance."""
        segment, windows = np.zeros_like(wanted), np.zeros_like(wanted)
        jitter = rng.integers(-3, 4, len(wanted))
        for each, (first, lasts) in enumerate(zip(self.first, self.windows, strict=True)):
            which = np.flatnonzero(kind == each)
            at = np.clip(np.searchsorted(lasts, wanted[which]) + jitter[which], 0, len(lasts) - 1)
            segment[which], windows[which] = first[at], lasts[at]
        return segment, windows


def shelve(traces: Traces) -> Shelf:
    """Traces sorted into kinds by their mean speed while they move; a kind without any takes all."""
    mean = np.array(
        [
            _moving_kmh(traces.speed_mps[first : first + n])
            for first, n in zip(traces.first, traces.windows, strict=True)
        ]
    )
    kind = np.digitize(mean, (TOWN_BELOW_KMH, ROAD_BELOW_KMH))
    chosen = [np.flatnonzero(kind == each) if (kind == each).any() else np.arange(len(kind)) for each in range(3)]
    ordered = [which[np.argsort(traces.windows[which], kind="stable")] for which in chosen]
    return Shelf(
        first=tuple(traces.first[which] for which in ordered), windows=tuple(traces.windows[which] for which in ordered)
    )


def _moving_kmh(speed_mps: Floats) -> float:
    moving = speed_mps[speed_mps > 0.5]  # noqa: PLR2004 - below it a car stands
    return float(moving.mean() * 3.6) if moving.size else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drives:
    """Drives as they are planned: ``(m,)`` each, sorted by vehicle and time."""

    vehicle: Indices
    start_ms: Indices
    kind: Indices
    """0 town, 1 road, 2 motorway."""
    segment: Indices
    windows: Indices
    long: Bools

    def __len__(self) -> int:
        return len(self.vehicle)


def away_days(block: Block) -> Bools:
    """Which days of the run each car stands, ``(n, days)``."""
    rng = block.chance(2)
    spans = rng.poisson(AWAY_A_YEAR * block.days / 365.0, block.n)
    away = np.zeros((block.n, block.days), dtype=np.bool_)
    for vehicle in np.flatnonzero(spans):
        for _ in range(spans[vehicle]):
            begin, lasts = int(rng.integers(0, block.days)), 3 + int(rng.exponential(AWAY_DAYS))
            away[vehicle, begin : begin + lasts] = True
    return away


def plan_drives(
    block: Block, vehicles: Vehicles, away: Bools, shelf: Shelf, days: range, since_ms: Indices,
    rng: np.random.Generator,
) -> Drives:  # fmt: skip
    """The drives of some days of the run; ``since_ms`` (n,) is when each car came to stand."""
    n, span = len(vehicles), len(days)
    weekday = (np.array(days) + block.world.start_ms // A_DAY_MS + EPOCH_WEEKDAY) % WEEK
    goes, long = _slots(vehicles, weekday, rng)
    goes &= ~away[:, days.start : days.stop, None]
    minutes = np.where(
        long, LONG_MIN * rng.lognormal(0.0, LONG_SPREAD, goes.shape), _everyday_min(vehicles, weekday, rng)
    )
    kind = _kinds(minutes, long, rng)
    at = np.argwhere(goes)
    wanted = np.maximum(1, np.round(np.clip(minutes, SHORTEST_MIN, LONGEST_MIN) * 60.0 / WINDOW_S)).astype(np.int64)
    segment, windows = np.zeros(goes.shape, dtype=np.int64), np.zeros(goes.shape, dtype=np.int64)
    place = tuple(at.T)
    segment[place], windows[place] = shelf.pick(kind[place], wanted[place], rng)
    start = _starts(block, vehicles, days, goes, windows, since_ms, rng).reshape(n, span, len(SLOTS_H))
    return Drives(
        vehicle=at[:, 0], start_ms=start[place], kind=kind[place], segment=segment[place], windows=windows[place],
        long=long[place],
    )  # fmt: skip


def _slots(vehicles: Vehicles, weekday: Indices, rng: np.random.Generator) -> tuple[Bools, Bools]:
    """Which slots are used and which of these are long drives, ``(n, days, slots)``."""
    n, span, slots = len(vehicles), len(weekday), len(SLOTS_H)
    errand = np.minimum(0.6, vehicles.errands[:, None, None] / slots * 1.3)
    goes = rng.random((n, span, slots)) < errand
    working = (weekday <= FRIDAY)[None, :] & (vehicles.commute_min > 0)[:, None] & (rng.random((n, span)) < 0.93)  # noqa: PLR2004 - one day in fourteen off
    goes[:, :, TO_WORK] = np.where(working, True, goes[:, :, TO_WORK] & (rng.random((n, span)) < 0.3))  # noqa: PLR2004 - early errands are rare
    goes[:, :, HOMEWARD] |= working
    goes[:, :, 1:HOMEWARD] &= ~working[:, :, None] | (rng.random((n, span, HOMEWARD - 1)) < 0.35)  # noqa: PLR2004 - few errands during work
    weight = np.where(weekday > FRIDAY, 2.1, 0.56)[None, :, None]
    long = rng.random((n, span, slots)) < vehicles.long_trips[:, None, None] * weight / (WEEK * slots)
    long[:, :, [TO_WORK, HOMEWARD]] &= ~working[:, :, None]
    return goes | long, long


def _everyday_min(vehicles: Vehicles, weekday: Indices, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    shape = (len(vehicles), len(weekday), len(SLOTS_H))
    minutes: npt.NDArray[np.float64] = ERRAND_MIN * rng.lognormal(0.0, ERRAND_SPREAD, shape)
    works = ((weekday <= FRIDAY)[None, :] & (vehicles.commute_min > 0)[:, None]).astype(np.bool_)
    for slot in (TO_WORK, HOMEWARD):
        way = vehicles.commute_min[:, None] * rng.lognormal(0.0, 0.12, shape[:2])
        minutes[:, :, slot] = np.where(works, way, minutes[:, :, slot])
    return minutes


def _kinds(minutes: npt.NDArray[np.float64], long: Bools, rng: np.random.Generator) -> Indices:
    """0 town, 1 road, 2 motorway: the longer, the faster."""
    road = 1.0 / (1.0 + np.exp(-(minutes - 17.0) / 4.5))
    kind: Indices = (rng.random(minutes.shape) < road).astype(np.int64)
    kind[long | (rng.random(minutes.shape) < np.clip((minutes - 22.0) / 80.0, 0.0, 0.5))] = 2
    return kind


def _starts(
    block: Block, vehicles: Vehicles, days: range, goes: Bools, windows: Indices, since_ms: Indices,
    rng: np.random.Generator,
) -> Indices:  # fmt: skip
    """Beginnings in ms; a drive waits until the one before is over. ``(n, days * slots)``, 0 where none is."""
    hours = np.array(SLOTS_H)[None, None, :] + rng.normal(0.0, 0.55, goes.shape)
    hours[:, :, TO_WORK] = vehicles.leaves_h[:, None] + rng.normal(0.0, 0.15, goes.shape[:2])
    midnight = block.world.start_ms + A_DAY_MS * np.array(days, dtype=np.int64)
    wanted = (midnight[None, :, None] + (hours * 3_600_000.0).astype(np.int64)).reshape(len(vehicles), -1)
    flat, lasts = goes.reshape(wanted.shape), windows.reshape(wanted.shape) * WINDOW_S * 1000
    free = np.maximum(midnight[0], since_ms + PAUSE_MS)
    start = np.zeros_like(wanted)
    for slot in range(wanted.shape[1]):
        begins = np.maximum(wanted[:, slot], free)
        start[:, slot] = np.where(flat[:, slot], begins, 0)
        free = np.where(flat[:, slot], begins + lasts[:, slot] + PAUSE_MS, free)
    return start


def sessions(vehicles: Vehicles, drives: Drives, air: Air, since_ms: Indices, rng: np.random.Generator) -> Sessions:
    """The drives with their weather, load and driver; ``since_ms`` (n,) is when each car came to stand."""
    car, start, m = drives.vehicle, drives.start_ms, len(drives)
    region = vehicles.climate[car]
    ambient, daylight = air.temperature_c(region, start), np.cos(2.0 * np.pi * ((start % A_DAY_MS) / A_DAY_MS - 0.55))
    trailer = vehicles.trailer_kg[car] * (rng.random(m) < TRAILER_SHARE)
    night = daylight < -0.1  # noqa: PLR2004 - dark a little less than half of the day
    wet = rng.random(m) < air.rain[region, air.day(start)]
    return Sessions(
        vehicle=car, start_ms=start, kind=np.full(m, DRIVE, dtype=np.int8), segment=drives.segment,
        windows=drives.windows,
        pace=floats(vehicles.pace[car] * np.clip(rng.normal(1.0, 0.03, m), 0.9, 1.1) * np.where(trailer > 0, 0.88, 1)),
        hill=rng.integers(0, 1 << 30, m), hilliness=vehicles.hilliness[car], slope=floats(np.zeros(m)),
        ambient_c=ambient, baro_kpa=air.pressure(region, start, vehicles.altitude_m[car]),
        humidity=air.humidity(region, start), rested_c=_rested(vehicles, drives, air, since_ms, ambient),
        wet=floats(wet), night=floats(night),
        payload_kg=floats(vehicles.payload_kg[car] * rng.gamma(2.0, 0.5, m) + trailer), tow_kg=floats(trailer),
        air_conditioning=floats(np.clip((ambient - 20.0) / 11.0, 0.0, 1.0)),
        heater=floats(np.clip((17.0 - ambient) / 19.0, 0.0, 1.0)),
        consumers_w=floats(60.0 + 130.0 * night + 220.0 * (ambient < 5.0) + 60.0 * wet + rng.gamma(1.0, 40.0, m)),  # noqa: PLR2004 - heated windows
        charger_w=floats(np.zeros(m)), charge_to=floats(np.zeros(m)),
    )  # fmt: skip


def _rested(vehicles: Vehicles, drives: Drives, air: Air, since_ms: Indices, ambient: Floats) -> Floats:
    """Mean temperature about a car while it stood: half-way between its last drive and this; milder in a garage."""
    car, start = drives.vehicle, drives.start_ms
    first = np.diff(car, prepend=-1) != 0
    before = np.where(first, since_ms[car], np.roll(start + drives.windows * WINDOW_S * 1000, 1))
    stood = air.temperature_c(vehicles.climate[car], (before + start) // 2)
    rested = np.where(start - before > A_DAY_MS, air.mean_c(vehicles.climate[car], start), stood)
    overnight = vehicles.garage[car] & (start - before > A_DAY_MS // 4)
    return floats(
        np.where(overnight, np.maximum(0.55 * rested + 0.45 * 13.0, GARAGE_LEAST_C), 0.7 * rested + 0.3 * ambient)
    )
