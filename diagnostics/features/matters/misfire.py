"""Misfires by cylinder as the engine computer counts them: the mean of its last ten drives, read once a drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

CYLINDERS = tuple(f"misfire_{number}" for number in range(1, len(s.MISFIRES) + 1))


def measure(view: View) -> dict[str, Floats]:
    """The counts where they were read."""
    return {name: view.value(path) for name, path in zip(CYLINDERS, s.MISFIRES, strict=True)}


def derive(sums: Sums) -> dict[str, Floats]:
    """Together: NaN where none was read."""
    counts = np.stack([sums[name] for name in CYLINDERS], axis=1)
    told = ~np.isnan(counts).all(axis=1)
    return {"misfires": np.where(told, np.nansum(counts, axis=1), np.nan)}


MATTER = Matter(
    name="misfire",
    signals=s.MISFIRES,
    needs=s.MISFIRES,
    on=s.MISFIRES,
    last=CYLINDERS,
    features=("misfires", *CYLINDERS),
    measure=measure,
    derive=derive,
)
