"""Requests of OBD-II (SAE J1979) and what ECUs answer, as bytes without their transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError
from vehicle.obd import BITMAP_PIDS, PIDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIVE, INFORMATION = 0x01, 0x09
VIN_REQUEST = bytes([INFORMATION, 0x02])
POSITIVE, NEGATIVE = 0x40, 0x7F
MOST_PIDS = 6
"""How many PIDs one request of service 01 may name on CAN (ISO 15031-5)."""
BUSY_REPEAT, PENDING = 0x21, 0x78
"""Negative response codes of ISO 14229-1: ask again later; the answer is still to come."""
_BITMAP_BYTES = 4
_NEGATIVE_BYTES = 3
_PID_SERVICES = (0x01, 0x02, 0x06, 0x09)

Heard = tuple[str, bytes]
"""The ECU's answering address in hex digits ("" where an adapter hides it), and a whole payload."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a request brought: data after the service byte by ECU, refusals by ECU, and what could not be read."""

    data: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    garbled: tuple[bytes, ...] = ()


def is_final(request: bytes, payload: bytes) -> bool:
    """Whether ``payload`` ends an ECU's answer to ``request`` (a positive one, or a refusal other than "pending")."""
    if payload[:1] == bytes([request[0] + POSITIVE]):
        return True
    return _is_refusal(request, payload) and payload[2] != PENDING


def _is_refusal(request: bytes, payload: bytes) -> bool:
    return len(payload) >= _NEGATIVE_BYTES and payload[0] == NEGATIVE and payload[1] == request[0]


def answers(request: bytes, heard: Iterable[Heard]) -> Answers:
    """``heard`` sorted into data, refusals and garbage; the last word of an ECU counts, "pending" is none."""
    data: dict[str, bytes] = {}
    refusals: dict[str, int] = {}
    garbled = []
    for ecu, payload in heard:
        if payload[:1] == bytes([request[0] + POSITIVE]) and _names(request, payload):
            data[ecu] = payload[1:]
            refusals.pop(ecu, None)
        elif _is_refusal(request, payload):
            if payload[2] != PENDING and ecu not in data:
                refusals[ecu] = payload[2]
        else:
            garbled.append(payload)
    return Answers(data, refusals, tuple(garbled))


def _names(request: bytes, payload: bytes) -> bool:
    """Whether an answer repeats the PID that was asked for first (of several, an ECU leaves out what it lacks)."""
    if request[0] not in _PID_SERVICES or len(request) == 1:
        return True
    return len(payload) > 1 and payload[1] in request[1:]


def live_request(pids: Sequence[int]) -> bytes:
    """Service 01 for up to six PIDs."""
    if not 1 <= len(pids) <= MOST_PIDS:
        raise ValueError(f"a request names 1 to {MOST_PIDS} PIDs, not {len(pids)}")
    return bytes([LIVE, *pids])


def live_data(asked: Sequence[int], data: bytes) -> dict[int, bytes]:
    """Bytes by PID of a service 01 answer; ``data`` follows the service byte.

    Padding behind the last PID is left alone.

    Raises:
        GarbledAnswerError: a PID that was not asked for, or fewer bytes than its row says.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and len(found) < len(asked):
        pid = data[at]
        if pid not in asked or pid in found:
            raise GarbledAnswerError("an answer", data, f"byte {at + 1} should be one of the PIDs asked for")
        size = _BITMAP_BYTES if pid in BITMAP_PIDS else PIDS[pid].length
        value = data[at + 1 : at + 1 + size]
        if len(value) < size:
            raise GarbledAnswerError("an answer", data, f"PID {pid:02X} has {size} bytes, {len(value)} came")
        found[pid] = value
        at += 1 + size
    return found
