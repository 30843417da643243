"""Frames are taken in many at once from the bus's own socket, and are the same as python-can hands over one by one."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import can
import pytest

from edge_agent.buses.intake import Chosen, Intake, PlainIntake, SocketIntake, intake_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GROUP = "239.74.163.2"
EXTENDED = 1 << 31
FILTERS = [
    {"can_id": 0x100, "can_mask": 0x7F0, "extended": False},
    {"can_id": 0x18FEF100, "can_mask": 0x3FFFF00, "extended": True},
    {"can_id": 0x7, "can_mask": 0x7},
]


def messages() -> list[can.Message]:
    """Frames of all kinds: both lengths of identifier, empty, FD, remote and error frames."""
    data = bytes(range(8))
    return [
        can.Message(arbitration_id=0x101, data=data, is_extended_id=False),
        can.Message(arbitration_id=0x101, data=b"", is_extended_id=False),
        can.Message(arbitration_id=0x201, data=data, is_extended_id=False),
        can.Message(arbitration_id=0x101, data=data, is_extended_id=True),
        can.Message(arbitration_id=0x18FEF117, data=data[:3], is_extended_id=True),
        can.Message(arbitration_id=0x10F, data=bytes(range(64)), is_fd=True, is_extended_id=False),
        can.Message(arbitration_id=0x102, is_remote_frame=True, dlc=8, is_extended_id=False),
        can.Message(arbitration_id=0x103, is_error_frame=True, is_extended_id=False),
        can.Message(arbitration_id=0x7FF, data=b"\1", is_extended_id=False),
    ]


def taken(intake: Intake, count: int) -> list[tuple[int, bytes]]:
    """The next frames, waited for."""
    found: list[tuple[int, bytes]] = []
    end_s = time.monotonic() + 10
    while len(found) < count and time.monotonic() < end_s:
        found += [(frame.key, frame.data) for frame in intake.frames()]
    return found


@pytest.fixture(name="multicast")
def _multicast() -> Iterator[Any]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    opened: list[can.BusABC] = []

    def another(**more: Any) -> can.BusABC:
        bus = can.Bus(interface="udp_multicast", channel=GROUP, port=port, hop_limit=0, **more)
        opened.append(bus)
        return bus

    yield another
    for bus in opened:
        bus.shutdown()


@pytest.mark.parametrize("filters", [None, FILTERS])
def test_the_socket_gives_what_python_can_gives(multicast: Any, filters: Any) -> None:
    """The same data frames in the same order, with and without filters."""
    car, bulk, plain = multicast(), multicast(can_filters=filters), multicast(can_filters=filters)
    fast = intake_of(bulk, "udp_multicast", filters)
    assert isinstance(fast, SocketIntake)
    for message in messages():
        car.send(message)
    expected = 5 + 2 * (filters is None)
    wanted = taken(PlainIntake(plain), expected)
    assert len(wanted) == expected
    assert taken(fast, expected) == wanted
    fast.close()


def test_a_frame_has_the_time_of_the_kernel(multicast: Any, until: Callable[..., None]) -> None:
    """It came when it came, not when it was looked at."""
    car, bus = multicast(), multicast()
    intake = intake_of(bus, "udp_multicast", None)
    before_s = time.time()
    car.send(messages()[0])
    after_s = time.time()
    until(lambda: time.time() > after_s + 0.05, what="a moment to pass in which nobody looks")
    frames = []
    until(lambda: frames.extend(intake.frames()) or frames, what="the frame")
    assert before_s <= frames[0].at_s <= after_s
    intake.close()


def test_other_filters_hold_from_then_on(multicast: Any) -> None:
    """What campaigns want besides is let through, and left out again after them."""
    car, bus = multicast(), multicast(can_filters=FILTERS)
    intake = intake_of(bus, "udp_multicast", FILTERS)
    other, wanted = messages()[2], messages()[0]
    for filters, expected in ((None, [0x201, 0x101]), (FILTERS, [0x101])):
        intake.want(filters)
        car.send(other)
        car.send(wanted)
        assert [key for key, _ in taken(intake, len(expected))] == expected
    intake.close()


def test_what_is_no_frame_is_an_error_of_the_bus(multicast: Any) -> None:
    """A packet of something else on the group is not taken for a frame."""
    car, bus = multicast(), multicast()
    intake = intake_of(bus, "udp_multicast", None)
    with socket.socket(fileno=os.dup(car.fileno())) as raw:
        raw.sendto(b"hello", (GROUP, raw.getsockname()[1]))
    with pytest.raises(can.CanOperationError, match="no frame"):
        taken(intake, 1)
    intake.close()


class KernelBus:
    """Stands for a bus of SocketCAN, which not every machine has: its socket gives frames as linux/can.h lays them."""

    def __init__(self) -> None:
        self.car, self._socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.filters: list[Any] = []

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._socket.fileno()

    def set_filters(self, filters: Any) -> None:
        """The kernel filters."""
        self.filters.append(filters)

    def close(self) -> None:
        """Ends both."""
        self.car.close()
        self._socket.close()


@pytest.fixture(name="kernel")
def _kernel() -> Iterator[KernelBus]:
    bus = KernelBus()
    yield bus
    bus.close()


def test_frames_of_socketcan_are_read_as_the_kernel_lays_them(kernel: Any) -> None:
    """Classic and FD frames, 11 and 29 bits; remote and error frames are none."""
    intake = intake_of(kernel, "socketcan", FILTERS)
    classic, flexible = struct.Struct("=IB3x8s"), struct.Struct("=IBBxx64s")
    for packet in (
        classic.pack(0x101, 3, b"\1\2\3"),
        classic.pack(0x102 | 1 << 30, 8, b""),
        classic.pack(0x103 | 1 << 29, 8, b""),
        classic.pack(0x18FEF117 | EXTENDED, 8, bytes(range(8))),
        flexible.pack(0x10F, 64, 1, bytes(range(64))),
    ):
        kernel.car.send(packet)
    assert [(frame.key, frame.data) for frame in intake.frames()] == [
        (0x101, b"\1\2\3"),
        (0x18FEF117 | EXTENDED, bytes(range(8))),
        (0x10F, bytes(range(64))),
    ]
    intake.want(None)
    assert kernel.filters == [None]
    kernel.car.send(b"\1\2")
    with pytest.raises(can.CanOperationError, match="2 bytes"):
        list(intake.frames())
    intake.close()


def test_a_look_never_waits(kernel: Any) -> None:
    """Where nothing came there is nothing, and the bus stays open when its intake is closed."""
    intake = intake_of(kernel, "socketcan", None)
    assert list(intake.frames()) == []
    intake.close()
    kernel.car.send(struct.pack("=IB3x8s", 0x101, 1, b"\1"))
    again = intake_of(kernel, "socketcan", None)
    assert [frame.key for frame in again.frames()] == [0x101]
    again.close()


def test_other_drivers_are_asked_as_python_can_does_it() -> None:
    """Frame by frame, filtered by the driver."""
    with can.Bus(interface="virtual", channel="intake", can_filters=FILTERS) as bus:
        assert isinstance(intake_of(bus, "virtual", FILTERS), PlainIntake)


def test_filters_are_those_of_python_can() -> None:
    """The verdict on each identifier is python-can's, also after so many that old ones are forgotten."""
    with can.Bus(interface="virtual", channel="chosen", can_filters=FILTERS) as bus:
        chosen = Chosen(FILTERS)
        for identifier in [*range(0x7FF), *range(0x18FEF000, 0x18FF4000)]:
            extended = identifier > 0x7FF
            message = can.Message(arbitration_id=identifier, is_extended_id=extended)
            assert chosen(identifier | (EXTENDED if extended else 0)) == bus._matches_filters(message)
