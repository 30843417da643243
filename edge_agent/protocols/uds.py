"""Reading by UDS (ISO 14229-1): data by identifier (22) and trouble codes (19), as bytes without their transport.

OBD on UDS (SAE J1979-2, ISO 27145-3 before it) keeps what services 01, 06 and 09 tell under identifiers F4xx, F6xx and
F8xx, and its codes under functional group 33 of service 19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError
from vehicle.dtc import Dtc, DtcState, DtcStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READ_DATA, READ_CODES = 0x22, 0x19
OBD_PID, OBD_MONITOR, OBD_INFORMATION = 0xF400, 0xF600, 0xF800
"""Identifiers of what services 01, 06 and 09 know by one byte, which is the lower one here."""
IDENTIFICATION = range(0xF180, 0xF1A0)
"""What a unit is: VIN, part numbers, versions (ISO 14229-1, annex C.1)."""
EMISSIONS = 0x33
"""The functional group of emission-related codes (ISO 14229-1, annex D)."""
BY_STATUS, BY_SEVERITY, PERMANENT = 0x02, 0x42, 0x55
"""Sub-functions of service 19: codes by status mask; of a functional group by status and severity; permanent ones."""
ALL_SEVERITIES = 0x1E
"""Each severity and class of a code in a request by severity (ISO 14229-1, D.3)."""
CODE_READS = frozenset({BY_STATUS, BY_SEVERITY, PERMANENT})
MOST_IDENTIFIERS = 3
"""How many identifiers a request in a single frame can name."""
_WANTED = DtcStatus.PENDING | DtcStatus.CONFIRMED

CONFIRMED_AND_PENDING = bytes([READ_CODES, BY_SEVERITY, EMISSIONS, _WANTED, ALL_SEVERITIES])
PERMANENT_CODES = bytes([READ_CODES, PERMANENT, EMISSIONS])
CODES_BY_STATUS = bytes([READ_CODES, BY_STATUS, _WANTED])

_HEAD = {CONFIRMED_AND_PENDING: 5, PERMANENT_CODES: 4, CODES_BY_STATUS: 2}
"""Bytes before the first code: sub-function, then group, masks of status and severity, format, as each answer has."""
_BEFORE_CODE = {CONFIRMED_AND_PENDING: 1, PERMANENT_CODES: 0, CODES_BY_STATUS: 0}
"""Bytes of severity before each code."""


def data_request(identifiers: Sequence[int]) -> bytes:
    """Service 22 for up to three identifiers.

    Raises:
        ValueError: none, or more.
    """
    if not 1 <= len(identifiers) <= MOST_IDENTIFIERS:
        raise ValueError(f"a request names 1 to {MOST_IDENTIFIERS} identifiers, not {len(identifiers)}")
    return bytes([READ_DATA]) + b"".join(identifier.to_bytes(2, "big") for identifier in identifiers)


def data_of(lengths: Mapping[int, int], data: bytes) -> dict[int, bytes]:
    """Bytes by identifier of an answer of service 22, ``data`` following the service byte; ``lengths`` what was asked.

    Raises:
        GarbledAnswerError: an identifier that was not asked for, or fewer bytes than it has.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and len(found) < len(lengths):
        identifier = int.from_bytes(data[at : at + 2], "big")
        if identifier not in lengths or identifier in found:
            raise GarbledAnswerError("an answer", data, f"byte {at + 1} should begin one of the identifiers asked for")
        value = data[at + 2 : at + 2 + lengths[identifier]]
        if len(value) < lengths[identifier]:
            why = f"identifier {identifier:04X} has {lengths[identifier]} bytes, {len(value)} came"
            raise GarbledAnswerError("an answer", data, why)
        found[identifier] = value
        at += 2 + lengths[identifier]
    return found


def codes_of(request: bytes, data: bytes) -> dict[DtcState, tuple[Dtc, ...]]:
    """Codes by state of the answer to one of the requests above, ``data`` following the service byte.

    A state in which there is none is there without codes, since the unit has answered for it.

    Raises:
        GarbledAnswerError: another sub-function, or a code that is not whole.
    """
    head, before = _HEAD[request], _BEFORE_CODE[request]
    records, size = data[head:], before + 4
    if data[:1] != request[1:2] or len(data) < head or len(records) % size:
        raise GarbledAnswerError("a list of codes", data, f"{head} bytes and {size} for each code are expected")
    read = [records[at + before : at + size] for at in range(0, len(records), size)]
    if request == PERMANENT_CODES:
        return {DtcState.PERMANENT: tuple(Dtc.from_bytes(code[:3]) for code in read)}
    bits = {DtcState.STORED: DtcStatus.CONFIRMED, DtcState.PENDING: DtcStatus.PENDING}
    return {state: tuple(Dtc.from_bytes(code[:3]) for code in read if code[3] & bit) for state, bit in bits.items()}
