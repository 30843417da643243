"""Speed over time, made of micro-trips: stretches from standstill to standstill.

Each style has a speed that is aimed at, lengths of stretches and stops, and how hard the driver accelerates and
brakes. The numbers give the mean speeds and shares of standstill of published cycles of the kind (town as the urban
phase of WLTC, 19 km/h and a fifth standing; motorway as its extra-high phase); they are our choice, not those cycles.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.parameters import FloatArray

KMH = 3.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one drives on a kind of road; pairs are (mean, sd) or (least, most)."""

    target_kmh: tuple[float, float]
    cruise_s: tuple[float, float]
    stop_s: tuple[float, float]
    accelerate_mps2: float
    brake_mps2: float
    wander_kmh: float
    flow: float
    """Chance that a stretch ends at a lower speed instead of a standstill."""


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "town": Style(
            target_kmh=(38, 9), cruise_s=(6, 45), stop_s=(4, 34), accelerate_mps2=0.9, brake_mps2=1.1,
            wander_kmh=2.2, flow=0.25,
        ),
        "commute": Style(
            target_kmh=(62, 16), cruise_s=(15, 110), stop_s=(3, 26), accelerate_mps2=0.85, brake_mps2=1.0,
            wander_kmh=2.6, flow=0.55,
        ),
        "motorway": Style(
            target_kmh=(112, 10), cruise_s=(120, 420), stop_s=(2, 12), accelerate_mps2=0.8, brake_mps2=0.9,
            wander_kmh=3.0, flow=0.93,
        ),
        "courier": Style(
            target_kmh=(47, 9), cruise_s=(4, 26), stop_s=(5, 25), accelerate_mps2=1.35, brake_mps2=1.9,
            wander_kmh=2.0, flow=0.3,
        ),
    }
)  # fmt: skip


def drive_cycle(style: Style, duration_s: int, rng: np.random.Generator) -> FloatArray:
    """Speed in m/s at each second, ``(duration_s,)``, from standstill to standstill."""
    stretches = [np.zeros(int(rng.integers(3, 12)))]
    speed, length = 0.0, len(stretches[0])
    while length < duration_s:
        stretch, speed = _stretch(style, speed, rng)
        stretches.append(stretch)
        length += len(stretch)
    return _come_to_rest(np.concatenate(stretches)[:duration_s], style)


def _stretch(style: Style, speed: float, rng: np.random.Generator) -> tuple[FloatArray, float]:
    target = max(12.0, rng.normal(*style.target_kmh)) / KMH
    harder = rng.lognormal(0.0, 0.18)
    change = _ramp(speed, target, style.accelerate_mps2 if target > speed else style.brake_mps2, harder)
    cruise = _cruise(target, int(rng.uniform(*style.cruise_s)), style.wander_kmh / KMH, rng)
    if rng.random() < style.flow:
        end = target * rng.uniform(0.55, 0.9)
        return np.concatenate([change, cruise, _ramp(target, end, style.brake_mps2, harder)]), end
    stop = np.zeros(int(rng.uniform(*style.stop_s)))
    return np.concatenate([change, cruise, _ramp(target, 0.0, style.brake_mps2, harder), stop]), 0.0


def _ramp(start: float, end: float, rate_mps2: float, harder: float) -> FloatArray:
    """From one speed to another, gently at both ends; acceleration falls with speed as the engine's reserve does."""
    slower = 1.0 + end / 32.0 if end > start else 1.0
    seconds = max(2, int(abs(end - start) * slower / (rate_mps2 * harder)))
    share = (np.arange(seconds) + 1.0) / seconds
    return start + (end - start) * (0.55 * share + 0.45 * (3.0 - 2.0 * share) * share**2)


def _cruise(target: float, seconds: int, wander: float, rng: np.random.Generator) -> FloatArray:
    """About a speed, as people hold it: slow waves of random phase that begin and end at it."""
    if seconds < 1:
        return np.zeros(0)
    time_s = np.arange(seconds)
    waves = sum(
        np.sin(2 * np.pi * time_s / period + rng.uniform(0, 2 * np.pi)) * rng.normal(0.0, wander) / np.sqrt(2.0)
        for period in rng.uniform(14.0, 75.0, 2)
    )
    window = np.minimum(1.0, np.minimum(time_s, seconds - 1 - time_s) / 6.0)
    held: FloatArray = np.maximum(0.0, target + waves * window)
    return held


def _come_to_rest(speed: FloatArray, style: Style) -> FloatArray:
    """The same, but braked in time to stand in the last two seconds."""
    left = np.maximum(0.0, len(speed) - 3.0 - np.arange(len(speed)))
    braked: FloatArray = np.minimum(speed, style.brake_mps2 * left)
    return braked
