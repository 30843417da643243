"""The one choke point of all that leaves towards a car: reads pass, everything else is refused.

One exception: where the device's owner has switched it on, a request to clear trouble codes passes while somebody who
has looked at all conditions holds :meth:`Gate.clearing` open, once.

Both drivers send through :class:`Gate` and have no other way out: a CAN frame or an adapter's line is checked as the
very bytes that leave, not as what the caller meant them to be. A request of ours fits one frame; a first or consecutive
frame would be the start of something longer, and is refused whatever it holds.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.errors import ForbiddenRequestError
from edge_agent.protocols.isotp import FLOW_CONTROL, SINGLE, is_request_id
from edge_agent.protocols.uds import (
    CODE_READS,
    IDENTIFICATION,
    OBD_INFORMATION,
    OBD_MONITOR,
    OBD_PID,
    READ_CODES,
    READ_DATA,
)
from edge_agent.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Iterator

OBD_READS = frozenset({0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0A})
"""Services of SAE J1979 that only read: live data, freeze frame, codes, monitor results, vehicle information."""
UDS_READS = frozenset({READ_CODES, READ_DATA})
"""Services of ISO 14229-1 that only read: codes, data by identifier."""
IDENTIFIERS = frozenset(
    {*IDENTIFICATION, *(group | one for group in (OBD_PID, OBD_MONITOR, OBD_INFORMATION) for one in range(256))}
)
"""Identifiers that any unit may be asked for: what it is, and what OBD on UDS tells. Others a table has to name."""
ALLOWED_SERVICES = OBD_READS | UDS_READS
CLEARS = frozenset({b"\x04", b"\x14\xff\xff\x33"})
"""Clearing of emission-related codes: service 04 of SAE J1979, service 14 for their group on UDS (SAE J1979-2)."""
MOST_BYTES = 7
"""What a single frame of classical CAN holds besides its length (ISO 15765-2)."""

ADAPTER_COMMANDS = re.compile(
    r"AT(?:Z|I|RV|DP|DPN|E0|L0|S0|S1|H1|CAF1|AL|SP[0-9A-C]|SPA[0-9A-C]|AT[012]|ST[0-9A-F]{2}|TA[0-9A-F]{2})"
)
"""Set-up of an ELM327: reset, identity, echo, line feeds, spaces, headers, protocol, waiting. None of them sends freely
chosen bytes; ``ATSH`` (header), ``ATFC`` (flow control of one's own), ``ATPP`` (burnt in) and the monitors stay out."""
_HEX = re.compile(r"(?:[0-9A-F]{2}){1,7}")


def check_request(payload: bytes, identifiers: frozenset[int] = IDENTIFIERS) -> bytes:
    """``payload`` itself, if it is an allowed read; of service 22 only for these ``identifiers``.

    Raises:
        ForbiddenRequestError: any other service, sub-function or identifier, or more bytes than one frame holds.
    """
    if not payload:
        raise ForbiddenRequestError(payload, "it is empty")
    if payload[0] not in ALLOWED_SERVICES:
        allowed = ", ".join(f"{service:02X}" for service in sorted(ALLOWED_SERVICES))
        raise ForbiddenRequestError(payload, f"service {payload[0]:02X} is not one of the reads {allowed}")
    if len(payload) > MOST_BYTES:
        raise ForbiddenRequestError(payload, f"it has {len(payload)} bytes; a read has at most {MOST_BYTES}")
    if payload[0] == READ_CODES and payload[1:2] not in {bytes([one]) for one in CODE_READS}:
        raise ForbiddenRequestError(payload, "of service 19 only lists of codes are read")
    if payload[0] == READ_DATA:
        _check_identifiers(payload, identifiers)
    return payload


def _check_identifiers(payload: bytes, identifiers: frozenset[int]) -> None:
    named = [payload[at : at + 2] for at in range(1, len(payload), 2)]
    if not named or any(len(one) < 2 or int.from_bytes(one, "big") not in identifiers for one in named):  # noqa: PLR2004
        why = "it names identifiers that are neither OBD's nor a unit's name nor in a table (docs/did-tables.md)"
        raise ForbiddenRequestError(payload, why)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets reads through; while the switch says listen only, nothing at all.

    ``named`` are the identifiers of service 22 that a table of the car's model names; ``may_clear`` is what the
    device's configuration says of clearing codes.
    """

    switch: Switch = field(default_factory=Switch)
    named: frozenset[int] = frozenset()
    may_clear: bool = False
    _permitted: list[bytes] = field(default_factory=list)

    @contextlib.contextmanager
    def clearing(self, request: bytes) -> Iterator[None]:
        """Lets one of :data:`CLEARS` through, once, while it is open.

        Raises:
            ForbiddenRequestError: it is none of them, or the configuration does not allow clearing.
        """
        if not self.may_clear:
            why = "clearing is off; `allow_clearing = true` in the agent's configuration switches it on"
            raise ForbiddenRequestError(request, why)
        if request not in CLEARS:
            raise ForbiddenRequestError(request, "it is no request to clear codes")
        self._permitted.append(request)
        try:
            yield
        finally:
            self._permitted.clear()

    def _check(self, payload: bytes) -> None:
        if payload in self._permitted:
            self._permitted.remove(payload)
            return
        check_request(payload, IDENTIFIERS | self.named)

    def frame(self, identifier: int, data: bytes, *, extended: bool) -> bytes:
        """``data`` itself, if this CAN frame may leave: a read in a single frame, or flow control.

        Raises:
            ForbiddenRequestError: it may not.
        """
        self._speaks(data)
        if not is_request_id(identifier, extended=extended):
            raise ForbiddenRequestError(data, f"identifier {identifier:X} is not one for diagnostic requests")
        if not data or len(data) > 8:  # noqa: PLR2004  classical CAN
            raise ForbiddenRequestError(data, f"a frame has 1 to 8 bytes, not {len(data)}")
        kind, size = data[0] & 0xF0, data[0] & 0x0F
        if kind == FLOW_CONTROL:
            return data
        if kind != SINGLE or not 1 <= size < len(data):
            raise ForbiddenRequestError(data, "only single frames and flow control are sent")
        self._check(data[1 : 1 + size])
        return data

    def line(self, text: str) -> bytes:
        """``text`` as the bytes of one line to an ELM327, if it may leave: set-up, or a read in hex digits.

        Raises:
            ForbiddenRequestError: it may not.
        """
        self._speaks(text)
        if not ADAPTER_COMMANDS.fullmatch(text):
            if not _HEX.fullmatch(text):
                raise ForbiddenRequestError(text, "it is neither an allowed adapter command nor 1 to 7 bytes in hex")
            self._check(bytes.fromhex(text))
        return text.encode("ascii") + b"\r"

    def _speaks(self, request: bytes | str) -> None:
        if self.switch.listen_only:
            raise ForbiddenRequestError(request, f"listen only, nothing is sent at all: {self.switch.why}")
