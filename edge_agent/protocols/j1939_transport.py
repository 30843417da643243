"""Messages of 9 to 1785 bytes out of their packets (SAE J1939-21, 5.10), by one who only listens. Pure.

Both ways are followed: the broadcast (BAM) and the dialogue of two units (RTS, CTS, end of message). A listener
cannot ask for a packet again: of a broadcast with a packet missing nothing is kept; in a dialogue the receiver asks,
and the packet comes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.protocols.j1939 import EVERYONE, TP_CM, TP_DT, Header, header

if TYPE_CHECKING:
    from collections.abc import Mapping

RTS, CTS, END, BAM, ABORT = 16, 17, 19, 32, 255
"""Control bytes of connection management."""
PACKET_BYTES = 7
SHORTEST, LONGEST = 9, 1785
T1_S, T2_S = 0.75, 1.25
"""Longest silence between packets of a broadcast, and within a dialogue (J1939-21, 5.10.2.4)."""
MOST_SESSIONS = 64
"""Messages under way at once; a bus has few (our choice). 64 of the longest are 112 KiB."""
_FRAME_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A message that is complete: whose, which, and its data."""

    head: Header
    data: bytes


@dataclass(slots=True, kw_only=True)
class _Session:
    pgn: int
    size: int
    packets: int
    heard_s: float
    parts: dict[int, bytes] = field(default_factory=dict)

    def is_over(self, now_s: float, *, broadcast: bool) -> bool:
        return not 0 <= now_s - self.heard_s <= (T1_S if broadcast else T2_S)

    def data(self) -> bytes:
        return b"".join(self.parts[number] for number in range(1, self.packets + 1))[: self.size]


class Reassembly:
    """Follows all messages on a bus that come in packets.

    ``lost`` counts, by reason, those that did not become whole: ``late`` (silence), ``gap`` (a packet missing),
    ``replaced`` (the sender began anew), ``aborted``, ``impossible`` (sizes that cannot be), ``crowded`` (too many at
    once), ``unexpected`` (a packet of no message, as when listening begins in the midst).
    """

    def __init__(self) -> None:
        self._sessions: dict[tuple[int, int], _Session] = {}
        self.lost: dict[str, int] = {}

    @property
    def lost_count(self) -> int:
        """How many messages in all; packets of no message are none."""
        return sum(count for why, count in self.lost.items() if why != "unexpected")

    def take(self, identifier: int, data: bytes, at_s: float) -> Whole | None:
        """What a frame with a 29-bit identifier completes; frames that are no packets lead to nothing.

        Args:
            identifier: 29 bits.
            data: the frame's data.
            at_s: when it came, on any clock that runs on.
        """
        head = header(identifier)
        if head.pgn == TP_CM:
            self._control(head, data, at_s)
        elif head.pgn == TP_DT:
            return self._packet(head, data, at_s)
        return None

    def _control(self, head: Header, data: bytes, at_s: float) -> None:
        if len(data) != _FRAME_BYTES:
            return self._lose("impossible")
        sent, answered = (head.source, head.destination), (head.destination, head.source)
        if data[0] in {BAM, RTS}:
            return self._open(sent, data, at_s, broadcast=data[0] == BAM)
        if data[0] == CTS and answered in self._sessions:
            self._sessions[answered].heard_s = at_s
        elif data[0] == END:
            self._end(answered, "gap")
        elif data[0] == ABORT:
            self._end(sent, "aborted")
            self._end(answered, "aborted")
        return None

    def _open(self, key: tuple[int, int], data: bytes, at_s: float, *, broadcast: bool) -> None:
        self._end(key, "replaced")
        size, packets = int.from_bytes(data[1:3], "little"), data[3]
        fits = SHORTEST <= size <= LONGEST and packets == -(-size // PACKET_BYTES)
        if not fits or broadcast is not (key[1] == EVERYONE):
            return self._lose("impossible")
        if len(self._sessions) >= MOST_SESSIONS:
            self._make_room(at_s)
        pgn = int.from_bytes(data[5:8], "little") & 0x3FFFF
        self._sessions[key] = _Session(pgn=pgn, size=size, packets=packets, heard_s=at_s)
        return None

    def _make_room(self, now_s: float) -> None:
        """Ends what has fallen silent; if nothing has, what has been silent for longest."""
        for key, session in list(self._sessions.items()):
            if session.is_over(now_s, broadcast=key[1] == EVERYONE):
                self._end(key, "late")
        if len(self._sessions) >= MOST_SESSIONS:
            self._end(min(self._sessions, key=lambda key: self._sessions[key].heard_s), "crowded")

    def _packet(self, head: Header, data: bytes, at_s: float) -> Whole | None:
        key = (head.source, head.destination)
        broadcast = head.destination == EVERYONE
        if key in self._sessions and self._sessions[key].is_over(at_s, broadcast=broadcast):
            self._end(key, "late")
        session = self._sessions.get(key)
        if session is None:
            self._lose("unexpected")
            return None
        number = data[0] if len(data) == _FRAME_BYTES else 0
        expected = len(session.parts) + 1
        if not 1 <= number <= session.packets or (broadcast and number != expected):
            self._end(key, "gap")
            return None
        session.parts[number] = data[1:]
        session.heard_s = at_s
        return self._whole(key, session, head) if len(session.parts) == session.packets else None

    def _whole(self, key: tuple[int, int], session: _Session, head: Header) -> Whole:
        del self._sessions[key]
        about = Header(
            priority=head.priority, pgn=session.pgn, source=head.source, destination=head.destination
        )  # fmt: skip
        return Whole(head=about, data=session.data())

    def _end(self, key: tuple[int, int], why: str) -> None:
        if self._sessions.pop(key, None) is not None:
            self._lose(why)

    def _lose(self, why: str) -> None:
        self.lost[why] = self.lost.get(why, 0) + 1

    @property
    def under_way(self) -> Mapping[tuple[int, int], int]:
        """Bytes expected by source and destination of the messages that are not whole yet."""
        return {key: session.size for key, session in self._sessions.items()}
