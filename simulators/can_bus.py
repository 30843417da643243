"""Control units on a bus: any interface of python-can; between processes of one machine ``udp_multicast``."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import can

from simulators import isotp
from simulators.ecu import FUNCTIONAL_ID, Behaviour, answers, asked_of
from simulators.errors import PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from simulators.ecu import Unit

LOG = logging.getLogger(__name__)

FLOW_CONTROL_S = 1.0
"""How long an answer waits for the tester's flow control (N_Bs of ISO 15765-2)."""
SLOW_S = 0.25
MULTICAST = "udp_multicast"


def open_bus(address: str) -> can.BusABC:
    """The bus that ``interface:channel`` names; for udp_multicast ``udp_multicast:239.74.163.2[:port]``.

    Multicast is opened with a hop limit of 0: nothing leaves this machine.

    Raises:
        PortError: no such interface, or it cannot be opened.
    """
    interface, colon, channel = address.partition(":")
    if not colon or not channel:
        raise PortError(address, f"is not a bus; write it as {MULTICAST}:239.74.163.2 or virtual:car")
    options: dict[str, Any] = {"channel": channel}
    if interface == MULTICAST:
        group, _, port = channel.partition(":")
        options = {"channel": group, "hop_limit": 0} | ({"port": _port(address, port)} if port else {})
    try:
        return can.Bus(interface=interface, **options)
    except (can.CanError, OSError, ValueError, NotImplementedError) as error:
        raise PortError(address, f"cannot be opened as a CAN bus: {error}") from error


def _port(address: str, text: str) -> int:
    if not text.isdecimal():
        raise PortError(address, f"has the port {text!r}, which is not a number")
    return int(text)


@contextmanager
def log_of(path: Path) -> Iterator[Callable[[can.Message], None]]:
    """Writes each frame to a log at once, in candump's form with its direction.

    Raises:
        PortError: the file cannot be written.
    """
    try:
        file = path.open("w", buffering=1)
    except OSError as error:
        raise PortError(str(path), f"cannot be written: {error.strerror}") from error
    with can.CanutilsLogWriter(file) as writer:
        yield writer.on_message_received


def frame_of(identifier: int, data: bytes, asked: bool) -> can.Message:  # noqa: FBT001  what an adapter tells
    """A frame of now; ``is_rx`` where it is the tester's, whom the car receives."""
    return can.Message(time.time(), identifier, data=data, is_extended_id=False, is_rx=asked)


class EcuOnCan:
    """Answers requests on a bus until :meth:`close`; ``units`` is asked for the units as they are at each request.

    ``log`` is handed every frame that comes (``is_rx``) and every one that is sent.
    """

    def __init__(
        self, bus: can.BusABC, units: Callable[[], Sequence[Unit]], log: Callable[[can.Message], object] | None = None
    ) -> None:
        self._bus, self._units, self._log = bus, units, log
        self._flow: dict[int, asyncio.Queue[isotp.FlowControl]] = {}
        self._busy: dict[int, asyncio.Task[None]] = {}
        self.requests = 0

    async def run(self) -> None:
        """Reads requests and answers them, until cancelled."""
        reader = can.AsyncBufferedReader()
        notifier = can.Notifier(self._bus, [reader], timeout=0.2, loop=asyncio.get_running_loop())
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._take(await reader.get_message(), group)  # waits for the bus for as long as it is silent
        finally:
            notifier.stop(timeout=1.0)

    def close(self) -> None:
        """Lets go of the bus."""
        self._bus.shutdown()

    def _take(self, message: can.Message, group: asyncio.TaskGroup) -> None:
        units = self._units()
        if any(message.arbitration_id == unit.answer_id for unit in units):
            return  # what is sent to a multicast group comes back
        if self._log is not None:
            self._log(message)
        if message.is_error_frame or message.is_remote_frame or message.is_extended_id:
            return
        identifier, data = message.arbitration_id, bytes(message.data)
        control = isotp.flow_control(data)
        request = isotp.single(data)
        for unit in asked_of(identifier, units):
            if control is not None and identifier == unit.request_id:
                self._flowing(unit.answer_id).put_nowait(control)
            elif request:
                self._answer(unit, request, functional=identifier == FUNCTIONAL_ID, group=group)

    def _answer(self, unit: Unit, request: bytes, *, functional: bool, group: asyncio.TaskGroup) -> None:
        """A new request ends the answer to the one before, as ISO 15765-2 asks."""
        self.requests += 1
        before = self._busy.pop(unit.answer_id, None)
        if before is not None:
            before.cancel()
        self._flow[unit.answer_id] = asyncio.Queue(16)
        wait_s = SLOW_S if unit.behaviour is Behaviour.SLOW else 0.0
        sending = self._send_all(unit.answer_id, answers(request, unit, functional=functional), wait_s)
        self._busy[unit.answer_id] = group.create_task(sending, name=f"ecu {unit.answer_id:X}")

    def _flowing(self, answer_id: int) -> asyncio.Queue[isotp.FlowControl]:
        return self._flow.setdefault(answer_id, asyncio.Queue(16))

    async def _send_all(self, answer_id: int, payloads: Sequence[bytes], wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
            for payload in payloads:
                await self._send(answer_id, payload)
        except TimeoutError:
            LOG.info("no flow control for %X within %g s; the answer is dropped", answer_id, FLOW_CONTROL_S)
        except can.CanError as error:
            LOG.warning("%X could not answer: %s", answer_id, error)

    async def _send(self, answer_id: int, payload: bytes) -> None:
        frame, left = isotp.begin(payload)
        self._put(answer_id, frame)
        while left is not None:
            async with asyncio.timeout(FLOW_CONTROL_S):
                control = await self._flowing(answer_id).get()
            if control.flow is isotp.Flow.OVERFLOW:
                return
            if control.flow is isotp.Flow.GO_ON:
                frames, left = isotp.block(left, control.block)
                await self._put_spaced(answer_id, frames, control.gap_s)

    async def _put_spaced(self, answer_id: int, frames: Sequence[bytes], gap_s: float) -> None:
        for frame in frames:
            self._put(answer_id, frame)
            await asyncio.sleep(gap_s)

    def _put(self, answer_id: int, data: bytes) -> None:
        message = frame_of(answer_id, data, asked=False)
        if self._log is not None:
            self._log(message)
        self._bus.send(message, timeout=0.5)
