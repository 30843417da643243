"""Diagnostic trouble codes of cars (SAE J2012, ISO 15031-6) and trucks (SAE J1939-73), and their states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from vehicle.errors import DtcError, ObdDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CODE = re.compile(r"[PCBU][0-3][0-9A-F]{3}(-(?!00)[0-9A-F]{2})?")
_SPN_FMI = re.compile(r"SPN (0|[1-9]\d{0,5}) FMI (0|[1-9]\d?)")
_SYSTEMS = "PCBU"
LARGEST_SPN, LARGEST_FMI = (1 << 19) - 1, 31


class DtcState(StrEnum):
    """How sure the ECU is: seen once / confirmed / not erasable by a tool until its monitor passes.

    A unit of J1939 says instead whether the fault is there now (DM1) or was there and has gone (DM2).
    """

    PENDING = "pending"
    STORED = "stored"
    PERMANENT = "permanent"
    ACTIVE = "active"
    INACTIVE = "inactive"


SERVICE_OF_STATE: Mapping[DtcState, int] = MappingProxyType(
    {DtcState.STORED: 0x03, DtcState.PENDING: 0x07, DtcState.PERMANENT: 0x0A}
)
"""The OBD service that lists the codes of a state."""


class DtcStatus(IntFlag):
    """The status byte of UDS (ISO 14229-1, D.2)."""

    TEST_FAILED = 0x01
    TEST_FAILED_THIS_OPERATION_CYCLE = 0x02
    PENDING = 0x04
    CONFIRMED = 0x08
    TEST_NOT_COMPLETED_SINCE_LAST_CLEAR = 0x10
    TEST_FAILED_SINCE_LAST_CLEAR = 0x20
    TEST_NOT_COMPLETED_THIS_OPERATION_CYCLE = 0x40
    WARNING_INDICATOR_REQUESTED = 0x80


@dataclass(frozen=True, slots=True, order=True)
class Dtc:
    """A fault code such as ``P0420``, or ``C1234-4A`` where a failure type (SAE J2012-DA) other than 00 goes with it.

    Raises:
        DtcError: the text is not a code.
    """

    code: str

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise DtcError(self.code)

    def __str__(self) -> str:
        return self.code

    @property
    def base(self) -> str:
        """The five characters without failure type."""
        return self.code[:5]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The code in two bytes: two bits of system, two of first digit, three hex digits; a third is a failure type.

        Raises:
            ObdDataError: fewer or more bytes.
        """
        if len(data) not in (2, 3):
            raise ObdDataError("a trouble code", data, "2 or 3 bytes")
        failure = f"-{data[2]:02X}" if any(data[2:]) else ""
        return cls(f"{_SYSTEMS[data[0] >> 6]}{data[0] >> 4 & 3}{data[0] & 15:X}{data[1]:02X}{failure}")

    def to_bytes(self) -> bytes:
        """The two bytes of the code without failure type."""
        digits = int(self.base[1:], 16)
        return (_SYSTEMS.index(self.code[0]) << 14 | digits).to_bytes(2, "big")

    def to_three_bytes(self) -> bytes:
        """The bytes of the code with its failure type, as UDS has it."""
        return self.to_bytes() + bytes.fromhex(self.code[6:] or "00")


@dataclass(frozen=True, slots=True, order=True)
class SpnFmi:
    """A fault code of J1939 such as ``SPN 100 FMI 1``: which parameter (suspect parameter number), and how it fails.

    Raises:
        DtcError: a number outside the 19 bits of an SPN or the 5 of an FMI.
    """

    spn: int
    fmi: int

    def __post_init__(self) -> None:
        if not (0 <= self.spn <= LARGEST_SPN and 0 <= self.fmi <= LARGEST_FMI):
            raise DtcError(str(self))

    def __str__(self) -> str:
        return f"SPN {self.spn} FMI {self.fmi}"


def parse_code(text: str) -> Dtc | SpnFmi:
    """A code of a car or of a truck as people write it.

    Raises:
        DtcError: it is neither.
    """
    found = _SPN_FMI.fullmatch(text)
    return SpnFmi(int(found[1]), int(found[2])) if found else Dtc(text)


def decode_dtcs(data: bytes) -> tuple[Dtc, ...]:
    """Codes of a service 03, 07 or 0A answer on CAN: ``data`` is the count byte and two bytes a code.

    Pairs of zeroes, with which some ECUs fill up, are no codes.

    Raises:
        ObdDataError: fewer bytes than the count promises.
    """
    if not data or len(data) < 1 + 2 * data[0]:
        expected = f"{1 + 2 * data[0]} bytes for {data[0]} codes" if data else "a count"
        raise ObdDataError("the list of trouble codes", data, expected)
    pairs = (data[at : at + 2] for at in range(1, 1 + 2 * data[0], 2))
    return tuple(Dtc.from_bytes(pair) for pair in pairs if pair != b"\0\0")


def encode_dtcs(codes: Iterable[Dtc]) -> bytes:
    """Count byte and two bytes a code, as an ECU answers on CAN."""
    pairs = [code.to_bytes() for code in codes]
    return bytes([len(pairs)]) + b"".join(pairs)
