"""Identifiers of J1939 and messages in packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.protocols.j1939 import DM1, EVERYONE, Header, group, header, is_addressed, largest_value
from edge_agent.protocols.j1939_transport import LONGEST, MOST_SESSIONS, SHORTEST, T1_S, T2_S, Reassembly, Whole

BYTE = st.integers(0, 255)
IDENTIFIERS = st.integers(0, (1 << 29) - 1)
LONG = st.binary(min_size=SHORTEST, max_size=LONGEST)
CM, DT = 0x1CEC0000, 0x1CEB0000


def announced(data: bytes, pgn: int, control: int = 32) -> bytes:
    """The frame that opens a message."""
    sizes = len(data).to_bytes(2, "little") + bytes([-(-len(data) // 7), 0xFF])
    return bytes([control]) + sizes + pgn.to_bytes(3, "little")


def packets(data: bytes) -> list[bytes]:
    """The frames that hold a message."""
    return [
        bytes([number]) + data[at : at + 7].ljust(7, b"\xff")
        for number, at in enumerate(range(0, len(data), 7), start=1)
    ]


def broadcast(source: int, data: bytes, pgn: int = DM1) -> list[tuple[int, bytes]]:
    """A whole broadcast as identifiers and data."""
    to_all = EVERYONE << 8 | source
    return [(CM | to_all, announced(data, pgn)), *((DT | to_all, packet) for packet in packets(data))]


def heard(frames: list[tuple[int, bytes]], into: Reassembly | None = None, gap_s: float = 0.05) -> list[Whole]:
    """What comes of frames at even distances."""
    reassembly = into or Reassembly()
    found = (reassembly.take(*frame, at * gap_s) for at, frame in enumerate(frames))
    return [whole for whole in found if whole]


def test_known_identifiers() -> None:
    """EEC1 of the engine goes to all; a request goes to one."""
    assert header(0x0CF00400) == Header(priority=3, pgn=0xF004, source=0)
    assert header(0x18EA0BF9) == Header(priority=6, pgn=0xEA00, source=0xF9, destination=0x0B)
    assert not is_addressed(0xF004)
    assert is_addressed(0xEA00)


@given(IDENTIFIERS)
def test_an_identifier_survives(identifier: int) -> None:
    """Taken apart and put together, bit for bit."""
    assert header(identifier).identifier == identifier


@given(IDENTIFIERS, st.integers(0, 7), BYTE)
def test_a_group_ignores_priority_and_destination(identifier: int, priority: int, destination: int) -> None:
    """And nothing else."""
    head = header(identifier)
    to = destination if is_addressed(head.pgn) else EVERYONE
    other = Header(priority=priority, pgn=head.pgn, source=head.source, destination=to)
    assert group(other.identifier) == group(identifier)
    assert header(group(identifier)).pgn == head.pgn
    assert header(group(identifier, 0xFE)).source == 0xFE


@pytest.mark.parametrize(
    ("bits", "largest"), [(1, 1), (2, 1), (4, 14), (8, 250), (16, 0xFAFF), (32, 0xFAFFFFFF), (12, 0xFFE)]
)
def test_numbers_that_are_no_values(bits: int, largest: int) -> None:
    assert largest_value(bits) == largest


@given(BYTE, st.integers(0, 0x3FFFF), LONG)
def test_a_broadcast_becomes_whole(source: int, pgn: int, data: bytes) -> None:
    """Of every size, byte for byte, with the parameter group that was announced."""
    (whole,) = heard(broadcast(source, data, pgn))
    assert (whole.data, whole.head.pgn, whole.head.source, whole.head.destination) == (data, pgn, source, EVERYONE)


@given(st.lists(LONG, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_messages_of_several_units_cross(messages: list[bytes], random) -> None:
    """Packets of different sources come between each other."""
    queues = [broadcast(source, data) for source, data in enumerate(messages)]
    frames = []
    while queues:
        queue = random.choice(queues)
        frames.append(queue.pop(0))
        queues = [left for left in queues if left]
    found = heard(frames, gap_s=0.0)
    assert sorted((whole.head.source, whole.data) for whole in found) == list(enumerate(messages))


def test_a_dialogue_becomes_whole() -> None:
    """With a packet that is asked for again, and a pause that a broadcast would not survive."""
    data = bytes(range(30))
    parts = packets(data)
    reassembly = Reassembly()
    cts = bytes([17, 3, 1, 0xFF, 0xFF]) + DM1.to_bytes(3, "little")
    frames = [
        (CM | 0x0300, announced(data, DM1, 16), 0.0), (CM | 0x0003, cts, 0.1), (DT | 0x0300, parts[0], 0.2),
        (DT | 0x0300, parts[2], 0.3), (CM | 0x0003, cts, 0.4), (DT | 0x0300, parts[1], 1.4),
        (DT | 0x0300, parts[2], 1.5), (DT | 0x0300, parts[3], 1.6), (DT | 0x0300, parts[4], 1.7),
    ]  # fmt: skip
    found = [reassembly.take(*frame) for frame in frames]
    assert found[:-1] == [None] * 8
    assert found[-1] == Whole(head=Header(priority=7, pgn=DM1, source=0, destination=3), data=data)
    assert reassembly.lost_count == 0


def test_a_missing_packet_of_a_broadcast_loses_it() -> None:
    """Nothing is made up; the next message of that unit is whole again."""
    reassembly = Reassembly()
    frames = broadcast(0, bytes(20))
    assert heard(frames[:2] + frames[3:], reassembly) == []
    assert reassembly.lost == {"gap": 1}
    assert len(heard(frames, reassembly)) == 1


@pytest.mark.parametrize(("pause_s", "whole"), [(T1_S, 1), (T1_S + 0.01, 0)])
def test_a_broadcast_that_falls_silent_is_over(pause_s: float, whole: int) -> None:
    """T1 is the limit between two packets."""
    reassembly = Reassembly()
    first, second, third = broadcast(0, bytes(10))
    times = (0.0, 0.1, 0.1 + pause_s)
    found = [reassembly.take(*frame, at) for frame, at in zip((first, second, third), times, strict=True)]
    assert sum(one is not None for one in found) == whole
    assert reassembly.lost == ({} if whole else {"late": 1, "unexpected": 1})


def test_a_clock_that_jumps_back_ends_what_is_under_way() -> None:
    """Packets of another recording are not joined to it."""
    reassembly = Reassembly()
    first, second, third = broadcast(0, bytes(10))
    assert [reassembly.take(*first, 100.0), reassembly.take(*second, 3.0), reassembly.take(*third, 3.1)] == [None] * 3


@pytest.mark.parametrize("aborting", [0x0300, 0x0003])
def test_an_abort_ends_a_dialogue(aborting: int) -> None:
    """Whichever of the two says it."""
    reassembly = Reassembly()
    abort = bytes([255, 1, 0xFF, 0xFF, 0xFF]) + DM1.to_bytes(3, "little")
    reassembly.take(CM | 0x0300, announced(bytes(9), DM1, 16), 0.0)
    reassembly.take(CM | aborting, abort, T2_S / 2)
    assert reassembly.lost == {"aborted": 1}
    assert not reassembly.under_way


@pytest.mark.parametrize("size", [0, 8, 1786])
def test_sizes_that_cannot_be(size: int) -> None:
    reassembly = Reassembly()
    opening = bytes([32]) + size.to_bytes(2, "little") + bytes([-(-size // 7) & 0xFF, 0xFF]) + DM1.to_bytes(3, "little")
    reassembly.take(CM | 0xFF00, opening, 0.0)
    assert reassembly.lost == {"impossible": 1}


@given(st.lists(st.tuples(IDENTIFIERS | st.sampled_from([CM, DT, CM | 0xFF00, DT | 0xFF00]), st.binary(max_size=8))))
def test_whatever_comes_does_no_harm(frames: list[tuple[int, bytes]]) -> None:
    """No frame raises, and nothing is whole that was not announced."""
    reassembly = Reassembly()
    for at, (identifier, data) in enumerate(frames):
        whole = reassembly.take(identifier, data, at * 0.01)
        assert whole is None or SHORTEST <= len(whole.data) <= LONGEST
    assert len(reassembly.under_way) <= MOST_SESSIONS


def test_memory_is_bounded() -> None:
    """Of thousands of messages that are only announced, the latest are kept."""
    reassembly = Reassembly()
    for number in range(3000):
        reassembly.take(CM | number % 250 << 8 | number % 251, announced(bytes(1785), DM1, 16), number * 1e-4)
    assert len(reassembly.under_way) <= MOST_SESSIONS
    assert reassembly.lost["crowded"] > 0
