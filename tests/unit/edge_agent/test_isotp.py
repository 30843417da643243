"""Payloads in frames and back, also against a library that is not ours."""

from __future__ import annotations

import isotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import GarbledAnswerError
from edge_agent.protocols.isotp import CLEAR_TO_SEND, Assembly, is_answer_id, is_request_id, request_id, segment

payloads = st.binary(min_size=1, max_size=4095)


def assembled(frames: list[bytes]) -> bytes | None:
    assembly, whole = Assembly(), None
    for frame in frames:
        whole = assembly.take(frame).payload or whole
    return whole


@given(payloads)
def test_what_is_cut_comes_together_again(payload: bytes) -> None:
    """For every length that ISO 15765-2 has on classical CAN."""
    frames = segment(payload)
    assert all(len(frame) == 8 for frame in frames)
    assert assembled(frames) == payload


def test_a_long_payload_is_acknowledged_once() -> None:
    """With flow control after its first frame, and no further reply."""
    first, *rest = segment(bytes(range(20)))
    assembly = Assembly()
    assert assembly.take(first).reply == CLEAR_TO_SEND
    assert assembly.open
    assert [assembly.take(frame).reply for frame in rest] == [None, None]
    assert not assembly.open


@given(st.binary(min_size=1, max_size=200))
def test_an_independent_sender_is_understood(payload: bytes) -> None:
    """can-isotp (MIT) sends, our assembly reads and answers with flow control."""
    sent: list[isotp.CanMessage] = []
    replies: list[isotp.CanMessage] = []

    def from_us(timeout: float) -> isotp.CanMessage | None:
        del timeout
        return replies.pop(0) if replies else None

    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E8, rxid=0x7E0)
    peer = isotp.TransportLayerLogic(from_us, sent.append, address, params={"tx_padding": 0xAA})
    peer.send(payload)
    assembly, whole = Assembly(), None
    for _ in range(100):
        peer.process()
        while sent:
            step = assembly.take(bytes(sent.pop(0).data))
            whole = step.payload or whole
            if step.reply:
                replies.append(isotp.CanMessage(arbitration_id=0x7E0, data=bytearray(step.reply)))
        if whole is not None:
            break
    assert whole == payload


@given(st.lists(st.binary(max_size=8), max_size=20))
def test_no_bytes_break_it(frames: list[bytes]) -> None:
    """Any frames end in a payload, nothing, or the one error; and a good payload after them is read."""
    assembly = Assembly()
    for frame in frames:
        try:
            assembly.take(frame)
        except GarbledAnswerError as error:
            assert str(error)
    assert assembly.take(b"\x02\x41\x0c").payload == b"\x41\x0c"


@pytest.mark.parametrize("frame", [b"", b"\x05\x01", b"\x40" + bytes(7), b"\x10\x03" + bytes(6), b"\x21" + bytes(7)])
def test_frames_that_mean_nothing(frame: bytes) -> None:
    """Empty, cut off, of no known kind, a first frame too small, a continuation of nothing."""
    with pytest.raises(GarbledAnswerError):
        Assembly().take(frame)


def test_a_frame_lost_spoils_its_payload_only() -> None:
    """What is out of order is refused; the next payload is read."""
    first, second, third = segment(bytes(range(20)))
    assembly = Assembly()
    assembly.take(first)
    with pytest.raises(GarbledAnswerError, match="number 2, expected 1"):
        assembly.take(third)
    with pytest.raises(GarbledAnswerError, match="has not begun"):
        assembly.take(second)
    assert assembled([first, second, third]) == bytes(range(20))


@pytest.mark.parametrize("size", [0, 4096])
def test_sizes_that_do_not_fit(size: int) -> None:
    with pytest.raises(ValueError, match="4095"):
        segment(bytes(size))


@pytest.mark.parametrize(("answer", "request_to", "extended"), [(0x7E8, 0x7E0, False), (0x18DAF110, 0x18DA10F1, True)])
def test_identifiers(answer: int, request_to: int, extended: bool) -> None:
    """An ECU that answers with one identifier listens on its counterpart (ISO 15765-4)."""
    assert request_id(answer) == request_to
    assert is_answer_id(answer, extended=extended)
    assert not is_answer_id(request_to, extended=extended)
    assert is_request_id(request_to, extended=extended)
    assert not is_request_id(answer, extended=extended)
