"""Where the vehicle is, from a GNSS receiver. Off unless the configuration names one and the owner has allowed it.

``gnss = "/dev/ttyACM0"`` is a receiver on a serial line, ``"socket://HOST:PORT"`` one that speaks NMEA on TCP, and
``"gpsd://127.0.0.1:2947"`` gpsd, which is asked for NMEA. The receiver is read only while it is allowed: without the
server's word its port is not even opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge_agent.errors import ConfigError
from edge_agent.protocols.nmea import fix
from vehicle.errors import SignalRangeError
from vehicle.signals import ALTITUDE, HEADING, LATITUDE, LONGITUDE, signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.protocols.nmea import Fix

LOG = logging.getLogger(__name__)

WATCH = b'?WATCH={"enable":true,"nmea":true};\n'
"""Asks gpsd for NMEA (gpsd_json(5))."""
BAUD = 9600
OPEN_S, SILENCE_S, PAUSE_S = 5.0, 30.0, 10.0
"""Patience with an opening and with a silent receiver, and the wait before the next try (our choice)."""
LOOK_S = 1.0
_LONGEST_LINE = 4096
GPSD, SOCKET = "gpsd", "socket"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where NMEA comes from: a serial device, or a host and a port, with what is said to it first."""

    device: str = ""
    host: str = ""
    port: int = 0
    greeting: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Receiver:
        """The receiver that the configuration names.

        Raises:
            ConfigError: it is none.
        """
        address = urlsplit(text)
        with contextlib.suppress(ValueError):
            if address.scheme in {GPSD, SOCKET} and address.hostname and address.port:
                return cls(
                    host=address.hostname, port=address.port, greeting=WATCH if address.scheme == GPSD else b""
                )  # fmt: skip
        if not text.startswith("/"):
            raise ConfigError(
                "gnss", f"{text!r}: write it as /dev/ttyACM0, socket://HOST:PORT or gpsd://127.0.0.1:2947"
            )
        return cls(device=text)


class Position:
    """Follows a receiver while ``is_allowed``; ``values`` are what came since they were last taken."""

    def __init__(self, receiver: Receiver, is_allowed: Callable[[], bool]) -> None:
        self._receiver, self._is_allowed = receiver, is_allowed
        self._fresh: dict[str, int] = {}
        self._said = ""

    def values(self) -> dict[str, int]:
        """Raw integers by path; none while it is not allowed, whatever was heard before."""
        fresh, self._fresh = self._fresh, {}
        return fresh if self._is_allowed() else {}

    async def run(self) -> None:
        """Reads until cancelled; a receiver that is lost is opened again."""
        while True:
            if not self._is_allowed():
                await asyncio.sleep(LOOK_S)
                continue
            try:
                await self._follow()
            except (OSError, ValueError, TimeoutError, EOFError) as error:
                said = f"{type(error).__name__}: {error}"
                if said != self._said:
                    LOG.warning("no position: %s; trying again", said)
                self._said = said
                await asyncio.sleep(PAUSE_S)

    async def _follow(self) -> None:
        # Not by wait_for: before Python 3.12 it may lose a cancellation that comes together with its result.
        async with asyncio.timeout(OPEN_S):
            reader, close = await _opened(self._receiver)
        try:
            while self._is_allowed():
                async with asyncio.timeout(SILENCE_S):
                    line = await reader.readline()
                if not line:
                    raise EOFError("the receiver is gone")
                found = fix(line)
                if found is not None:
                    self._said = ""
                    self._fresh.update(_values(found))
        finally:
            close()
            self._fresh.clear()


def _values(found: Fix) -> dict[str, int]:
    said = {
        LATITUDE: found.latitude, LONGITUDE: found.longitude, ALTITUDE: found.altitude_m, HEADING: found.heading,
    }  # fmt: skip
    values = {}
    for path, value in said.items():
        with contextlib.suppress(SignalRangeError):
            if value is not None:
                values[path] = signal(path).raw(value)
    return values


async def _opened(receiver: Receiver) -> tuple[asyncio.StreamReader, Callable[[], object]]:
    if receiver.device:
        return await _opened_serial(receiver.device)
    reader, writer = await asyncio.open_connection(receiver.host, receiver.port, limit=_LONGEST_LINE)
    if receiver.greeting:
        writer.write(receiver.greeting)
    return reader, writer.close


async def _opened_serial(path: str) -> tuple[asyncio.StreamReader, Callable[[], object]]:
    import serial  # noqa: PLC0415  only where a receiver is on a serial line

    device = await asyncio.to_thread(serial.serial_for_url, path, BAUD, timeout=0)
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), device
    )
    return reader, transport.close
