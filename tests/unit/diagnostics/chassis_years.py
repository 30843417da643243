"""Trips of many cars for the detectors of chassis and traction battery, sound and with a fault that grows.

Series resemble themselves from trip to trip (autocorrelation), cars differ, and no number here is taken from the
detectors: what they must find and stand is stated once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.trips import FEATURES, Trips

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.detector import Detector

    Year = Callable[[float, "Cars"], dict[str, np.ndarray]]

DAY_MS = 86_400_000.0
START_MS = 1.7e12
CORNERS = ("fl", "fr", "rl", "rr")
BEGINS = 60.0
"""Day on which faults begin to grow."""


class Cars:
    """Some cars: what is theirs, and noise that goes on from trip to trip."""

    def __init__(self, n: int, seed: int) -> None:
        self.n, self.rng = n, np.random.default_rng(seed)
        self._own: dict[str, np.ndarray] = {}
        self._noise: dict[str, np.ndarray] = {}

    def own(self, name: str, mean: float, sd: float, width: int = 0) -> np.ndarray:
        """A number that each car keeps."""
        shape = (self.n, width) if width else self.n
        return self._own.setdefault(name, mean + sd * self.rng.standard_normal(shape))

    def noise(self, name: str, phi: float, width: int = 0) -> np.ndarray:
        """The next of a series with spread 1 and autocorrelation ``phi``."""
        fresh = self.rng.standard_normal((self.n, width) if width else self.n)
        before = self._noise.get(name, fresh)
        self._noise[name] = phi * before + np.sqrt(1.0 - phi**2) * fresh
        return self._noise[name]


def grown(day: float, days: float) -> float:
    """How far a fault has grown, 0 to 1."""
    return float(np.clip((day - BEGINS) / days, 0.0, 1.0))


def trips(day: float, n: int, columns: dict[str, np.ndarray]) -> Trips:
    """One trip of each car that has these features and no others but its times."""
    started = np.full(n, START_MS + day * DAY_MS)
    given = {"started_ms": started, "ended_ms": started + 1.5e6, "soak_s": np.full(n, 27_000.0)} | columns
    unknown = np.full(n, np.nan)
    return Trips(vehicle=np.arange(n), values=np.stack([given.get(name, unknown) for name in FEATURES], axis=1))


def raised(
    detector: Detector, year: Year, parameters: dict[str, np.ndarray], *, n: int, days: int, a_day: int, seed: int
) -> np.ndarray:
    """Day on which each cause was first raised in each car ``(n, n_causes)``, infinite never."""
    cars, state = Cars(n, seed), detector.initial(n)
    first = np.full((n, len(detector.causes)), np.inf)
    for number in range(days * a_day):
        day = number / a_day
        judgement, state = detector.step(trips(day, n, year(day, cars)), state, parameters)
        for row in np.flatnonzero(judgement.raised >= 0):
            first[row, judgement.raised[row]] = min(first[row, judgement.raised[row]], day)
    return first


def tyres(leak_kpa_day: float = 0.0) -> Year:
    """Cold pressures: natural loss that differs between tyres, quantised readings; the rear left may leak."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        loss = np.exp(cars.own("loss", np.log(0.2), 0.15, 4)) * day
        loss[:, 2] += leak_kpa_day * max(day - BEGINS, 0.0)
        read = cars.own("kpa", 240.0, 3.0, 4) + 1.2 * cars.noise("kpa", 0.2, 4) - loss
        read = np.round(read)
        return {f"tyre_{corner}_kpa": read[:, at] for at, corner in enumerate(CORNERS)} | {
            "tyre_compensated": np.ones(cars.n)
        }

    return year


