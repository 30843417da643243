"""The coolant: how it warms, where it settles, how restless its sensor is, how often it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import steadiness
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

SETTLED_KPH = 20.0
"""Only a moving car cools enough to show a thermostat that stays open (our choice)."""
MIN_SETTLED = 12
"""Readings that make the mean of the settled coolant, which moves slowly (our choice)."""
STILL_RISING_K = 3.0
"""A last reading so far above the mean since settling was due tells of an engine still warming (our choice)."""
STILL_RISING_K_PER_MIN = 1.0
"""So does a straight line through the readings that rises by this; a trip that ends soon after cannot show 3 K (our
choice: a warm-up in town rises by 2 to 5 K a minute, what a thermostat holds by nothing)."""
MIN_SETTLED_SPAN_MIN = 1.5
"""Minutes that the readings must span for their line to mean anything, whole degrees as they are (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Readings of the coolant, degC, and which of them count as settled."""
    ran, running = view.fresh(s.COOLANT_TEMPERATURE) & view.running, view.running
    read, on = view.read(s.COOLANT_TEMPERATURE), view.read(s.COOLANT_TEMPERATURE, running)
    cold_k = np.maximum(0.0, view.parameter("settle_cold_c") - np.nan_to_num(view.first(read, "coolant_first")))
    settle_s = view.parameter("settle_after_s") + view.parameter("settle_s_per_k") * cold_k
    minutes = view.elapsed_ms / 60_000.0 - settle_s / 60.0
    settled = ran & (minutes >= 0.0) & (view.held(s.SPEED) >= SETTLED_KPH)
    gate = view.gate(settled)
    return {
        "coolant_n": view.only(ran),
        "coolant_first": read,
        "coolant_last": read,
        "coolant_max": on,
        "coolant_min": on,
        "coolant_path": steadiness.path(view, s.COOLANT_TEMPERATURE, running),
        "coolant_answers": steadiness.answers(view, s.COOLANT_TEMPERATURE),
        "settled_n": gate + 1.0,
        "settled_sum": gate + view.value(s.COOLANT_TEMPERATURE),
        "settled_min": gate + minutes,
        "settled_min_2": gate + minutes**2,
        "settled_min_c": gate + minutes * view.value(s.COOLANT_TEMPERATURE),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Range, settled temperature, jitter in K a reading, and the share of answers."""
    return {
        "coolant_range": sums["coolant_max"] - sums["coolant_min"],
        "settled_c": _settled(sums, sums.mean("settled_sum", "settled_n", MIN_SETTLED)),
        "coolant_jitter": steadiness.jitter(sums, "coolant_path", "coolant_max", "coolant_min", "coolant_n"),
        "coolant_share": steadiness.share(sums, "coolant_answers"),
    }


def _settled(sums: Sums, mean: Floats) -> Floats:
    """The mean once warmed up; NaN where the coolant was or may have been still rising, or never moved at all."""
    slope, span = _line(sums)
    rising = (sums["coolant_last"] - mean > STILL_RISING_K) | (slope > STILL_RISING_K_PER_MIN)
    dead = sums["coolant_max"] - sums["coolant_min"] <= 0.0
    return np.where(rising | dead | (span < MIN_SETTLED_SPAN_MIN), np.nan, mean)


def _line(sums: Sums) -> tuple[Floats, Floats]:
    """Least squares through the settled coolant: K a minute, and the minutes that evenly spread readings span."""
    n = np.maximum(sums["settled_n"], 1.0)
    middle = sums["settled_min"] / n
    variance = np.maximum(0.0, sums["settled_min_2"] / n - middle**2)
    together = sums["settled_min_c"] / n - middle * sums["settled_sum"] / n
    return together / np.maximum(variance, 1e-9), np.sqrt(12.0 * variance)


MATTER = Matter(
    name="coolant",
    signals=(s.COOLANT_TEMPERATURE, s.SPEED),
    needs=(s.COOLANT_TEMPERATURE,),
    on=(s.COOLANT_TEMPERATURE,),
    measure=measure,
    derive=derive,
    summed=(
        "coolant_n", "coolant_path", "coolant_answers",
        "settled_n", "settled_sum", "settled_min", "settled_min_2", "settled_min_c",
    ),
    largest=("coolant_max",),
    least=("coolant_min",),
    first=("coolant_first",),
    last=("coolant_last",),
    features=(
        "coolant_first", "coolant_last", "coolant_max", "coolant_range", "coolant_n", "settled_c",
        "coolant_jitter", "coolant_share",
    ),
    parameters=("settle_cold_c", "settle_after_s", "settle_s_per_k"),
)  # fmt: skip
