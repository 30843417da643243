"""What came on a bus since the last look, many frames at once.

python-can hands over one frame a call: it waits for the socket, reads it, makes a message of a dozen fields, checks
them, and goes through all filters. At some thousand frames a second that is most of what listening costs. Where the bus
is a socket of Linux (SocketCAN, and python-can's UDP multicast), frames are read from it here, without waiting, as far
as they matter; every other driver is asked as python-can does it.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import msgspec

from edge_agent.buses.address import MULTICAST
from edge_agent.buses.python_can import can
from edge_agent.decoders.layout import EXTENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from can.typechecking import CanFilter, CanFilters

SOCKETCAN = "socketcan"
MOST_AT_ONCE = 2000
LOOK_S = 0.001
"""python-can gives up at the first frame that no filter wants unless it is given a little time."""
LARGEST = 4096
_MOST_KNOWN = 10_000
"""Identifiers of which is kept whether they are wanted (our choice; a bus has some hundred)."""
_STAMP, _STAMPED = struct.Struct("@ll"), 35
"""SO_TIMESTAMPNS, which Python does not name (socket(7)): seconds and nanoseconds beside each frame."""
_BESIDE = 64
_HEAD, _DATA_AT = struct.Struct("=IB"), 8
"""``struct can_frame`` and ``canfd_frame`` of linux/can.h begin with identifier and length; data is at the same place
in both."""
_REMOTE, _ERROR = 1 << 30, 1 << 29


class Came(NamedTuple):
    """A data frame: its identifier with bit 31 set where it has 29 bits, its data, and when it came (Unix time)."""

    key: int
    data: bytes
    at_s: float


class Intake(Protocol):
    """Between an open bus and its listener."""

    def want(self, filters: CanFilters | None) -> None:
        """Which frames matter from now on, as python-can writes it; None for all."""
        ...

    def frames(self) -> Iterator[Came]:
        """What has come and matters, at most ``MOST_AT_ONCE`` frames.

        Raises:
            can.CanError: the bus is gone, or says what is no frame.
            OSError: the bus is gone.
        """
        ...

    def close(self) -> None:
        """Lets go of what it has besides the bus, which is not closed."""
        ...


def intake_of(bus: can.BusABC, interface: str, filters: CanFilters | None) -> Intake:
    """How frames are taken in from a bus of python-can's ``interface`` that was opened with ``filters``."""
    if sys.platform == "linux" and interface == SOCKETCAN:
        return SocketIntake(bus, _of_kernel, None)
    if sys.platform == "linux" and interface == MULTICAST:
        return SocketIntake(bus, _of_multicast, Chosen(filters))
    return PlainIntake(bus)


class PlainIntake:
    """Through python-can, frame by frame."""

    def __init__(self, bus: can.BusABC) -> None:
        self._bus = bus

    def want(self, filters: CanFilters | None) -> None:
        """As :class:`Intake` says."""
        self._bus.set_filters(filters)

    def frames(self) -> Iterator[Came]:
        """As :class:`Intake` says."""
        for _ in range(MOST_AT_ONCE):
            message = self._bus.recv(LOOK_S)
            if message is None:
                return
            if not (message.is_error_frame or message.is_remote_frame):
                key = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
                yield Came(key, bytes(message.data), message.timestamp)

    def close(self) -> None:
        """The bus is all that there is."""


class Chosen:
    """Which identifiers filters let through; each is gone through the filters once."""

    def __init__(self, filters: CanFilters | None) -> None:
        self._filters = filters or None
        self._known: dict[int, bool] = {}

    def __call__(self, key: int) -> bool:
        """Whether frames of the identifier (bit 31 set where it has 29 bits) matter."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._filters is None or any(_lets(one, key) for one in self._filters)
        return found


def _lets(one: CanFilter, key: int) -> bool:
    """Whether a filter lets an identifier through (python-can, ``BusABC.set_filters``)."""
    extended = bool(key & EXTENDED)
    return one.get("extended", extended) == extended and not (one["can_id"] ^ key) & one["can_mask"] & ~EXTENDED


class SocketIntake:
    """From the bus's own socket; ``chosen`` where the kernel does not filter."""

    def __init__(
        self, bus: can.BusABC, read: Callable[[bytes], tuple[int, bytes] | None], chosen: Chosen | None
    ) -> None:
        self._bus, self._read, self._chosen = bus, read, chosen
        self._socket = socket.socket(fileno=os.dup(bus.fileno()))

    def want(self, filters: CanFilters | None) -> None:
        """As :class:`Intake` says."""
        if self._chosen is None:
            self._bus.set_filters(filters)
        else:
            self._chosen = Chosen(filters)

    def frames(self) -> Iterator[Came]:
        """As :class:`Intake` says."""
        receive, read, chosen = self._socket.recvmsg, self._read, self._chosen
        try:
            for _ in range(MOST_AT_ONCE):
                packet, beside, _, _ = receive(LARGEST, _BESIDE, socket.MSG_DONTWAIT)
                found = read(packet)
                if found is not None and (chosen is None or chosen(found[0])):
                    yield Came(*found, _stamp(beside))
        except BlockingIOError:
            return

    def close(self) -> None:
        """As :class:`Intake` says."""
        self._socket.close()


def _stamp(beside: Sequence[tuple[int, int, bytes]]) -> float:
    """When the kernel had the frame, or now where it does not say."""
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == _STAMPED and len(data) == _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack(data)
            return float(seconds + nanoseconds * 1e-9)
    return time.time()


def _of_kernel(packet: bytes) -> tuple[int, bytes] | None:
    """Identifier and data of a frame of SocketCAN; None of one without data."""
    try:
        key, length = _HEAD.unpack_from(packet)
    except struct.error as error:
        raise can.CanOperationError(f"{len(packet)} bytes are no frame of SocketCAN") from error
    return None if key & (_REMOTE | _ERROR) else (key, packet[_DATA_AT : _DATA_AT + length])


class _Said(msgspec.Struct, gc=False):
    """What matters of a frame as python-can packs it for UDP multicast."""

    arbitration_id: Annotated[int, msgspec.Meta(ge=0, le=0x1FFF_FFFF)]
    is_extended_id: bool
    is_remote_frame: bool
    is_error_frame: bool
    data: Annotated[bytes, msgspec.Meta(max_length=64)]


_PACKED = msgspec.msgpack.Decoder(_Said)


def _of_multicast(packet: bytes) -> tuple[int, bytes] | None:
    try:
        said = _PACKED.decode(packet)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise can.CanOperationError(f"what came is no frame: {error}") from error
    if said.is_remote_frame or said.is_error_frame:
        return None
    return said.arbitration_id | (EXTENDED if said.is_extended_id else 0), said.data
