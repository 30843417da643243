"""When and how a car is driven: trips of a day, and the weather they meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.scenario import Climate, Scenario

DEPARTURES_H = (7.6, 17.7, 12.3, 20.0, 10.2, 15.1)
"""Hours of the day about which trips begin, the commonest first (our choice)."""
WARMEST_H = 15.0
LONGEST_DAY_TRIPS = len(DEPARTURES_H)
_SHORTEST_PAUSE = timedelta(minutes=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One trip that will be driven: when, how long, in which style, and the air outside."""

    start: datetime
    duration_s: int
    style: str
    ambient_c: float
    day: float
    """Days since the scenario's start."""
    number: int
    """0, 1, 2 … within the scenario."""


def planned_trips(scenario: Scenario, *, start: datetime, end: datetime) -> Iterator[Trip]:
    """The trips that begin from ``start`` on and are over by ``end``, in order; the same for the same seed."""
    rng = np.random.default_rng([scenario.seed, 11])
    weather, number = 0.0, 0
    midnight = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight < end:
        weather = 0.8 * weather + 0.6 * float(rng.normal(0.0, scenario.climate.spread_c))
        for leaves, duration_s, style in _day(scenario, midnight, rng):
            if leaves < start or leaves + timedelta(seconds=duration_s) > end:
                continue
            ambient = air_c(scenario.climate, leaves, scenario.utc_offset_h) + weather
            day = (leaves - start) / timedelta(days=1)
            yield Trip(start=leaves, duration_s=duration_s, style=style, ambient_c=ambient, day=day, number=number)
            number += 1
        midnight += timedelta(days=1)


def _day(scenario: Scenario, midnight: datetime, rng: np.random.Generator) -> list[tuple[datetime, int, str]]:
    habit = scenario.habit
    count = min(LONGEST_DAY_TRIPS, int(habit.trips_a_day + rng.random()))
    styles, weights = list(habit.styles), np.array(list(habit.styles.values()), dtype=float)
    free_from, found = midnight - timedelta(days=1), []
    for hour in sorted(DEPARTURES_H[:count]):
        local_h = hour + rng.normal(0.0, 0.3) - scenario.utc_offset_h
        leaves = max(midnight + timedelta(seconds=round(local_h * 3600)), free_from)
        duration_s = round(60 * rng.uniform(habit.shortest_min, habit.longest_min))
        found.append((leaves, duration_s, str(rng.choice(styles, p=weights / weights.sum()))))
        free_from = leaves + timedelta(seconds=duration_s) + _SHORTEST_PAUSE
    return found


def air_c(climate: Climate, when: datetime, utc_offset_h: float) -> float:
    """Temperature of the air by the time of day: a cosine about the warmest hour."""
    hour = (when.hour + when.minute / 60 + utc_offset_h - WARMEST_H) / 24.0
    return float(climate.mean_c + climate.daily_c * np.cos(2 * np.pi * hour))
