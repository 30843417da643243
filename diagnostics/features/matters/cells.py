"""How each block of the traction battery deviates from the others: at rest, and with current.

At rest a block's voltage tells its charge, so a block that discharges itself falls behind day by day. With current the
deviation grows by the current times what its resistance has more than the others': a bad joint. Both against the
median of the blocks, so that charge, temperature and age of the whole cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import every, some
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

BLOCKS = tuple(range(1, len(s.BLOCK_VOLTAGES) + 1))
STILL_A = 3.0
"""Below it the voltage is that of rest: 3 A through 2 mOhm is 6 mV for all blocks alike (our choice)."""
LOADED_N = 12.0
"""Readings under load that make a slope (our choice)."""
LOADED_A = 10.0
"""The current must spread by so much (standard deviation) for a slope (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Deviations in mV at rest, and their products with the current."""
    volts = np.stack([view.value(path) for path in s.BLOCK_VOLTAGES], axis=1)
    fresh = np.stack([view.fresh(path) for path in s.BLOCK_VOLTAGES], axis=1)
    told = some(fresh) & every(~np.isnan(volts))
    middle = np.median(np.where(told[:, None], volts, 0.0), axis=1)
    current = view.held(s.TRACTION_CURRENT)
    rest = told & view.resting & ~(np.abs(current) > STILL_A)
    loaded = told & ~view.resting & ~view.charging & ~np.isnan(current)
    amperes = np.where(loaded, current, 0.0)
    values = {
        "cell_rest_n": view.only(rest),
        "cell_rest_volts": view.only(rest, middle),
        "cell_load_n": view.only(loaded),
        "cell_load_a": view.only(loaded, amperes),
        "cell_load_a2": view.only(loaded, amperes**2),
    }
    for number in BLOCKS:
        away = np.where(told, (volts[:, number - 1] - middle) * 1000.0, 0.0)
        values[f"cell_rest_{number}"] = view.only(rest, away)
        values[f"cell_load_{number}"] = view.only(loaded, away)
        values[f"cell_load_a_{number}"] = view.only(loaded, away * amperes)
    return values


def derive(sums: Sums) -> dict[str, Floats]:
    """By block: mean deviation at rest, mV; and its slope with current, mOhm (mV an ampere)."""
    rests, loads = np.maximum(sums["cell_rest_n"], 1.0), np.maximum(sums["cell_load_n"], 1.0)
    rested = sums["cell_rest_n"] > 0.0
    mean = sums["cell_load_a"] / loads
    spread = np.maximum(sums["cell_load_a2"] / loads - mean**2, 0.0)
    loaded = (sums["cell_load_n"] >= LOADED_N) & (spread >= LOADED_A**2)
    found = {"cell_rest_volts": np.where(rested, sums["cell_rest_volts"] / rests, np.nan)}
    for number in BLOCKS:
        found[f"cell_{number}_mv"] = np.where(rested, sums[f"cell_rest_{number}"] / rests, np.nan)
        together = sums[f"cell_load_a_{number}"] / loads - mean * sums[f"cell_load_{number}"] / loads
        found[f"cell_{number}_mohm"] = np.where(loaded, together / np.where(loaded, spread, 1.0), np.nan)
    return found


_SUMS = ("cell_rest_", "cell_load_", "cell_load_a_")
MATTER = Matter(
    name="cells",
    signals=(*s.BLOCK_VOLTAGES, s.TRACTION_CURRENT),
    measure=measure,
    derive=derive,
    needs=s.BLOCK_VOLTAGES,
    on=s.BLOCK_VOLTAGES,
    summed=(
        "cell_rest_n", "cell_rest_volts", "cell_load_n", "cell_load_a", "cell_load_a2",
        *(f"{name}{number}" for number in BLOCKS for name in _SUMS),
    ),
    features=("cell_rest_volts", *(f"cell_{number}_{unit}" for unit in ("mv", "mohm") for number in BLOCKS)),
    wakes=True,
)  # fmt: skip
