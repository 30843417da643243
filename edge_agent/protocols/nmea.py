"""Sentences of a GNSS receiver (NMEA 0183): where it is, how high, where it heads. Pure.

``RMC`` says whether the position holds, and the course; ``GGA`` the height above the sea. Any constellation's talker
(GP, GN, GL, BD …) is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor

_LONGEST = 128
"""A sentence has at most 82 characters; receivers add some (our choice)."""
_RMC_FIELDS, _GGA_FIELDS = 9, 10
_HELD, _NO_FIX = "A", "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What one sentence says; degrees north and east, metres above the sea, degrees from north; None: not said."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    heading: float | None = None


def fix(line: bytes) -> Fix | None:
    """The fix in a line; None if it holds none, is of another kind, or is broken."""
    fields = _fields(line)
    kind = fields[0][2:] if fields else ""
    try:
        if kind == "RMC" and len(fields) > _RMC_FIELDS and fields[2] == _HELD:
            latitude, longitude = _place(fields[3:7])
            return Fix(latitude=latitude, longitude=longitude, heading=float(fields[8]) if fields[8] else None)
        if kind == "GGA" and len(fields) > _GGA_FIELDS and fields[6] not in {"", _NO_FIX}:
            latitude, longitude = _place(fields[2:6])
            height = float(fields[9]) if fields[9] else None
            return Fix(latitude=latitude, longitude=longitude, altitude_m=height)
    except (ValueError, OverflowError):
        return None
    return None


def _fields(line: bytes) -> list[str]:
    """The words of a sentence whose checksum is right."""
    text = line.strip().decode("ascii", "replace")
    body, star, check = text[1:].partition("*")
    if len(text) > _LONGEST or not text.startswith("$") or not star or not body.isascii():
        return []
    return body.split(",") if check.upper() == f"{reduce(xor, body.encode('ascii'), 0):02X}" else []


def _place(words: list[str]) -> tuple[float, float]:
    latitude = _angle(words[0], 90) * {"N": 1, "S": -1}.get(words[1], 0)
    longitude = _angle(words[2], 180) * {"E": 1, "W": -1}.get(words[3], 0)
    if not all(words):
        raise ValueError(words)
    return latitude, longitude


def _angle(text: str, most: int) -> float:
    """Degrees out of degrees and minutes written together, as 5231.1234."""
    if not text.replace(".", "", 1).isdecimal():
        raise ValueError(text)
    degrees, minutes = divmod(float(text), 100)
    angle = degrees + minutes / 60
    if minutes >= 60 or angle > most:  # noqa: PLR2004  minutes of a degree
        raise ValueError(text)
    return angle
