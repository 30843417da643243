"""Payloads in CAN frames (ISO 15765-2, normal addressing), from the side that answers. No bus and no clock.

Requests of OBD-II fit one frame, so that receiving knows single frames only; answers may be long, and then wait for the
tester's flow control.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

FRAME_BYTES = 8
SINGLE_BYTES = 7
FIRST_BYTES = 6
LONGEST = 4095
PADDING = b"\xaa"
_SINGLE, _FIRST, _CONSECUTIVE, _FLOW = range(4)
_MICROSECONDS_FROM, _MICROSECONDS_TO = 0xF1, 0xF9
_LONGEST_GAP_MS = 0x7F


class Flow(Enum):
    """What the tester's flow control says."""

    GO_ON = 0
    WAIT = 1
    OVERFLOW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowControl:
    """A flow control frame: what to do, how many frames until the next one (0: all), and the gap between frames."""

    flow: Flow
    block: int
    gap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is left of a long answer: bytes, and the number of the next frame."""

    left: bytes
    number: int = 1


def padded(data: bytes) -> bytes:
    """A frame's bytes, filled up to eight."""
    return data.ljust(FRAME_BYTES, PADDING)


def single(frame: bytes) -> bytes | None:
    """The payload of a single frame; None if it is another kind of frame, or broken."""
    if not frame or frame[0] >> 4 != _SINGLE:
        return None
    length = frame[0] & 0x0F
    return frame[1 : 1 + length] if 0 < length < len(frame) else None


def flow_control(frame: bytes) -> FlowControl | None:
    """The flow control in a frame, or None if it is something else. A reserved gap counts as the longest (127 ms)."""
    if len(frame) < 3 or frame[0] >> 4 != _FLOW or frame[0] & 0x0F > Flow.OVERFLOW.value:  # noqa: PLR2004  its bytes
        return None
    gap = frame[2]
    if gap <= _LONGEST_GAP_MS:
        gap_s = gap / 1000
    elif _MICROSECONDS_FROM <= gap <= _MICROSECONDS_TO:
        gap_s = (gap - _MICROSECONDS_FROM + 1) / 10_000
    else:
        gap_s = _LONGEST_GAP_MS / 1000
    return FlowControl(flow=Flow(frame[0] & 0x0F), block=frame[1], gap_s=gap_s)


def begin(payload: bytes) -> tuple[bytes, Sending | None]:
    """The first frame of a payload, and what is left to send once the tester says so (None: nothing).

    Raises:
        ValueError: an empty payload, or one longer than 4095 bytes.
    """
    if not 0 < len(payload) <= LONGEST:
        raise ValueError(f"a payload has 1 to {LONGEST} bytes, this one {len(payload)}")
    if len(payload) <= SINGLE_BYTES:
        return padded(bytes([len(payload)]) + payload), None
    head = (_FIRST << 12 | len(payload)).to_bytes(2, "big")
    return head + payload[:FIRST_BYTES], Sending(left=payload[FIRST_BYTES:])


def block(sending: Sending, size: int) -> tuple[list[bytes], Sending | None]:
    """The next ``size`` frames (0: all), and what is left after them."""
    frames: list[bytes] = []
    while sending.left and (size == 0 or len(frames) < size):
        frames.append(padded(bytes([_CONSECUTIVE << 4 | sending.number & 0x0F]) + sending.left[:SINGLE_BYTES]))
        sending = replace(sending, left=sending.left[SINGLE_BYTES:], number=sending.number + 1)
    return frames, sending if sending.left else None


def all_frames(payload: bytes) -> list[bytes]:
    """Every frame of a payload, as a bus monitor sees them."""
    first, left = begin(payload)
    return [first, *(block(left, 0)[0] if left else [])]
