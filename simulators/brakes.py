"""Friction brakes: heat of the front discs, and pads that wear with the work they do, faster when hot.

Archard's law in its energy form: thickness lost is proportional to the work of friction. The discs are one lump of iron
with convection. Coefficients are our choice; wear doubles about every 110 K above 250 °C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.parameters import bounded

if TYPE_CHECKING:
    from simulators.parameters import Condition, FloatArray, Parameters

FRONT_SHARE = 0.72
DISC_J_PER_K = 8_200.0
NEW_PAD_MM = 11.5
BACKING_PLATE_MM = 0.3
J_PER_GJ = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """Disc temperature °C, thickness of the front pads mm, work done in J; arrays ``(n_vehicles,)``."""

    disc_c: FloatArray
    pad_mm: FloatArray
    work_j: FloatArray


def step_brakes(
    brakes: Brakes, braking_w: FloatArray, speed_mps: FloatArray, ambient_c: FloatArray,
    cars: Parameters, condition: Condition, dt_s: float,
) -> Brakes:  # fmt: skip
    """The brakes ``dt_s`` later."""
    front_j = FRONT_SHARE * braking_w * dt_s
    hotter = 1.0 + np.exp2(bounded((brakes.disc_c - 250.0) / 110.0, -8.0, 5.0))
    worn = cars.pad_mm_per_gj * condition.pad_wear * hotter * front_j / J_PER_GJ
    cooled_w = (9.0 + 2.6 * speed_mps) * (brakes.disc_c - ambient_c)
    return Brakes(
        disc_c=brakes.disc_c + (front_j - cooled_w * dt_s) / DISC_J_PER_K,
        pad_mm=np.maximum(BACKING_PLATE_MM, brakes.pad_mm - worn),
        work_j=brakes.work_j + braking_w * dt_s,
    )
