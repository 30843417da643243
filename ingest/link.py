"""A connection to the broker: many messages a read, one write for many answers, and reading stops when told to."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Any, TypeVar

from ingest import packets
from ingest.errors import BrokerLinkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

KEEP_ALIVE_S = 30
PATIENCE_S = 10.0
"""So long the broker may take to answer a request (our choice)."""
_MOST_IDS = 0xFFFF
_Answer = TypeVar("_Answer")
_REASONS = {1: "it speaks another MQTT", 2: "it refuses our client id", 3: "it is not available",
            4: "it refuses our user name or password", 5: "it refuses us"}  # fmt: skip


class Link(asyncio.Protocol):
    """One connection; ``take`` is handed the messages of each read, which are then confirmed to the broker.

    A confirmation promises nothing: what counts is the acknowledgement that a device is sent after the commit.
    """

    def __init__(self, take: Callable[[Sequence[packets.Message]], None]) -> None:
        self._take = take
        self._buffer = bytearray()
        self._outgoing: list[bytes] = []
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard_s = 0.0
        self._paused = False
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._greeted: asyncio.Future[int] = loop.create_future()
        self.closed: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_connection gives; tells mypy
        self._transport = transport
        self._heard_s = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        self._end(str(exc) if exc else "it closed the connection")

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._writable.set()

    def pause(self) -> None:
        """Reads no more until :meth:`resume`; the broker keeps what comes."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads again."""
        if self._transport is not None and self._paused and not self.closed.done():
            self._paused = False
            self._heard_s = self._loop.time()
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Takes what is whole of what came."""
        self._heard_s = self._loop.time()
        self._buffer += data
        found: list[packets.Message] = []
        try:
            for packet in packets.packets(self._buffer):
                if packet.kind == packets.PUBLISH:
                    found.append(packets.message(packet))
                else:
                    self._answered(packet)
        except BrokerLinkError as error:
            self._end(str(error))
            return
        if found:
            self._take(found)
            self.write(b"".join(packets.puback(one.packet_id) for one in found if one.packet_id))

    def _answered(self, packet: packets.Packet) -> None:
        if packet.kind == packets.CONNACK and not self._greeted.done():
            self._greeted.set_result(packet.body[1])
        elif packet.kind in {packets.PUBACK, packets.SUBACK, packets.UNSUBACK}:
            (packet_id,) = struct.unpack_from(">H", packet.body)
            waiting = self._waiting.pop(packet_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(packet.body[2:])

    def write(self, raw: bytes) -> None:
        """Sends soon: together with what else is sent in this turn of the loop."""
        if not raw:  # it would stand in the way of the next, which then takes itself for one that is sent already
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(raw)

    def _flush(self) -> None:
        raw = b"".join(self._outgoing)
        self._outgoing.clear()
        if self._transport is not None and not self.closed.done():
            self._transport.write(raw)

    def _end(self, why: str) -> None:
        if self.closed.done():
            return
        self.closed.set_result(why)
        self._greeted.cancel()
        for waiting in self._waiting.values():
            waiting.cancel()
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()

    def _next_id(self) -> int:
        self._last_id = self._last_id % _MOST_IDS + 1
        return self._last_id

    async def greet(self, client_id: str, user: str, password: str) -> None:
        """Signs in.

        Raises:
            BrokerLinkError: the broker refuses, is silent, or goes.
        """
        self.write(packets.connect(client_id, user, password, KEEP_ALIVE_S))
        code = await self._patiently(self._greeted)
        if code != 0:
            raise BrokerLinkError(_REASONS.get(code, f"it refuses us with code {code}"))

    async def subscribe(self, topic_filter: str) -> None:
        """Subscribes at QoS 1.

        Raises:
            BrokerLinkError: the broker does not grant it, is silent, or goes.
        """
        packet_id = self._next_id()
        if packets.REFUSED in await self._request(packet_id, packets.subscribe(packet_id, topic_filter)):
            raise BrokerLinkError(f"it does not let us subscribe to {topic_filter}")

    async def unsubscribe(self, topic_filter: str) -> None:
        """Ends a subscription.

        Raises:
            BrokerLinkError: the broker is silent or goes.
        """
        packet_id = self._next_id()
        await self._request(packet_id, packets.unsubscribe(packet_id, topic_filter))

    async def publish(self, topic: str, payload: bytes, *, confirmed: bool = True, retained: bool = False) -> None:
        """Publishes at QoS 1; waits for the broker's confirmation, or only until the socket takes more.

        The broker keeps a ``retained`` one for those who subscribe later; such a one is always confirmed.

        Raises:
            BrokerLinkError: the broker is silent or goes.
        """
        if confirmed or retained:
            packet_id = self._next_id()
            await self._request(packet_id, packets.publish(packet_id, topic, payload, retained=retained))
            return
        self.send(topic, payload)
        if not self._writable.is_set():
            await self._writable.wait()
        if self.closed.done():
            raise BrokerLinkError(self.closed.result())

    def send(self, topic: str, payload: bytes) -> None:
        """Publishes at QoS 1 and waits for nothing."""
        self.write(packets.publish(self._next_id(), topic, payload))

    async def _request(self, packet_id: int, raw: bytes) -> bytes:
        waiting: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[packet_id] = waiting
        self.write(raw)
        try:
            return await self._patiently(waiting)
        finally:
            self._waiting.pop(packet_id, None)

    async def _patiently(self, answer: asyncio.Future[_Answer]) -> _Answer:
        both: set[asyncio.Future[Any]] = {answer, self.closed}
        await asyncio.wait(both, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if self.closed.done():
            raise BrokerLinkError(self.closed.result())
        if not answer.done():
            raise BrokerLinkError(f"it did not answer within {PATIENCE_S:.0f} s")
        return answer.result()

    async def stay(self) -> None:
        """Keeps the connection alive until it ends.

        Raises:
            BrokerLinkError: it ended, or nothing was heard for one and a half times the keep-alive.
        """
        while not self.closed.done():
            await asyncio.wait({self.closed}, timeout=KEEP_ALIVE_S / 2)
            if not self._paused and self._loop.time() - self._heard_s > 1.5 * KEEP_ALIVE_S:
                self._end("it is silent")
            self.write(packets.PING)
        raise BrokerLinkError(self.closed.result())

    def close(self) -> None:
        """Says goodbye and closes."""
        if self._transport is not None and not self.closed.done():
            self._flush()
            self._transport.write(packets.DISCONNECT)
            self._transport.close()


@contextlib.asynccontextmanager
async def connected(
    address: tuple[str, int], sign_in: tuple[str, str, str], take: Callable[[Sequence[packets.Message]], None]
) -> AsyncIterator[Link]:
    """A connection that is signed in (client id, user name, password), closed at the end.

    Raises:
        BrokerLinkError: nobody listens there, or the broker refuses.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, link = await loop.create_connection(lambda: Link(take), *address)
    except OSError as error:
        raise BrokerLinkError(error.strerror or str(error)) from error
    try:
        await link.greet(*sign_in)
        yield link
    finally:
        link.close()
