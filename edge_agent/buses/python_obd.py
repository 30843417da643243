"""An ELM327 adapter handled by python-OBD, for whoever trusts its knowledge of adapters more than ours.

``obd:/dev/ttyUSB0[?baud=38400]`` or ``obd:socket://HOST:PORT``. The library is GPL-2.0 and optional
(``pip install 'roadworthy[elm]'``). It opens the adapter, finds the car's protocol and puts frames together; what the
bytes mean is ours, VINs too, of which it cuts some short. All that it writes passes our gate.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.buses.elm327 import VOLTAGE_EVERY_S, opening
from edge_agent.buses.gatekeeper import Gatekeeper
from edge_agent.errors import BusLostError, SourceError
from edge_agent.live import LiveSource
from edge_agent.protocols.gate import Gate
from edge_agent.wakefulness import CHARGING_V

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from edge_agent.buses.base import OpenRequest
    from edge_agent.buses.elm327 import Port
    from edge_agent.protocols.obd import Heard

LOG = logging.getLogger(__name__)
PATIENCE_S = 60.0
"""Resetting an adapter and trying the protocols takes python-OBD so long at most (our choice)."""
_VOLTS = re.compile(r"[0-9]+\.[0-9]+")
_ID_11 = re.compile(r"7[0-9A-F]{2}")
_DIGITS_11, _DIGITS_29 = 3, 8


def open_source(request: OpenRequest) -> LiveSource:
    """The car behind the adapter that the URI names.

    Raises:
        SourceError: neither a device nor a socket, or python-OBD is not installed.
    """
    try:
        library = importlib.import_module("obd")
    except ImportError as error:
        raise SourceError(request.uri, "python-OBD is not installed: pip install 'roadworthy[elm]'") from error
    logging.getLogger("obd").setLevel(logging.CRITICAL)  # what it says of a sleeping car we say once
    return LiveSource(request, partial(_connect, request, opening(request), library))


async def _connect(request: OpenRequest, opened: Callable[[], Any], library: ModuleType) -> ObdLink:
    try:
        port = await opened()
    except (OSError, TimeoutError, ValueError) as error:  # serial.SerialException is an OSError
        raise BusLostError(request.uri, f"cannot be opened: {error}") from error
    return ObdLink(port, request, library)


class ObdLink:
    """Questions by way of python-OBD, which blocks a thread meanwhile; it is asked one thing at a time."""

    physical = False
    traffic_s: float | None = None

    def __init__(self, port: Port, request: OpenRequest, library: ModuleType) -> None:
        self._uri, self._library = request.uri, library
        self._keeper = Gatekeeper(port, Gate(request.switch, may_clear=request.may_clear))
        self._connection: Any = None

    def hear_all(self, wanted: bool) -> None:  # noqa: FBT001  the link's contract
        """An adapter shows answers only."""

    async def woken(self, patience_s: float) -> bool:
        """Measures the voltage at the socket now and then, which the adapter does without the bus."""
        end_s = time.monotonic() + patience_s
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, VOLTAGE_EVERY_S))
            volts = _VOLTS.search(await self._voltage()) if left_s > VOLTAGE_EVERY_S else None
            if volts is not None and float(volts[0]) >= CHARGING_V:
                return True
        return False

    async def _voltage(self) -> str:
        if self._connection is None:
            return ""
        return " ".join(one.raw() for one in await self._query(b"ATRV"))

    async def exchange(self, request: bytes, ecu: str = "") -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says; every ECU hears it, whatever ``ecu`` is."""
        del ecu
        if not await self._is_connected():
            return []
        return list(_heard(await self._query(request.hex().upper().encode())))

    async def _is_connected(self) -> bool:
        """Whether the library has found a car; where it has not, it looks once more."""
        if self._connection is not None and self._connection.is_connected():
            return True
        self._connection = await self._patiently(
            partial(self._library.OBD, self._keeper.path, fast=False, check_voltage=False, timeout=1.0)
        )
        status = self._connection.status()
        if not self._keeper.is_open or status == self._library.OBDStatus.NOT_CONNECTED:
            raise BusLostError(self._uri, "no adapter speaks here")
        LOG.info("python-OBD: %s, %s", status, self._connection.protocol_name() or "no protocol yet")
        return bool(self._connection.is_connected())

    async def _query(self, line: bytes) -> list[Any]:
        command = self._library.OBDCommand("request", "as our planner asks", line, 0, list, self._library.ECU.ALL)
        response = await self._patiently(partial(self._connection.query, command, force=True))
        refused, self._keeper.refused = self._keeper.refused, None
        if refused is not None:
            raise refused
        if not self._keeper.is_open:
            raise BusLostError(self._uri, "the adapter is gone")
        return list(response.messages)

    async def _patiently(self, call: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.to_thread(call)
        except TimeoutError as error:
            raise BusLostError(self._uri, f"the adapter did not answer within {PATIENCE_S:.0f} s") from error

    async def clear(self, request: bytes) -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says."""
        with self._keeper.gate.clearing(request):
            return await self.exchange(request)

    async def close(self) -> None:
        """Lets go of the adapter."""
        self._keeper.close()


def _heard(messages: Iterable[Any]) -> Iterable[Heard]:
    """Payloads with the address of who sent them, as the adapter showed it in front of the first frame."""
    for one in messages:
        if one.data:
            digits = one.frames[0].raw.replace(" ", "")
            yield digits[: _DIGITS_11 if _ID_11.match(digits) else _DIGITS_29], bytes(one.data)
