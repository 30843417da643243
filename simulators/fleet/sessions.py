"""What the cars of a block are to do: drives and charges, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices

DRIVE, CHARGE = 0, 1
WINDOW_S = 30
"""Drives last whole windows: nobody then waits for the others of the block."""
CHARGE_STEP_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Drives and charges of a block within a chunk of time: ``(m,)`` each, sorted by vehicle, then by time.

    ``segment`` is the row of the table of traces where the drive begins, ``windows`` how many rows it takes (a charge:
    windows of 30 steps of a minute). ``pace`` multiplies the speed of the trace, ``hill`` is the row of the table of
    hills, ``hilliness`` multiplies it, ``slope`` is added.
    """

    vehicle: Indices
    """Index within the block."""
    start_ms: Indices
    kind: npt.NDArray[np.int8]
    segment: Indices
    windows: Indices
    pace: Floats
    hill: Indices
    hilliness: Floats
    slope: Floats
    ambient_c: Floats
    baro_kpa: Floats
    humidity: Floats
    rested_c: Floats
    """Mean temperature of the air while the car stood before it."""
    wet: Floats
    night: Floats
    payload_kg: Floats
    tow_kg: Floats
    air_conditioning: Floats
    heater: Floats
    consumers_w: Floats
    charger_w: Floats
    charge_to: Floats

    def __len__(self) -> int:
        return len(self.vehicle)

    def lasts_ms(self) -> Indices:
        """How long each lasts."""
        step_s = np.where(self.kind == CHARGE, CHARGE_STEP_S, 1)
        lasts: Indices = self.windows * WINDOW_S * step_s * 1000
        return lasts
