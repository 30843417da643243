"""Nothing leaves for a car but reads."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ForbiddenRequestError
from edge_agent.protocols.gate import Gate, check_request
from edge_agent.protocols.isotp import CLEAR_TO_SEND, FUNCTIONAL, segment
from edge_agent.switch import Switch

READS = {0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0A, 0x19, 0x22}
"""Written down here once more, by hand: whoever changes the gate's list must change this one knowingly."""


@given(st.binary(max_size=8), st.integers(0, 0x7FF))
def test_a_frame_that_leaves_is_a_read_or_flow_control(data: bytes, identifier: int) -> None:
    """Whatever bytes are offered, what passes starts flow control or is one whole read to a diagnostic identifier."""
    try:
        passed = Gate().frame(identifier, data, extended=False)
    except ForbiddenRequestError:
        return
    assert identifier == FUNCTIONAL or 0x7E0 <= identifier <= 0x7E7
    assert passed == data
    assert data[0] & 0xF0 == 0x30 or (1 <= data[0] <= 7 and data[1] in READS)


@pytest.mark.parametrize("service", sorted(set(range(256)) - READS))
def test_every_other_service_is_refused(service: int) -> None:
    """Each by name: clearing codes (04), control (08), writing (2E), routines (31), reset (11) and all the rest."""
    for request in (bytes([service]), bytes([service, 0x01])):
        with pytest.raises(ForbiddenRequestError, match=f"{service:02X}"):
            check_request(request)
        with pytest.raises(ForbiddenRequestError):
            Gate().frame(FUNCTIONAL, segment(request)[0], extended=False)
        with pytest.raises(ForbiddenRequestError):
            Gate().line(request.hex().upper())


@pytest.mark.parametrize("service", sorted(READS))
def test_reads_pass(service: int) -> None:
    """As a frame and as a line."""
    request = {0x19: b"\x19\x02\x0c", 0x22: b"\x22\xf1\x90"}.get(service, bytes([service, 0x00]))
    assert Gate().frame(FUNCTIONAL, segment(request)[0], extended=False)
    assert Gate().line(request.hex().upper()) == request.hex().upper().encode() + b"\r"


@pytest.mark.parametrize(
    "request_hex",
    [
        "19",
        "19 00",
        "19 01 0C",
        "19 0F 0C",
        "19 14",
        "22",
        "22 F1",
        "22 02 00",
        "22 F4 0C 02 00",
        "22 F4 0C F1",
        "3E 00",
    ],
)
def test_uds_reads_what_is_named(request_hex: str) -> None:
    """Of service 19 only lists of codes, of service 22 only whole identifiers of OBD, of what a unit is, and named."""
    with pytest.raises(ForbiddenRequestError):
        check_request(bytes.fromhex(request_hex))


def test_a_table_names_more_identifiers() -> None:
    """What a table of the car's model names is let through, and nothing beside it."""
    gate = Gate(named=frozenset({0x0200}))
    for identifier, is_named in ((0x0200, True), (0x0201, False)):
        frame = segment(b"\x22" + identifier.to_bytes(2, "big"))[0]
        with contextlib.nullcontext() if is_named else pytest.raises(ForbiddenRequestError):
            assert gate.frame(0x7E4, frame, extended=False) == frame


@pytest.mark.parametrize(
    "line",
    [
        "ATSH7E0", "ATFCSH7E0", "ATFCSD300000", "ATPP0CON", "ATMA", "ATMT7E", "ATCRA7E8", "ATBRD10", "ATD",
        "AT Z", "atz", "ATZ\r04", "0100\r04", "010", "01 00", "", "04", "1002", "0100" * 4, "STPX", "\u0661\u0662",
    ],
)  # fmt: skip
def test_other_lines_are_refused(line: str) -> None:
    """Headers of one's own, settings burnt in, two lines in one, other spellings, half bytes, other adapters' words."""
    with pytest.raises(ForbiddenRequestError):
        Gate().line(line)


@pytest.mark.parametrize(
    "data", [b"", b"\x10\x08\x01\x00\x00\x00\x00\x00", b"\x21" + bytes(7), b"\x00" * 8, b"\x02\x01"]
)
def test_frames_that_begin_something_longer_are_refused(data: bytes) -> None:
    """Empty, first, consecutive, lengthless and cut-off frames."""
    with pytest.raises(ForbiddenRequestError):
        Gate().frame(FUNCTIONAL, data, extended=False)


@pytest.mark.parametrize(
    ("identifier", "extended"), [(0x123, False), (0x7E8, False), (0x7DF, True), (0x18DAF110, True)]
)
def test_only_requests_to_ecus_may_be_addressed(identifier: int, extended: bool) -> None:
    """Not an ECU's own identifier, and none that means something else on the bus."""
    with pytest.raises(ForbiddenRequestError, match="identifier"):
        Gate().frame(identifier, segment(b"\x01\x0c")[0], extended=extended)


@pytest.mark.parametrize(("identifier", "extended"), [(0x7E0, False), (0x18DB33F1, True), (0x18DA10F1, True)])
def test_listening_only_sends_nothing(identifier: int, extended: bool) -> None:
    """Not even flow control or the reset of the adapter."""
    gate = Gate(Switch(local=True))
    for data in (segment(b"\x01\x0c")[0], CLEAR_TO_SEND):
        assert Gate().frame(identifier, data, extended=extended) == data
        with pytest.raises(ForbiddenRequestError, match="listen_only"):
            gate.frame(identifier, data, extended=extended)
    with pytest.raises(ForbiddenRequestError, match="listen_only"):
        gate.line("ATZ")
