"""Trouble codes of SAE J1939-73: what DM1 (active) and DM2 (previously active) hold. Pure.

Two bytes of lamps come first, then four bytes a code. How its 19 bits of SPN lie in the first three depends on the
version of the standard that the unit was built by. Version 4 says so with the conversion method bit at 0; a unit with
the bit at 1 is of version 1, 2 or 3, which nothing on the bus tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError
from vehicle.dtc import SpnFmi

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODE_BYTES, _LAMP_BYTES = 4, 2
_METHOD_BIT, _COUNT_MASK = 0x80, 0x7F
_FILLERS = frozenset({b"\x00\x00\x00", b"\xff\xff\xff"})
"""SPN and FMI of no code: all zeroes by the standard, all ones of units that fill up."""


class Lamp(StrEnum):
    """What the driver sees; the position is that of its two bits, from the highest."""

    MALFUNCTION = "malfunction"
    RED_STOP = "red_stop"
    AMBER_WARNING = "amber_warning"
    PROTECT = "protect"


class LampState(StrEnum):
    """A lamp; flashing once a second is slow, twice is fast."""

    OFF = "off"
    ON = "on"
    SLOW_FLASH = "slow_flash"
    FAST_FLASH = "fast_flash"
    UNKNOWN = "unknown"
    """The unit does not say, or says what the standard reserves."""


class Version(IntEnum):
    """Which of the four ways an SPN is written; 1 to 3 share a method bit of 1."""

    FIRST = 1
    """Highest bits first."""
    SECOND = 2
    """The upper 16 bits lowest byte first, then the lowest three."""
    THIRD = 3
    """Lowest byte first, as in version 4."""
    FOURTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A code as a unit tells it; ``count`` is how often it came (127: not told)."""

    code: SpnFmi
    count: int
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a DM1 or DM2 says."""

    lamps: Mapping[Lamp, LampState]
    faults: tuple[Fault, ...]


def diagnosis(data: bytes, older: Version = Version.THIRD) -> Diagnosis:
    """What a DM1 or DM2 says.

    Args:
        data: its data, out of one frame or of several packets; bytes behind the last whole code are filling.
        older: the version of codes whose method bit is 1.

    Raises:
        GarbledAnswerError: no room for lamps and one code.
    """
    if len(data) < _LAMP_BYTES + _CODE_BYTES:
        raise GarbledAnswerError("a DM1 or DM2", data, "lamps and a code take 6 bytes")
    parts = (data[at : at + _CODE_BYTES] for at in range(_LAMP_BYTES, len(data) - _CODE_BYTES + 1, _CODE_BYTES))
    faults = tuple(fault(part, older) for part in parts if part[:3] not in _FILLERS)
    return Diagnosis(lamps=lamps(data[0], data[1]), faults=faults)


def lamps(states: int, flashing: int) -> dict[Lamp, LampState]:
    """The four lamps in the two bytes before the codes."""
    shifts = range(6, -1, -2)
    return {lamp: _lamp(states >> at & 3, flashing >> at & 3) for lamp, at in zip(Lamp, shifts, strict=True)}


def _lamp(state: int, flash: int) -> LampState:
    if state != 1:
        return LampState.UNKNOWN if state else LampState.OFF
    return {0: LampState.SLOW_FLASH, 1: LampState.FAST_FLASH}.get(flash, LampState.ON)


def fault(part: bytes, older: Version = Version.THIRD) -> Fault:
    """The code in four bytes."""
    version = older if part[3] & _METHOD_BIT else Version.FOURTH
    code = SpnFmi(_spn(part, version), part[2] & 0x1F)
    return Fault(code=code, count=part[3] & _COUNT_MASK, version=version)


def _spn(part: bytes, version: Version) -> int:
    first, second, three = part[0], part[1], part[2] >> 5
    if version is Version.FIRST:
        return first << 11 | second << 3 | three
    if version is Version.SECOND:
        return second << 11 | first << 3 | three
    return three << 16 | second << 8 | first
