"""Lithium-ion cells: voltage at rest over the charge, resistance, and how they age.

Curves at rest are drawn by hand after the shape that data sheets of nickel-manganese-cobalt and iron-phosphate cells
show. Resistance grows exponentially with cold and rises when the cell is nearly empty. Ageing while standing goes with
the root of time, doubles about every 15 K and is faster the fuller the cell; ageing by use goes with the charge moved.
The coefficients are our choice, such that a car loses 8 to 12 % in eight years and 160 000 km.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats

STEPS = 256
NICKEL = (
    (0.0, 2.98), (0.03, 3.24), (0.07, 3.41), (0.13, 3.49), (0.22, 3.56), (0.35, 3.615), (0.46, 3.662), (0.55, 3.735),
    (0.64, 3.83), (0.75, 3.938), (0.87, 4.055), (0.95, 4.125), (1.0, 4.185),
)  # fmt: skip
IRON = (
    (0.0, 2.62), (0.02, 2.93), (0.05, 3.105), (0.1, 3.2), (0.18, 3.238), (0.29, 3.276), (0.4, 3.291), (0.58, 3.296),
    (0.64, 3.312), (0.7, 3.329), (0.88, 3.333), (0.96, 3.341), (0.985, 3.37), (1.0, 3.445),
)  # fmt: skip
NICKEL_WITHIN_V = (2.8, 4.2)
IRON_WITHIN_V = (2.4, 3.6)
RESISTANCE_PER_K = 0.027
COLDEST_C, WARMEST_C = -25.0, 50.0
EMPTY_CHARGE = 0.07
YEAR_S = 31_557_600.0
STANDING_LOSS = 0.034
"""Capacity lost in the first year of standing at 25 °C and half full."""
STANDING_PER_K = 0.046
PER_CYCLE = 1.3e-4
"""Capacity lost by a full charge and discharge at 25 °C."""
RESISTANCE_PER_LOSS = 3.0
"""Growth of the resistance with the lost capacity, both as parts of the new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Voltage of a cell at rest at ``STEPS`` + 1 charges from 0 to 1, the rise to the next, and its allowed range."""

    values: tuple[Floats, Floats]
    lowest_v: float
    highest_v: float
    is_flat: bool
    """Whether a cell's charge can hardly be told from its voltage."""


def nickel() -> Curve:
    """Nickel, manganese, cobalt over graphite."""
    return _curve(NICKEL, NICKEL_WITHIN_V, is_flat=False)


def iron() -> Curve:
    """Iron phosphate over graphite."""
    return _curve(IRON, IRON_WITHIN_V, is_flat=True)


def _curve(points: tuple[tuple[float, float], ...], within_v: tuple[float, float], *, is_flat: bool) -> Curve:
    charge, volts = zip(*points, strict=True)
    table = floats(np.interp(np.arange(STEPS + 2) / STEPS, charge, volts))
    return Curve(
        values=(table[:-1], np.diff(table)), lowest_v=within_v[0], highest_v=within_v[1], is_flat=is_flat
    )  # fmt: skip


def rest_v(charge: Floats, curve: Curve) -> Floats:
    """Voltage at rest of cells of any shape; charges beyond 0 to 1 read as the end of the curve."""
    place = charge * np.float32(STEPS)
    np.minimum(place, np.float32(STEPS), out=place)
    np.maximum(place, np.float32(0.0), out=place)
    below = np.floor(place)
    place -= below
    step = below.astype(np.int32)
    table, rises = curve.values
    place *= rises.take(step)
    place += table.take(step)
    return place


def resistance(charge: Floats, cell_c: Floats) -> Floats:
    """Resistance of cells against that at 25 °C and half full."""
    bounded = np.minimum(np.maximum(cell_c, np.float32(COLDEST_C)), np.float32(WARMEST_C))
    cold = floats(np.exp((np.float32(25.0) - bounded) * np.float32(RESISTANCE_PER_K)))
    empty = np.exp(charge * np.float32(-1.0 / EMPTY_CHARGE))
    cold += cold * empty
    return cold


def standing_loss(lost: Floats, charge: Floats, cell_c: Floats, seconds: Floats) -> Floats:
    """Part of the capacity that has gone by standing after ``seconds`` more; ``lost`` what had gone before."""
    rate = STANDING_LOSS * np.exp(STANDING_PER_K * (cell_c - 25.0)) * (0.55 + 0.9 * charge * charge)
    return floats(np.sqrt(lost * lost + rate * rate * seconds / YEAR_S))


def cycling_loss(moved: Floats, cell_c: Floats) -> Floats:
    """Part of the capacity that ``moved`` (absolute charge moved over capacity) takes; more when cold or hot."""
    strain = 1.0 + 0.03 * np.maximum(0.0, 12.0 - cell_c) + 0.03 * np.maximum(0.0, cell_c - 33.0)
    return floats(0.5 * PER_CYCLE * moved * strain)
