"""Identifiers of SAE J1939 (J1939-21, 5.2): priority, parameter group, source and destination in 29 bits. Pure."""

from __future__ import annotations

from dataclasses import dataclass

EVERYONE = 0xFF
"""The global destination address."""
ANY_SOURCE = 0xFE
"""The null address, which DBC files write where the source does not matter."""
PDU2 = 240
"""From this PDU format on, the PDU specific byte belongs to the parameter group; below it is the destination."""
DM1, DM2 = 0xFECA, 0xFECB
"""Active and previously active trouble codes (SAE J1939-73, 5.7.1 and 5.7.2)."""
VEHICLE_IDENTIFICATION = 0xFEEC
"""The VIN, ended by ``*`` (SAE J1939-71)."""
TP_CM, TP_DT = 0xEC00, 0xEB00
"""Connection management and data transfer of the transport protocol (SAE J1939-21, 5.10)."""
PGN_MASK, SOURCE_MASK = 0x03FF_FF00, 0xFF
DESTINATION_MASK = 0xFF00
_HIGHEST_VALID = 0xFA
"""Highest byte of the largest number that is a value; above are errors and "not available" (J1939-71, 5.1.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an identifier says; ``destination`` is 255 for everyone, ``pgn`` has 18 bits."""

    priority: int
    pgn: int
    source: int
    destination: int = EVERYONE

    @property
    def identifier(self) -> int:
        """The 29 bits."""
        specific = self.destination << 8 if is_addressed(self.pgn) else 0
        return self.priority << 26 | self.pgn << 8 | specific | self.source


def is_addressed(pgn: int) -> bool:
    """Whether messages of a parameter group go to one address (PDU1); others go to all (PDU2)."""
    return pgn >> 8 & 0xFF < PDU2


def header(identifier: int) -> Header:
    """What a 29-bit identifier says."""
    pgn = identifier >> 8 & 0x3FFFF
    priority, source = identifier >> 26 & 7, identifier & 0xFF
    if is_addressed(pgn):
        return Header(priority=priority, pgn=pgn & ~0xFF, source=source, destination=pgn & 0xFF)
    return Header(priority=priority, pgn=pgn, source=source)


def group(identifier: int, source: int | None = None) -> int:
    """An identifier without what does not tell messages apart: priority and destination; of ``source`` if given."""
    addressed = identifier >> 16 & 0xFF < PDU2
    kept = identifier & (PGN_MASK & ~DESTINATION_MASK if addressed else PGN_MASK)
    return kept | (identifier & SOURCE_MASK if source is None else source)


def largest_value(bits: int) -> int:
    """The largest raw number of so many bits that is a value; larger ones say "error" or "not available".

    Of two bits 2 is an error and 3 "not available"; of whole bytes all from FB on in the highest byte mean something
    else than a value; of other sizes only all ones do (SAE J1939-71, 5.1.4).
    """
    if bits == 2:  # noqa: PLR2004  a two-bit state
        return 1
    if bits % 8 == 0:
        return (_HIGHEST_VALID + 1 << bits - 8) - 1
    return (1 << bits) - (2 if bits > 1 else 1)
