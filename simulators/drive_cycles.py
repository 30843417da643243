"""Speed over time of a trip, made of micro-trips: idling, accelerating, cruising, braking. Seeded, so repeatable."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.parameters import Floats

START_IDLE_S = (8, 25)


@dataclass(frozen=True, slots=True)
class Style:
    """Ranges that a micro-trip is drawn from: cruising speed and length, idling, accelerations (SI units)."""

    cruise_mps: tuple[float, float]
    cruise_s: tuple[float, float]
    idle_s: tuple[float, float]
    up_mps2: tuple[float, float]
    down_mps2: tuple[float, float]


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "town": Style((6.0, 15.0), (8.0, 45.0), (3.0, 32.0), (0.6, 1.7), (0.7, 2.1)),
        "commute": Style((9.0, 23.0), (15.0, 90.0), (2.0, 20.0), (0.6, 1.6), (0.6, 1.8)),
        "motorway": Style((22.0, 33.0), (120.0, 400.0), (1.0, 6.0), (0.5, 1.2), (0.5, 1.2)),
    }
)
"""Kinds of driving (our choice, after the shape of published cycles)."""


def trip(style: Style, seconds: int, rng: np.random.Generator) -> Floats:
    """Speed in m/s, one value a second, starting and ending at rest; shape ``(seconds,)``."""
    parts = [np.zeros(int(rng.integers(*START_IDLE_S)))]
    while sum(map(len, parts)) < seconds:
        parts.append(_micro_trip(style, rng))
    speed = np.concatenate(parts)[:seconds]
    return _to_rest(speed)


def _micro_trip(style: Style, rng: np.random.Generator) -> Floats:
    top = rng.uniform(*style.cruise_mps)
    up = np.arange(1.0, top / rng.uniform(*style.up_mps2) + 1.0)
    down = np.arange(1.0, top / rng.uniform(*style.down_mps2) + 1.0)
    length = int(rng.uniform(*style.cruise_s))
    wander = _smooth(rng.normal(0.0, 1.0, length)) * 0.06 * top
    return np.concatenate(
        [
            top * up / len(up),
            np.maximum(top + wander, 1.0),
            top * (1.0 - down / len(down)),
            np.zeros(int(rng.uniform(*style.idle_s))),
        ]
    )


def _smooth(noise: Floats) -> Floats:
    width = min(9, len(noise))
    return np.convolve(noise, np.ones(width) / np.sqrt(width), mode="same") if width > 0 else noise


def _to_rest(speed: Floats) -> Floats:
    """Brakes at the end, so that a trip does not stop at speed."""
    limit = 1.4 * np.arange(len(speed) - 1, -1, -1.0)
    return np.minimum(speed, limit)
