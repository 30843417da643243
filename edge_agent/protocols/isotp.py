"""Payloads in CAN frames and back (ISO 15765-2, classical CAN, normal addressing), and OBD's identifiers (ISO 15765-4).

Sans-IO: frames go in, payloads and flow control come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.errors import GarbledAnswerError

SINGLE, FIRST, CONSECUTIVE, FLOW_CONTROL = 0x00, 0x10, 0x20, 0x30
FRAME_BYTES = 8
SINGLE_MOST = 7
FIRST_HOLDS = 6
MOST_BYTES = 0xFFF
PADDING = 0x55
CLEAR_TO_SEND = bytes([FLOW_CONTROL, 0, 0]) + bytes([PADDING]) * 5
"""Send all that is left (block size 0) without pause between frames (separation time 0)."""

FUNCTIONAL, FUNCTIONAL_29 = 0x7DF, 0x18DB33F1
_PHYSICAL = range(0x7E0, 0x7E8)
_ANSWERS = range(0x7E8, 0x7F0)
_TO_TESTER, _FROM_TESTER, _PREFIX_29 = 0x18DAF100, 0x18DA00F1, 0x18DA0000


def is_request_id(identifier: int, *, extended: bool) -> bool:
    """Whether a tester sends requests with this identifier: 7DF and 7E0 to 7E7, or 18DB33F1 and 18DAxxF1."""
    if extended:
        return identifier == FUNCTIONAL_29 or identifier & 0xFFFF00FF == _FROM_TESTER
    return identifier == FUNCTIONAL or identifier in _PHYSICAL


def is_answer_id(identifier: int, *, extended: bool) -> bool:
    """Whether an ECU answers a tester with this identifier: 7E8 to 7EF, or 18DAF1xx."""
    return identifier & 0xFFFFFF00 == _TO_TESTER if extended else identifier in _ANSWERS


def request_id(answer_id: int) -> int:
    """Where the ECU that answers with ``answer_id`` listens."""
    if answer_id & 0xFFFF0000 == _PREFIX_29:
        return _FROM_TESTER | (answer_id & 0xFF) << 8
    return answer_id - 8


def answering(request_to: int) -> str:
    """In hex digits, as links name units: where the ECU that listens on ``request_to`` answers."""
    if request_to & 0xFFFF0000 == _PREFIX_29:
        return f"{_TO_TESTER | request_to >> 8 & 0xFF:08X}"
    return f"{request_to + 8:03X}"


def segment(payload: bytes) -> list[bytes]:
    """The frames of ``payload`` (1 to 4095 bytes): one single frame, or a first and consecutive ones; padded to 8.

    Raises:
        ValueError: empty or too long.
    """
    if not 1 <= len(payload) <= MOST_BYTES:
        raise ValueError(f"a payload has 1 to {MOST_BYTES} bytes, not {len(payload)}")
    if len(payload) <= SINGLE_MOST:
        return [_padded(bytes([SINGLE | len(payload)]) + payload)]
    head = bytes([FIRST | len(payload) >> 8, len(payload) & 0xFF]) + payload[:FIRST_HOLDS]
    rest = range(FIRST_HOLDS, len(payload), SINGLE_MOST)
    return [head] + [
        _padded(bytes([CONSECUTIVE | number & 0x0F]) + payload[at : at + SINGLE_MOST])
        for number, at in enumerate(rest, start=1)
    ]


def _padded(data: bytes) -> bytes:
    return data.ljust(FRAME_BYTES, bytes([PADDING]))


@dataclass(frozen=True, slots=True)
class Step:
    """What a frame led to: a whole ``payload``, a ``reply`` to be sent, or neither yet."""

    payload: bytes | None = None
    reply: bytes | None = None


@dataclass(slots=True)
class Assembly:
    """Payloads of one sender out of its frames."""

    _parts: bytearray = field(default_factory=bytearray)
    _expected: int = 0
    _next: int = 0

    @property
    def open(self) -> bool:
        """Whether a payload has begun and is not whole yet."""
        return self._expected > 0

    def take(self, frame: bytes) -> Step:
        """What ``frame`` leads to. After an error the assembly waits for the next single or first frame.

        Raises:
            GarbledAnswerError: a frame that is too short, out of order, or of no known kind.
        """
        if not frame:
            raise self._broken(frame, "it is empty")
        kind = frame[0] & 0xF0
        if kind == SINGLE:
            return self._single(frame)
        if kind == FIRST:
            return self._first(frame)
        if kind == CONSECUTIVE:
            return self._consecutive(frame)
        if kind == FLOW_CONTROL:
            return Step()
        raise self._broken(frame, f"{frame[0]:02X} starts no frame of ISO-TP")

    def _single(self, frame: bytes) -> Step:
        size = frame[0] & 0x0F
        self._expected = 0
        if not 1 <= size < len(frame):
            raise self._broken(frame, f"it promises {size} bytes and holds {len(frame) - 1}")
        return Step(payload=frame[1 : 1 + size])

    def _first(self, frame: bytes) -> Step:
        size = (frame[0] & 0x0F) << 8 | frame[1] if len(frame) == FRAME_BYTES else 0
        if size <= SINGLE_MOST:
            raise self._broken(frame, "a first frame has 8 bytes and promises more than 7")
        self._parts, self._expected, self._next = bytearray(frame[2:]), size, 1
        return Step(reply=CLEAR_TO_SEND)

    def _consecutive(self, frame: bytes) -> Step:
        if not self.open:
            raise self._broken(frame, "it continues what has not begun")
        if frame[0] & 0x0F != self._next:
            raise self._broken(frame, f"it is number {frame[0] & 0x0F}, expected {self._next}")
        self._parts += frame[1:]
        self._next = (self._next + 1) & 0x0F
        if len(self._parts) < self._expected:
            return Step() if len(frame) == FRAME_BYTES else self._short(frame)
        whole, self._expected = bytes(self._parts[: self._expected]), 0
        return Step(payload=whole)

    def _short(self, frame: bytes) -> Step:
        raise self._broken(frame, f"it holds {len(frame) - 1} bytes and is not the last")

    def _broken(self, frame: bytes, why: str) -> GarbledAnswerError:
        self._expected = 0
        return GarbledAnswerError("a frame", frame, why)
