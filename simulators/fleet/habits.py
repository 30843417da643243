"""Who drives and how: habits of each vehicle, and the drives that they make of a calendar of departures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulators.fleet.arrays import floats, full, scatter, spread
from simulators.fleet.sessions import DRIVE, WINDOW_S, Sessions

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.cycles import Library
    from simulators.fleet.moment import Weather

TILTS = (-0.4, -0.15, 0.1, 0.35, 0.6)
"""Classes of use from errands to long distance: a trace is as likely as its length to this power (our choice)."""
CLASS_SHARES = (0.22, 0.28, 0.25, 0.17, 0.08)
USUAL = 0.45
"""Part of the drives that are the vehicle's usual one (to work and back)."""
TOWING_VEHICLES = 0.12
TOWING_DRIVES = 0.14
"""A vehicle with a hitch tows in this part of its drives: 1.7 % of all."""
HAS_AIR_CONDITIONING, HEATS_SEATS = 0.9, 0.7
"""Part of the drives on which it is used when the weather asks for it (our choice)."""
LEAST_PAUSE_MS = 120_000
LONGEST_WINDOWS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What stays with a vehicle and its drivers: ``(n,)``."""

    kind: Indices
    """Class of use, index into ``TILTS``."""
    usual: Indices
    """The trace of the usual drive."""
    pace: Floats
    hilliness: Floats
    """Standard deviation of the slope where the vehicle drives."""
    payload_kg: Floats
    hitch: Floats
    """1 with a hitch."""
    comfort_c: Floats
    """Outside temperature above which air conditioning, and 6 °C below which the heater, is switched on."""
    consumers_w: Floats


def draw_habits(
    n: int, rng: np.random.Generator, traces: Library, *, hilly: float = 0.012, goods_kg: float = 0.0
) -> Habits:
    """Habits of ``n`` vehicles; ``hilly`` of the region, ``goods_kg`` the mean load of vans."""
    kind = rng.choice(len(TILTS), size=n, p=CLASS_SHARES).astype(np.int64)
    return Habits(
        kind=kind,
        usual=_drawn(traces, kind, rng),
        pace=floats(np.clip(rng.normal(0.97, 0.055, n), 0.82, 1.12)),
        hilliness=spread(rng, n, hilly, 0.45),
        payload_kg=spread(rng, n, 45.0, 0.5) + spread(rng, n, max(goods_kg, 1.0), 0.5),
        hitch=floats(rng.random(n) < TOWING_VEHICLES),
        comfort_c=scatter(rng, n, 22.0, 2.5),
        consumers_w=spread(rng, n, 90.0, 0.4),
    )


def _drawn(traces: Library, kind: Indices, rng: np.random.Generator) -> Indices:
    """A trace for each, by class of use."""
    short = traces.traces.windows <= LONGEST_WINDOWS
    weight = np.where(short, traces.metres[None, :].astype(np.float64) ** np.array(TILTS)[:, None], 0.0)
    upto = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    at = rng.random(len(kind))
    chosen = np.empty(len(kind), dtype=np.int64)
    for number, steps in enumerate(upto):
        mine = kind == number
        chosen[mine] = np.searchsorted(steps, at[mine])
    return np.minimum(chosen, len(short) - 1)


def draw_drives(
    habits: Habits, traces: Library, vehicle: Indices, depart_ms: Indices, weather: Weather, rested_c: Floats,
    night: Floats, wet: Floats, rng: np.random.Generator,
) -> Sessions:  # fmt: skip
    """A drive for each departure, ``(m,)`` sorted by vehicle and time; ``weather`` is that of the drives.

    Who is not yet back two minutes before the next departure leaves later.
    """
    m = len(vehicle)
    kind, usual = habits.kind[vehicle], rng.random(m) < USUAL
    trace = np.where(usual, habits.usual[vehicle], _drawn(traces, kind, rng))
    windows = traces.traces.windows[trace]
    ambient = weather.ambient_c
    trips = _loads(habits, vehicle, rng)
    cold = np.clip((habits.comfort_c[vehicle] - 4.0 - ambient) / 18.0, 0.0, 1.0)
    warm = np.clip((ambient - habits.comfort_c[vehicle] + 1.0) / 9.0, 0.0, 1.0)
    zero = full(m, 0.0)
    return Sessions(
        vehicle=vehicle,
        start_ms=in_turn(vehicle, depart_ms, windows * (WINDOW_S * 1000)),
        kind=np.full(m, DRIVE, dtype=np.int8),
        segment=traces.traces.first[trace],
        windows=windows,
        pace=habits.pace[vehicle] * floats(np.clip(rng.normal(1.0, 0.03, m), 0.9, 1.1)) * (1 - 0.1 * (trips[1] > 0)),
        hill=rng.integers(0, len(traces.traces.grade), m),
        hilliness=habits.hilliness[vehicle],
        slope=scatter(rng, m, 0.0, 0.002),
        ambient_c=ambient,
        baro_kpa=weather.baro_kpa,
        humidity=weather.humidity,
        rested_c=rested_c,
        wet=wet,
        night=night,
        payload_kg=trips[0],
        tow_kg=trips[1],
        air_conditioning=floats(warm * (rng.random(m) < HAS_AIR_CONDITIONING)),
        heater=floats(cold),
        consumers_w=_consumers(habits, vehicle, night, floats(cold), rng),
        charger_w=zero,
        charge_to=zero,
    )


def _loads(habits: Habits, vehicle: Indices, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Payload and trailer of each drive, kg; the payload holds the trailer."""
    m = len(vehicle)
    tows = (rng.random(m) < TOWING_DRIVES) & (habits.hitch[vehicle] > 0)
    tow = floats(np.where(tows, rng.uniform(350.0, 1400.0, m), 0.0))
    return habits.payload_kg[vehicle] * spread(rng, m, 1.0, 0.5) + tow, tow


def _consumers(habits: Habits, vehicle: Indices, night: Floats, cold: Floats, rng: np.random.Generator) -> Floats:
    """Lights at night, rear window, seats and blower in the cold, and what else is on."""
    heats = cold * (rng.random(len(vehicle)) < HEATS_SEATS)
    return floats(habits.consumers_w[vehicle] * spread(rng, len(vehicle), 1.0, 0.25) + 130.0 * night + 260.0 * heats)


def in_turn(vehicle: Indices, depart_ms: Indices, lasts_ms: npt.NDArray[np.int64]) -> Indices:
    """Departures put off until the drive before is over, ``(m,)`` sorted by vehicle.

    With D the sum of durations and pauses before a drive, the start is D + max over drives up to it of (depart - D).
    """
    spent = lasts_ms + LEAST_PAUSE_MS
    before = np.cumsum(spent) - spent
    span = np.int64(1) << 50
    ahead = depart_ms - before + vehicle * span
    starts: Indices = np.maximum.accumulate(ahead) - vehicle * span + before
    return starts
