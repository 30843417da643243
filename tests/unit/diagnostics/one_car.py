"""Drives of one car, and what it is told over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.trips import FEATURES, Trips
from diagnostics.platforms import kind_of, parameters_of, read_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from diagnostics.detector import Detector

START_MS, DAY_MS = 1_750_000_000_000, 86_400_000
KIND = kind_of("", "")
CLEARED = "cleared"


def told(detector: Detector, drives: Iterable[Mapping[str, float]], *, a_day: int = 3) -> list[str]:
    """What one car is told, in order, over drives that have these features and no others."""
    return [word for word in life(detector, drives, a_day=a_day) if word != CLEARED]


def life(detector: Detector, drives: Iterable[Mapping[str, float]], *, a_day: int = 3) -> list[str]:
    """The same with :data:`CLEARED` where what was told is taken back."""
    state, p = detector.initial(1), parameters_of(read_platforms(), [KIND])
    found: list[str] = []
    for number, drive in enumerate(drives):
        values = np.full((1, len(FEATURES)), np.nan)
        at = START_MS + number * DAY_MS // a_day
        for name, value in ({"started_ms": at, "ended_ms": at + 1_200_000} | dict(drive)).items():
            values[0, FEATURES.index(name)] = value
        judgement, state = detector.step(Trips(vehicle=np.zeros(1, dtype=np.int64), values=values), state, p)
        found += [detector.causes[cause].key for cause in judgement.raised.tolist() if cause >= 0]
        found += [CLEARED] * int(judgement.cleared.sum())
    return found


def tyres(kpa: tuple[float, ...], n: int, *, leak: float = 0.0, seed: int = 0) -> list[dict[str, float]]:
    """Cold readings of four tyres, the rear left losing air."""
    draw = np.random.default_rng(seed)
    names = ("fl", "fr", "rl", "rr")
    return [
        {f"tyre_{name}_kpa": each - leak * at * (name == "rl") + draw.normal(0.0, 1.5)
         for name, each in zip(names, kpa, strict=True)}
        | {"tyre_compensated": 1.0, "soak_s": 30_000.0}
        for at in range(n)
    ]  # fmt: skip


def late(readings: list[dict[str, float]], share: float, seed: int) -> list[dict[str, float]]:
    """Cold readings, of which a share is that of the tyre as it was when the last drive ended, 20 to 30 kPa warmer."""
    draw = np.random.default_rng(seed)
    return [
        {name: value + draw.uniform(20.0, 30.0) * (name.endswith("_kpa") and draw.random() < share)
         for name, value in one.items()}
        for one in readings
    ]  # fmt: skip


def stops(n: int, a_minute: float, seed: int) -> list[dict[str, float]]:
    """Drives of 5 to 30 minutes of an engine that stops, dry at so many readings a minute, more in town.

    Between them it has 150 kPa, as its hot idle shows.
    """
    rng = np.random.default_rng(seed)
    minutes, town = rng.uniform(5.0, 30.0, n), np.exp(rng.normal(0.0, 0.4, n))
    dry = rng.poisson(a_minute * town * minutes).astype(float)
    return [
        {"running_s": 60.0 * each, "oil_pressure_low": count, "idle_oil_pressure": 5.0}
        for each, count in zip(minutes.tolist(), dry.tolist(), strict=True)
    ]


def boosts(gap: float, air: float, control: float, n: int) -> list[dict[str, float]]:
    """Drives under boost: kPa missing, logarithm of the air beyond what the cylinders take, points of the actuator."""
    return [{"boost_gap": gap, "charge_air_excess": air, "boost_control": control} for _ in range(n)]


def nights(n: int, **changed: float) -> list[dict[str, float]]:
    """Starts after a night at 10 degC and 100 kPa."""
    keys = {f"key_{name}_c": 10.0 for name in ("ambient", "intake", "oil", "coolant")}
    start = {"soak_s": 36_000.0, "rest_volts": 12.6, "key_manifold_kpa": 100.0, "key_baro_kpa": 100.0}
    return [keys | start | changed for _ in range(n)]
