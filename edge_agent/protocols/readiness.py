"""Readiness of the emission monitors: the four bytes of service 01 PID 01 (SAE J1979, ISO 15031-5 table B.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vehicle.errors import ObdDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS_PID = 0x01
STATUS_BYTES = 4
CONTINUOUS = ("misfire", "fuel_system", "components")
SPARK = (
    "catalyst", "heated_catalyst", "evaporative_system", "secondary_air", "air_conditioning", "oxygen_sensor",
    "oxygen_sensor_heater", "egr_vvt",
)  # fmt: skip
COMPRESSION = (
    "nmhc_catalyst", "nox_aftertreatment", "", "boost_pressure", "", "exhaust_gas_sensor", "particulate_filter",
    "egr_vvt",
)  # fmt: skip
"""Names by bit; an empty one is reserved."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The malfunction lamp, how many codes are stored, and by supported monitor whether it has completed."""

    lamp: bool
    codes: int
    compression: bool
    complete: Mapping[str, bool]


def readiness(data: bytes) -> Readiness:
    """What the four bytes say.

    Raises:
        ObdDataError: not four bytes.
    """
    if len(data) != STATUS_BYTES:
        raise ObdDataError("PID 01 of service 01", data, f"{STATUS_BYTES} bytes")
    first, second, supported, open_ = data
    compression = bool(second & 0x08)
    complete = {name: not second >> bit + 4 & 1 for bit, name in enumerate(CONTINUOUS) if second >> bit & 1}
    for bit, name in enumerate(COMPRESSION if compression else SPARK):
        if name and supported >> bit & 1:
            complete[name] = not open_ >> bit & 1
    return Readiness(bool(first & 0x80), first & 0x7F, compression, complete)
