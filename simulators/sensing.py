"""What an OBD tester sees of a trip: raw integers at J1979 resolution, and only what its polling reads anew.

Each parameter is asked for in turn; slow ones every few seconds, so most rows hold only some of them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from vehicle import signals as s
from vehicle.signals import signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.parameters import Floats

PERIOD_S: Mapping[str, int] = MappingProxyType(
    {
        s.ENGINE_SPEED: 1, s.SPEED: 1, s.CONTROL_MODULE_VOLTAGE: 1, s.SHORT_TERM_FUEL_TRIM_1: 2, s.ENGINE_LOAD: 2,
        s.MAF: 2, s.MAP: 2, s.THROTTLE: 2, s.RUN_TIME: 1, s.LONG_TERM_FUEL_TRIM_1: 4, s.COOLANT_TEMPERATURE: 4,
        s.INTAKE_AIR_TEMPERATURE: 6, s.OIL_TEMPERATURE: 6, s.FUEL_SYSTEM_STATUS: 4, s.AMBIENT_AIR_TEMPERATURE: 15,
        s.BAROMETRIC_PRESSURE: 15, s.FUEL_LEVEL: 15, s.COMMANDED_EVAP: 6, s.ODOMETER: 15, s.CATALYST_TEMPERATURE_11: 6,
    }
)  # fmt: skip
"""Every how many seconds a parameter is read anew (our choice, of the size of DIAGNOSTICS' measured polling)."""


def quantise(path: str, values: Floats) -> list[int]:
    """Raw integers of physical values, kept within what the signal can have."""
    row = signal(path)
    raw = np.rint((values * row.denominator - row.offset) / row.numerator)
    kept: list[int] = np.clip(raw, row.raw_minimum, row.raw_maximum).astype(np.int64).tolist()
    return kept


def rows(columns: Mapping[str, Floats], present: Floats) -> list[dict[str, int]]:
    """A dictionary of raw values for each second; ``present`` is 1 where the ECU is awake, shape ``(seconds,)``."""
    seconds = len(present)
    found: list[dict[str, int]] = [{} for _ in range(seconds)]
    for offset, (path, values) in enumerate(columns.items()):
        period = PERIOD_S.get(path, 1)
        raw = quantise(path, values)
        for at in range(offset % period, seconds, period):
            if present[at] > 0.0:
                found[at][path] = raw[at]
    return found