def wheels(lost: float = 0.0, gone: float = 0.0, days: float = 40.0) -> Year:
    """Counts of readings without signal; the front right may lose it, or lose it at a walking pace."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        rolling, walking = cars.rng.poisson(300, cars.n), cars.rng.poisson(12, cars.n)
        found = {}
        for at, corner in enumerate(CORNERS):
            bad = grown(day, days) if at == 1 else 0.0
            found |= {
                f"wheel_{corner}_rolling_n": rolling.astype(float),
                f"wheel_{corner}_walking_n": walking.astype(float),
                f"wheel_{corner}_drops": cars.rng.binomial(rolling, 0.0003 + lost * bad).astype(float),
                f"wheel_{corner}_gone": cars.rng.binomial(walking, 0.01 + gone * bad).astype(float),
            }
        return found

    return year


def cells(mv_a_day: float = 0.0, mohm: float = 0.0) -> Year:
    """Deviations of eight blocks; the fourth may discharge itself, or be joined badly."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        rest = cars.own("mv", 0.0, 2.0, 8) + 0.8 * cars.noise("mv", 0.3, 8)
        joint = cars.own("mohm", 0.0, 0.02, 8) + 0.05 * cars.noise("mohm", 0.3, 8)
        rest[:, 3] -= mv_a_day * max(day - BEGINS, 0.0)
        joint[:, 3] += mohm * grown(day, 60.0)
        found = {f"cell_{at + 1}_mv": np.round(rest[:, at]) for at in range(8)}
        found |= {f"cell_{at + 1}_mohm": joint[:, at] for at in range(8)}
        return found | {"cell_rest_volts": 3.8 + 0.1 * cars.noise("volts", 0.7)}

    return year


def insulation(decades: float = 0.0, days: float = 90.0) -> Year:
    """Logarithm of the resistance, lower in the damp; it may fall."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        damp = np.clip(65.0 + 10.0 * np.cos(day / 58.0) + 12.0 * cars.noise("damp", 0.8), 15.0, 100.0)
        log = cars.own("log", 6.6, 0.1) + cars.own("per_cent", -0.005, 0.002) * (damp - 60.0)
        log = log + 0.08 * cars.noise("log", 0.3) - decades * grown(day, days)
        return {"insulation_log": log, "insulation_humidity": damp, "insulation_bus_volts": np.full(cars.n, 370.0)}

    return year


def heat(lost: float = 0.0, apart: float = 0.0) -> Year:
    """Heat made and taken away; cooling may fail, or modules drift apart."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        made = cars.rng.gamma(2.0, 1.5, cars.n)
        taken = cars.rng.uniform(0.2, 0.8, cars.n) * (1.2 + 0.45 * made)
        bad = grown(day, 60.0)
        rise = np.exp(cars.own("made", np.log(1.1), 0.2)) * made
        rise = rise - np.exp(cars.own("taken", np.log(1.4), 0.2)) * taken * (1.0 - lost * bad)
        rise = np.round(2.0 * (rise + 0.8 * cars.noise("rise", 0.4))) / 2.0
        spread = cars.own("apart", 1.5, 0.4) + 0.3 * cars.noise("apart", 0.3) + apart * bad
        return {"pack_heat_kaah": made, "pack_cooling_kh": taken, "pack_rise_k": rise, "pack_apart_k": spread,
                "pack_hottest_c": 30.0 + 4.0 * cars.noise("hot", 0.7)}  # fmt: skip

    return year


def electric_12v(volts: float = 0.0, sag: float = 0.0) -> Year:
    """A 12 V battery without a starter; it may lose its charge and gain resistance."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        bad, looks = grown(day, 90.0), 1.0 + cars.rng.poisson(1.0, cars.n)
        rest = cars.own("rest", 12.6, 0.06) + 0.06 * cars.noise("rest", 0.5) - volts * bad
        dip = np.abs(cars.own("sag", 0.6, 0.2) + 0.1 * cars.noise("sag", 0.4) + sag * bad)
        fed = cars.rng.binomial(looks.astype(int), 0.1).astype(float)
        return {"ev_parked": looks, "ev_topups": fed, "ev_rest_volts": np.where(fed < looks, rest, np.nan),
                "ev_sag_volts": dip}  # fmt: skip

    return year


def charges(loss_a_year: float) -> Year:
    """Charges twice a week of a battery that loses capacity; the state of charge errs by 1 %."""

    def year(day: float, cars: Cars) -> dict[str, np.ndarray]:
        part = np.where(cars.rng.random(cars.n) < 0.3, cars.rng.uniform(0.3, 0.8, cars.n), np.nan)
        health = cars.own("health", 0.93, 0.03) - loss_a_year * day / 365.0
        error = 0.01 * cars.rng.standard_normal((cars.n, 2))
        taken = 150.0 * health * (part + error[:, 0] - error[:, 1])
        return {"charged_ah": taken, "charged_percent": 100.0 * part, "charged_coldest": np.full(cars.n, 18.0),
                "bms_health_percent": 100.0 * cars.own("health", 0.93, 0.03)}  # fmt: skip

    return year
