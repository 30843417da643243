"""An ELM327 adapter, genuine or clone: USB and Bluetooth as a serial device, Wi-Fi as a TCP port.

``elm327:/dev/ttyUSB0[?baud=38400]`` or ``elm327:socket://HOST:PORT``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import serial

from edge_agent.buses.base import OpenRequest, parameters
from edge_agent.errors import BusLostError, GarbledAnswerError, SourceError
from edge_agent.live import LiveSource
from edge_agent.protocols.elm327 import SETUP, Lines, Reply, read_reply
from edge_agent.protocols.gate import Gate
from edge_agent.wakefulness import CHARGING_V

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge_agent.protocols.obd import Heard

LOG = logging.getLogger(__name__)

BAUD = 38400
"""What most adapters speak out of the box (ELM327 data sheet)."""
RESET_S = 5.0
ANSWER_S = 10.0
"""The first request may search for the car's protocol, which takes several seconds (ELM327 data sheet)."""
VOLTAGE_EVERY_S = 10.0
"""While the car sleeps (our choice); nothing of it reaches the bus."""
SOCKET = "socket"
_VOLTS = re.compile(r"[0-9]+\.[0-9]+")
_PROTOCOL = re.compile(r"A?(?P<number>[1-9A-C])\s*")
"""The answer to ``ATDPN``: an A in front where the adapter chose by itself (ELM327 data sheet)."""
CHUNK = 4096
NAME = "ELM"
"""In the greeting of every adapter that speaks this language, clones included."""


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    baud: int = BAUD


def open_source(request: OpenRequest) -> LiveSource:
    """The car behind the adapter that the URI names.

    Raises:
        SourceError: neither a device nor a socket.
    """
    return LiveSource(request, partial(_connect, request, opening(request), Found()))


def opening(request: OpenRequest) -> Callable[[], Awaitable[Port]]:
    """How the adapter that a URI names is opened.

    Raises:
        SourceError: neither a device nor a socket.
    """
    query = parameters(Query, request)
    address, scheme = urlsplit(request.path), request.uri.partition(":")[0]
    if address.scheme == SOCKET:
        if not address.hostname or not _port_of(address):
            raise SourceError(request.uri, f"write it as {scheme}:socket://HOST:PORT")
        return partial(_open_socket, address.hostname, address.port or 0)
    if not request.path.startswith("/"):
        why = f"write it as {scheme}:/dev/ttyUSB0 or {scheme}:socket://127.0.0.1:35000"
        raise SourceError(request.uri, why)
    return partial(_open_serial, request.path, query.baud)


def _port_of(address: Any) -> int:
    try:
        return address.port or 0
    except ValueError:
        return 0


@dataclass(slots=True)
class Found:
    """The protocol, by the adapter's number, in which the car answered last; empty before it has."""

    protocol: str = ""


class Port:
    """Bytes to and from an adapter."""

    def __init__(
        self, reader: asyncio.StreamReader, write: Callable[[bytes], object], close: Callable[[], object]
    ) -> None:
        self.reader, self.write, self.close = reader, write, close


async def _open_socket(host: str, port: int) -> Port:
    async with asyncio.timeout(RESET_S):
        reader, writer = await asyncio.open_connection(host, port)
    return Port(reader, writer.write, writer.close)


async def _open_serial(path: str, baud: int) -> Port:
    """A serial device as a stream; the event loop waits for it, no thread does."""
    device = await asyncio.to_thread(partial(serial.serial_for_url, path, baud, timeout=0, write_timeout=1.0))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), device)
    return Port(reader, device.write, transport.close)


async def _connect(request: OpenRequest, opened: Callable[[], Any], found: Found) -> ElmLink:
    try:
        port = await opened()
    except (OSError, TimeoutError, ValueError) as error:  # serial.SerialException is an OSError
        raise BusLostError(request.uri, f"cannot be opened: {error}") from error
    link = ElmLink(port, request, found)
    try:
        await link.set_up()
    except BaseException:
        await link.close()
        raise
    return link


