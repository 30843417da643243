"""An ELM327 on a TCP port, as Wi-Fi adapters are, in front of simulated control units."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING

from simulators import isotp
from simulators.ecu import FUNCTIONAL_ID, answers, asked_of
from simulators.elm_dialogue import Settings, respond
from simulators.errors import PortError
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.ecu import Unit

LOG = logging.getLogger(__name__)

LONGEST_LINE = 256
ANSWER_S = 0.02
"""How long an ECU takes to answer (our choice; ISO 15765-4 allows 50 ms)."""
IDLE_S = 600.0
RESTING_V = 12.4


def parse_address(text: str, *, anywhere: bool = False) -> tuple[str, int]:
    """Host and port of ``host:port``; only this machine unless ``anywhere``, since the port asks for no password.

    Raises:
        PortError: not an address, or one that others can reach.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:  # noqa: PLR2004  ports end there
        raise PortError(text, "is not host:port, as 127.0.0.1:35000")
    if not anywhere and not _loopback(host):
        raise PortError(text, "can be reached from outside; a simulated adapter listens on 127.0.0.1 only")
    return host, int(port)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Elm327:
    """The adapter: any number of testers on one port, each with its own settings.

    ``heard`` is told of every frame that the adapter puts on the car's bus or finds there: identifier, bytes, and
    whether it is the tester's.
    """

    def __init__(
        self, units: Callable[[], Sequence[Unit]], heard: Callable[[int, bytes, bool], object] = lambda *_: None
    ) -> None:
        self._units, self._heard = units, heard
        self.requests = 0
        self.port = 0

    async def run(self, host: str, port: int, ready: asyncio.Event | None = None) -> None:
        """Listens until cancelled; port 0 takes a free one, which ``port`` then names.

        Raises:
            PortError: the port cannot be had.
        """
        try:
            server = await asyncio.start_server(self._talk, host, port, limit=LONGEST_LINE)
        except OSError as error:
            raise PortError(f"{host}:{port}", f"cannot be listened on: {error.strerror or error}") from error
        self.port = server.sockets[0].getsockname()[1]
        if ready is not None:
            ready.set()
        async with server:
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        LOG.info("a tester connected from %s", peer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._serve(reader, writer)
        except asyncio.IncompleteReadError:
            LOG.info("the tester from %s closed the connection", peer)
        except (ConnectionError, TimeoutError) as error:
            LOG.info("the tester from %s is gone: %r", peer, error)
        except asyncio.LimitOverrunError:
            LOG.warning("the tester from %s sent more than %d characters without a return", peer, LONGEST_LINE)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        settings = Settings()
        while True:
            async with asyncio.timeout(IDLE_S):  # wait_for may lose a cancellation before Python 3.12
                line = await reader.readuntil(b"\r")
            text = line.decode("ascii", errors="replace").replace("\n", "").replace("\0", "").rstrip("\r")
            said = respond(text, settings, ask=self._ask, voltage_v=self._voltage())
            settings = said.settings
            await asyncio.sleep(ANSWER_S)
            writer.write(said.text.encode("ascii", errors="replace"))
            await writer.drain()

    def _ask(self, identifier: int, request: bytes) -> list[tuple[int, bytes]]:
        self.requests += 1
        self._heard(identifier, isotp.padded(bytes([len(request)]) + request), True)
        answered = [
            (unit.answer_id, payload)
            for unit in asked_of(identifier, self._units())
            for payload in answers(request, unit, functional=identifier == FUNCTIONAL_ID)
        ]
        for answer_id, payload in answered:
            for frame in isotp.all_frames(payload):
                self._heard(answer_id, frame, False)
        return answered

    def _voltage(self) -> float:
        found = (unit.values.get(signals.CONTROL_MODULE_VOLTAGE) for unit in self._units())
        return next((value for value in found if value is not None), RESTING_V)
