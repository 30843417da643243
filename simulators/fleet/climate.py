"""The air of a region through days and seasons: what all cars there have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from simulators.fleet.moment import Weather

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices

A_DAY_MS = 86_400_000
YEAR_DAYS = 365.25
WARMEST_DAY = 203.0
"""Day of the year about which the north is warmest: the second half of July."""
WARMEST_HOUR = 14.8
SEA_LEVEL_KPA = 101.325
SCALE = 2.25577e-5
EXPONENT = 5.25588
"""Of the international standard atmosphere: p = 101.325 kPa (1 - 2.25577e-5 h / m) ** 5.25588."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """A region: temperatures °C, relative humidity 0 to 1, altitude in metres.

    ``season_c`` and ``daily_c`` are half the difference of summer and winter, of day and night; ``spread_c`` is the
    deviation from day to day, of which ``persistence`` lasts to the next; ``wet`` is the share of rainy days.
    """

    name: str
    mean_c: float
    season_c: float
    daily_c: float
    spread_c: float
    persistence: float = 0.78
    humidity: float = 0.7
    wet: float = 0.3
    altitude_m: float = 150.0
    altitude_spread_m: float = 120.0
    hilliness: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """The weather of all climates of a world over a run, ``(climates, days)``; the same for all blocks of a run."""

    climates: tuple[Climate, ...]
    start_ms: int
    departure_c: Floats
    """From what the season would have."""
    rain: Floats
    """Share of the day that is wet."""
    pressure_kpa: Floats
    """Departure from the standard atmosphere."""

    def _of(self, name: str, climate: Indices) -> Floats:
        return floats([getattr(each, name) for each in self.climates])[climate]

    def day(self, time_ms: Indices) -> Indices:
        """Which day of the run a time falls in, kept within it."""
        days: Indices = np.clip((time_ms - self.start_ms) // A_DAY_MS, 0, self.departure_c.shape[1] - 1)
        return days

    def mean_c(self, climate: Indices, time_ms: Indices) -> Floats:
        """Mean temperature of the day, ``(m,)``."""
        of_year = (time_ms / A_DAY_MS) % YEAR_DAYS
        season = np.cos(2.0 * np.pi * (of_year - WARMEST_DAY) / YEAR_DAYS)
        return floats(
            self._of("mean_c", climate)
            + self._of("season_c", climate) * season
            + self.departure_c[climate, self.day(time_ms)]
        )

    def temperature_c(self, climate: Indices, time_ms: Indices) -> Floats:
        """Temperature at a time (local time is taken for UTC), ``(m,)``."""
        hour = (time_ms % A_DAY_MS) / 3_600_000.0
        return floats(
            self.mean_c(climate, time_ms)
            + self._of("daily_c", climate) * np.cos(2.0 * np.pi * (hour - WARMEST_HOUR) / 24.0)
        )

    def humidity(self, climate: Indices, time_ms: Indices) -> Floats:
        """Relative humidity 0 to 1: more at night and when it rains."""
        hour = (time_ms % A_DAY_MS) / 3_600_000.0
        night = -np.cos(2.0 * np.pi * (hour - WARMEST_HOUR) / 24.0)
        rain = self.rain[climate, self.day(time_ms)]
        return floats(np.clip(self._of("humidity", climate) + 0.12 * night + 0.25 * rain, 0.15, 0.99))

    def weather(self, climate: Indices, time_ms: Indices, altitude_m: Floats) -> Weather:
        """All of it at a time and an altitude, ``(m,)``."""
        return Weather(
            ambient_c=self.temperature_c(climate, time_ms),
            baro_kpa=self.pressure(climate, time_ms, altitude_m),
            humidity=self.humidity(climate, time_ms),
        )

    def pressure(self, climate: Indices, time_ms: Indices, altitude_m: Floats) -> Floats:
        """Pressure in kPa at an altitude."""
        standard = SEA_LEVEL_KPA * (1.0 - SCALE * np.maximum(altitude_m, -100.0)) ** EXPONENT
        return floats(standard + self.pressure_kpa[climate, self.day(time_ms)])


def draw_air(climates: tuple[Climate, ...], start_ms: int, days: int, rng: np.random.Generator) -> Air:
    """Weather of ``days`` days."""
    shape = (len(climates), days + 2)
    wet = np.array([climate.wet for climate in climates])[:, None]
    persistence = np.array([climate.persistence for climate in climates])
    spread = np.array([climate.spread_c for climate in climates])
    return Air(
        climates=climates,
        start_ms=start_ms,
        departure_c=floats(spread[:, None] * _persisting(rng.standard_normal(shape), persistence)),
        rain=floats(np.where(rng.random(shape) < wet, rng.random(shape), 0.0)),
        pressure_kpa=floats(0.85 * _persisting(rng.standard_normal(shape), np.full(len(climates), 0.7))),
    )


def _persisting(noise: np.typing.NDArray[np.float64], persistence: np.typing.NDArray[np.float64]) -> Floats:
    """First-order autoregression along the second axis with deviation 1."""
    kept = np.sqrt(1.0 - persistence**2)
    for day in range(1, noise.shape[1]):
        noise[:, day] = persistence * noise[:, day - 1] + kept * noise[:, day]
    return floats(noise)