class ElmLink:
    """Questions as lines of hex, answers as the adapter shows them."""

    physical = False

    def __init__(self, port: Port, request: OpenRequest, found: Found) -> None:
        self._port, self._uri, self._health = port, request.uri, request.health
        self._found, self._is_found = found, False
        self._gate = Gate(request.switch, may_clear=request.may_clear)
        self._lines = Lines()
        self._whole: list[str] = []
        self._owed = False

    async def set_up(self) -> None:
        """Resets the adapter and sets how it shows answers; it begins with the protocol that was found, else searches.

        Where the car does not answer in that one it searches by itself all the same (``ATSPA``, ELM327 data sheet).

        Raises:
            BusLostError: no adapter speaks here.
        """
        told = await self._say("ATZ", RESET_S)
        while NAME not in told:  # what an earlier tester left unread comes first
            told = await self._hear("ATZ", RESET_S)
        LOG.info("adapter: %s", " ".join(told.split()))
        for command in (*SETUP, f"ATSPA{self._found.protocol}" if self._found.protocol else "ATSP0"):
            await self._say(command, RESET_S)

    traffic_s: float | None = None

    def hear_all(self, wanted: bool) -> None:  # noqa: FBT001  the link's contract
        """An adapter shows answers only."""

    async def woken(self, patience_s: float) -> bool:
        """Measures the voltage at the socket now and then, which the adapter does without the bus."""
        end_s = time.monotonic() + patience_s
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, VOLTAGE_EVERY_S))
            volts = _VOLTS.search(await self._say("ATRV", RESET_S)) if left_s > VOLTAGE_EVERY_S else None
            if volts is not None and float(volts[0]) >= CHARGING_V:
                return True
        return False

    async def exchange(self, request: bytes, ecu: str = "") -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says; every ECU hears it, whatever ``ecu`` is."""
        del ecu
        command = request.hex().upper()
        reply = self._read(await self._say(command, ANSWER_S), command)
        if reply.heard and not self._is_found:
            await self._remember_protocol()
        return list(reply.heard)

    async def _remember_protocol(self) -> None:
        """Asks the adapter once which protocol the car answered in; the car has no part in it."""
        self._is_found = True
        said = _PROTOCOL.fullmatch((await self._say("ATDPN", RESET_S)).strip())
        if said is not None:
            self._found.protocol = said["number"]
            LOG.info("the car answers in the adapter's protocol %s", self._found.protocol)

    def _read(self, text: str, command: str) -> Reply:
        reply = read_reply(text, command)
        for line in reply.garbled:
            self._health.add("garbage")
            LOG.info("the adapter said %r to %s, which means nothing", line[:80], command)
        if reply.complaint:
            self._health.add("complaints", detail=reply.complaint)
            LOG.debug("the adapter said %s to %s", reply.complaint, command)
        if reply.restarted:
            raise BusLostError(self._uri, "the adapter began anew, as after a dip of its supply")
        return reply

    async def _say(self, command: str, patience_s: float) -> str:
        """The adapter's text after one line; what it still owed to a question that was broken off is thrown away."""
        if self._owed:
            await self._hear(command, patience_s)
        try:
            self._owed = True
            self._port.write(self._gate.line(command))
        except OSError as error:
            raise BusLostError(self._uri, f"the adapter is gone: {error}") from error
        return await self._hear(command, patience_s)

    async def _hear(self, command: str, patience_s: float) -> str:
        try:
            async with asyncio.timeout(patience_s):
                text = await self._text()
        except TimeoutError as error:
            raise BusLostError(self._uri, f"the adapter said nothing to {command} within {patience_s:g} s") from error
        except OSError as error:
            raise BusLostError(self._uri, f"the adapter is gone: {error}") from error
        self._owed = False
        return text

    async def _text(self) -> str:
        while not self._whole:
            data = await self._port.reader.read(CHUNK)
            if not data:
                raise BusLostError(self._uri, "the adapter closed the line")
            try:
                self._whole += self._lines.feed(data)
            except GarbledAnswerError as error:
                self._health.add("garbage")
                raise BusLostError(self._uri, str(error)) from error
        return self._whole.pop(0)

    async def clear(self, request: bytes) -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says."""
        with self._gate.clearing(request):
            return await self.exchange(request)

    async def close(self) -> None:
        """Lets go of the adapter."""
        self._port.close()
