"""The voltage with the engine on: what the alternator can do, how restless it is, how often it is told."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import steadiness
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

VOLT_FLOOR, VOLT_STEP, BINS = 9.6, 0.1, 64
"""Histogram of the running voltage, V: finer than the 0.13 V by which trips of one healthy car differ."""
CHARGING_MS = 120_000
"""After the start the battery takes its charge back; the voltage is judged later (our choice)."""
MIN_VOLTS = 60
"""Readings that make an upper quantile of the voltage (our choice)."""
UPPER = 0.9
"""Quantile of the running voltage that stands for what the alternator can do: smart ones are low for long
stretches."""


def measure(view: View) -> dict[str, Floats]:
    """Running voltages, V."""
    late = view.running & (view.elapsed_ms >= CHARGING_MS)
    volts = view.read(s.CONTROL_MODULE_VOLTAGE, late)
    with np.errstate(invalid="ignore"):
        cells = np.clip(np.floor((volts - VOLT_FLOOR) / VOLT_STEP), 0, BINS - 1)
    return {
        "charging_n": view.only(view.fresh(s.CONTROL_MODULE_VOLTAGE) & late),
        "volts_high": volts,
        "volts_low": volts,
        "volts_path": steadiness.path(view, s.CONTROL_MODULE_VOLTAGE, late),
        "volts_answers": steadiness.answers(view, s.CONTROL_MODULE_VOLTAGE),
        "volts": cells,
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """The upper quantile, V; jitter in V a reading; and the share of answers."""
    return {
        "charging_volts": _upper(sums.histogram("volts")),
        "volts_jitter": steadiness.jitter(sums, "volts_path", "volts_high", "volts_low", "charging_n"),
        "volts_share": steadiness.share(sums, "volts_answers"),
    }


def _upper(volts: Floats) -> Floats:
    """The upper quantile of the voltage, interpolated within its step of the histogram; NaN with few readings."""
    total = volts.sum(axis=1)
    target = UPPER * total
    upto = np.cumsum(volts, axis=1)
    cell = np.argmax(upto >= target[:, None], axis=1)
    inside = np.take_along_axis(volts, cell[:, None], axis=1)[:, 0]
    below = np.take_along_axis(upto, cell[:, None], axis=1)[:, 0] - inside
    share = (target - below) / np.maximum(inside, 1)
    upper = VOLT_FLOOR + VOLT_STEP * (cell + share)
    return np.where(total >= MIN_VOLTS, upper, np.nan)


MATTER = Matter(
    name="voltage",
    signals=(s.CONTROL_MODULE_VOLTAGE,),
    needs=(s.CONTROL_MODULE_VOLTAGE,),
    on=(s.CONTROL_MODULE_VOLTAGE,),
    measure=measure,
    derive=derive,
    summed=("charging_n", "volts_path", "volts_answers"),
    largest=("volts_high",),
    least=("volts_low",),
    histograms=MappingProxyType({"volts": BINS}),
    features=("charging_volts", "volts_jitter", "volts_share"),
)
