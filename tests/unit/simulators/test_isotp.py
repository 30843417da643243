"""Long answers in CAN frames: segmentation, and what the tester's flow control makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.isotp import FRAME_BYTES, LONGEST, Flow, all_frames, begin, block, flow_control, single


def received(frames: list[bytes]) -> bytes:
    """What a tester reads from frames, which must come in their order (ISO 15765-2)."""
    first = frames[0]
    if first[0] >> 4 == 0:
        assert len(frames) == 1
        return first[1 : 1 + first[0]]
    length = (first[0] & 0x0F) << 8 | first[1]
    data = first[2:]
    for number, frame in enumerate(frames[1:], start=1):
        assert frame[0] == 0x20 | number % 16
        data += frame[1:]
    assert len(data) - length < FRAME_BYTES - 1
    return data[:length]


@given(st.binary(min_size=1, max_size=600), st.lists(st.integers(0, 20), max_size=30))
def test_whatever_the_blocks_the_payload_arrives(payload: bytes, sizes: list[int]) -> None:
    """Any sizes of block, one after the other, and 0 for the rest at the end: each frame full, each payload whole."""
    first, left = begin(payload)
    frames = [first]
    for size in [*sizes, 0]:
        if left is not None:
            more, left = block(left, size)
            assert size == 0 or len(more) <= size
            frames += more
    assert left is None
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert frames == all_frames(payload)
    assert received(frames) == payload


def test_the_longest_payload_and_what_is_beyond() -> None:
    """4095 bytes go; none and one more are refused with their number."""
    assert received(all_frames(bytes(LONGEST))) == bytes(LONGEST)
    for wrong in (b"", bytes(LONGEST + 1)):
        with pytest.raises(ValueError, match=f"this one {len(wrong)}"):
            begin(wrong)


def test_seven_bytes_fit_one_frame_and_eight_do_not() -> None:
    assert begin(b"\x41" * 7) == (b"\x07" + b"\x41" * 7, None)
    first, left = begin(b"\x41" * 8)
    assert first[:2] == b"\x10\x08"
    assert left is not None


@pytest.mark.parametrize(
    ("frame", "request_bytes"),
    [
        ("02 01 0C AA AA AA AA AA", "01 0C"),
        ("02 01 0C", "01 0C"),
        ("00 AA AA AA AA AA AA AA", None),
        ("05 01 0C", None),
        ("10 14 49 02 01 4C 53 56", None),
        ("30 00 00", None),
        ("", None),
    ],
)
def test_requests_are_single_frames(frame: str, request_bytes: str | None) -> None:
    """A length of none, or more than there is, is no request."""
    assert single(bytes.fromhex(frame)) == (bytes.fromhex(request_bytes) if request_bytes else None)


@pytest.mark.parametrize(
    ("frame", "flow", "size", "gap_s"),
    [
        ("30 00 00", Flow.GO_ON, 0, 0.0),
        ("30 08 14", Flow.GO_ON, 8, 0.020),
        ("31 00 00", Flow.WAIT, 0, 0.0),
        ("32 00 00", Flow.OVERFLOW, 0, 0.0),
        ("30 00 F1", Flow.GO_ON, 0, 0.0001),
        ("30 00 F9", Flow.GO_ON, 0, 0.0009),
        ("30 00 7F", Flow.GO_ON, 0, 0.127),
        ("30 00 80", Flow.GO_ON, 0, 0.127),
        ("30 00 FA", Flow.GO_ON, 0, 0.127),
    ],
)
def test_flow_control_is_understood(frame: str, flow: Flow, size: int, gap_s: float) -> None:
    """Go on, wait, overflow; gaps in milliseconds, in tenths of one, and reserved ones as the longest."""
    found = flow_control(bytes.fromhex(frame))
    assert found is not None
    assert (found.flow, found.block) == (flow, size)
    assert found.gap_s == pytest.approx(gap_s)


@pytest.mark.parametrize("frame", ["33 00 00", "30 00", "02 01 0C", ""])
def test_what_is_no_flow_control(frame: str) -> None:
    assert flow_control(bytes.fromhex(frame)) is None
