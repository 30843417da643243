"""Between a library that speaks to adapters by itself and the adapter: every line that it writes passes the gate.

The library is given a terminal of this machine; what it writes there goes on to the adapter line by line, if the gate
lets it, and no request sooner than the polling contract allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from typing import TYPE_CHECKING

from edge_agent.errors import ForbiddenRequestError
from edge_agent.polling import SPACING_S

if TYPE_CHECKING:
    from edge_agent.buses.elm327 import Port
    from edge_agent.protocols.gate import Gate

CHUNK = 4096
MOST_BYTES = 256
"""A longer line is none to an adapter (our choice; the longest that we know has some thirty bytes)."""
_REFUSED = b"?\r\r>"
"""What an adapter says to a line that it does not know."""


class Gatekeeper:
    """A terminal at ``path`` in front of the adapter at ``port``; ``refused`` is what the gate refused last."""

    def __init__(self, port: Port, gate: Gate) -> None:
        self._port, self.gate = port, gate
        self._loop = asyncio.get_running_loop()
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self.refused: ForbiddenRequestError | None = None
        self.is_open = True
        self._line = bytearray()
        self._free_s = 0.0
        self._asked = False
        self._loop.add_reader(self._ours, self._from_library)
        self._listening = self._loop.create_task(self._from_adapter(), name="agent.gatekeeper")

    def _from_library(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._line += os.read(self._ours, CHUNK)
        *lines, rest = self._line.split(b"\r")
        self._line = bytearray(rest[-MOST_BYTES:])
        for line in lines:
            self._pass_on(line.decode("ascii", errors="replace").replace(" ", "").strip().upper())

    def _pass_on(self, text: str) -> None:
        try:
            raw = self.gate.line(text)
        except ForbiddenRequestError as error:
            self.refused = error
            self._to_library(_REFUSED)
            return
        self._asked = not text.startswith("AT")
        at_s = max(self._loop.time(), self._free_s if self._asked else 0.0)
        self._loop.call_at(at_s, self._write, raw)

    def _write(self, raw: bytes) -> None:
        if self.is_open:
            try:
                self._port.write(raw)
            except OSError:
                self._end()

    async def _from_adapter(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._port.reader.read(CHUNK):
                if self._asked and b">" in data:
                    self._free_s = self._loop.time() + SPACING_S
                self._to_library(data)
        self._end()

    def _to_library(self, data: bytes) -> None:
        if self.is_open:
            with contextlib.suppress(BlockingIOError):  # nobody reads there, and nobody will miss it
                os.write(self._ours, data)

    def _end(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)

    def close(self) -> None:
        """Lets go of adapter and terminal; the library reads the end of the line."""
        self._listening.cancel()
        self._end()
        self._port.close()
