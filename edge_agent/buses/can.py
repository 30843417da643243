"""OBD-II on a CAN bus (ISO 15765-4), 500 or 250 kbit/s, through any interface of python-can.

``can:INTERFACE:CHANNEL[?bitrate=N][&dids=FILE]``, as ``can:socketcan:can0``; ``dids`` is a table of the model's own
data identifiers (docs/did-tables.md). Between processes of one machine ``can:udp_multicast:GROUP[:PORT]``, which is
opened with a hop limit of 0: no packet leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.buses.address import MULTICAST, bus_options
from edge_agent.buses.base import OpenRequest, parameters
from edge_agent.buses.dbc_map import open_map
from edge_agent.buses.did_files import open_table
from edge_agent.buses.hearing import DbcHearing
from edge_agent.buses.listen import ListeningSource, recorded
from edge_agent.buses.python_can import can
from edge_agent.errors import BusLostError, GarbledAnswerError
from edge_agent.live import LiveSource
from edge_agent.protocols.gate import Gate
from edge_agent.protocols.isotp import (
    FUNCTIONAL,
    FUNCTIONAL_29,
    Assembly,
    is_answer_id,
    is_request_id,
    request_id,
    segment,
)
from edge_agent.protocols.obd import PENDING, is_final
from edge_agent.wakefulness import SILENT_S

if TYPE_CHECKING:
    from edge_agent.campaigns.tap import Tap
    from edge_agent.health import Health
    from edge_agent.protocols.obd import Heard

LOG = logging.getLogger(__name__)

FIRST_ANSWER_S = 0.5
"""How long an ECU may take (ISO 15765-4 allows 50 ms; gateways and busy machines take longer; our choice)."""
QUIET_S = 0.15
"""After a request to all, so long without a further frame ends the listening (three times 50 ms; our choice)."""
BETWEEN_FRAMES_S = 1.0
"""N_Cr of ISO 15765-2: longest wait for the next consecutive frame."""
PENDING_S = 5.0
"""P2* of ISO 14229-2: how long "response pending" asks for."""
SEND_S = 0.5
ALIVE_S = 0.2
"""Traffic within so short a time was there before."""
_ID_DIGITS = {False: 3, True: 8}
_FILTERS: list[Any] = [
    {"can_id": 0x7E8, "can_mask": 0x7F8, "extended": False},
    {"can_id": 0x18DAF100, "can_mask": 0x1FFFFF00, "extended": True},
]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    bitrate: int | None = None
    dbc: str = ""
    map: str = ""
    dids: str = ""


def open_source(request: OpenRequest) -> LiveSource | ListeningSource:
    """The car on the bus that the URI names; with ``dbc`` and ``map`` it is only listened to.

    Raises:
        SourceError: the URI names no interface and channel, or an interface that python-can does not have.
        DidTableError: the table of identifiers that ``dids`` names cannot be taken.
    """
    query = parameters(Query, request)
    options = bus_options(request, query.bitrate) | {"can_filters": _FILTERS}
    request.tap.has_frames = True
    if query.dbc or query.map:
        mapped = open_map(request.uri, query.dbc, query.map, request.health)
        return ListeningSource(request, options, DbcHearing(mapped))
    table = open_table(query.dids)
    return LiveSource(request, partial(_connect, request, options, table.names), table.identifiers)


async def _connect(request: OpenRequest, options: dict[str, Any], named: frozenset[int]) -> CanLink:
    try:
        bus = await asyncio.to_thread(partial(can.Bus, **options))
    except (can.CanError, OSError, ValueError, TypeError, NotImplementedError) as error:
        raise BusLostError(request.uri, f"cannot be opened: {error}") from error
    return CanLink(
        bus, request.uri, Gate(request.switch, named, may_clear=request.may_clear), request.health, request.tap
    )


def _is_diagnostic(message: can.Message) -> bool:
    identifier, extended = message.arbitration_id, message.is_extended_id
    return is_request_id(identifier, extended=extended) or is_answer_id(identifier, extended=extended)


class CanLink:
    """Questions and answers in frames on one bus."""

    physical = True

    def __init__(self, bus: can.BusABC, uri: str, gate: Gate, health: Health, tap: Tap) -> None:
        self._tap, self._all_frames = tap, False
        # What is sent to a multicast group comes back as if another had sent it.
        self._echoes = uri.startswith(f"can:{MULTICAST}:")
        self._bus, self._uri, self._gate, self._health = bus, uri, gate, health
        self._frames: asyncio.Queue[can.Message] = asyncio.Queue()
        self._notifier = can.Notifier(bus, [self._take], timeout=0.1, loop=asyncio.get_running_loop())
        self._extended: bool | None = None
        self._hears_all = False
        self._life = asyncio.Event()
        self.traffic_s: float | None = None

    def _take(self, message: can.Message) -> None:
        usable = not (message.is_error_frame or message.is_remote_frame)
        if self._hears_all and not _is_diagnostic(message):
            self.traffic_s = time.monotonic()
            self._life.set()
        if usable and self._tap.wants_frames:
            self._tap.frame(recorded(message))
        if usable and is_answer_id(message.arbitration_id, extended=message.is_extended_id):
            self._frames.put_nowait(message)

    def hear_all(self, wanted: bool) -> None:  # noqa: FBT001  the link's contract
        """Whether frames of others are let through, so that their silence is noticed."""
        self._hears_all = wanted
        self._set_filters()

    def _set_filters(self) -> None:
        wanted = self._hears_all or self._tap.wants_frames
        if self._all_frames != wanted:
            self._all_frames = wanted
            self._bus.set_filters(None if wanted else _FILTERS)

    async def woken(self, patience_s: float) -> bool:
        """Listens until others speak on the bus, and sends nothing."""
        self.hear_all(wanted=True)
        self._life.clear()
        last_s = None
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.sleep(min(ALIVE_S, patience_s / 2))
                last_s = time.monotonic() if self._life.is_set() else None
                while True:  # a bus that never fell silent does not wake
                    self._life.clear()
                    await self._life.wait()
                    if last_s is None or time.monotonic() - last_s > SILENT_S:
                        return True
                    last_s = time.monotonic()
                    await asyncio.sleep(ALIVE_S)
        except TimeoutError:
            return False
        finally:
            self.hear_all(wanted=False)

    async def exchange(self, request: bytes, ecu: str = "") -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says; 11-bit identifiers are tried first, then 29-bit ones."""
        if self._extended is not None:
            return await self._ask(request, ecu, extended=self._extended)
        for extended in (False, True):
            heard = await self._ask(request, ecu, extended=extended)
            if heard:
                self._extended = extended
                return heard
        return []

    async def _ask(self, request: bytes, ecu: str, *, extended: bool) -> list[Heard]:
        self._set_filters()
        while not self._frames.empty():
            self._frames.get_nowait()  # what came too late for the question before
        everyone = FUNCTIONAL_29 if extended else FUNCTIONAL
        (frame,) = segment(request)
        self._send(request_id(int(ecu, 16)) if ecu else everyone, frame, extended=extended)
        return await self._listen(request, ecu, extended=extended)

    async def _listen(self, request: bytes, ecu: str, *, extended: bool) -> list[Heard]:
        heard: list[Heard] = []
        assemblies: dict[int, Assembly] = {}
        until_s = time.monotonic() + FIRST_ANSWER_S
        while (message := await self._next(until_s)) is not None:
            payload = self._assemble(message, assemblies, extended=extended)
            if payload is not None:
                speaker = f"{message.arbitration_id:0{_ID_DIGITS[extended]}X}"
                heard.append((speaker, payload))
                if speaker == ecu and is_final(request, payload):
                    break
            until_s = max(until_s if ecu else 0.0, time.monotonic() + self._patience_s(assemblies, payload))
        return heard

    @staticmethod
    def _patience_s(assemblies: dict[int, Assembly], payload: bytes | None) -> float:
        if payload is not None and payload[-1:] == bytes([PENDING]) and payload[:1] == b"\x7f":
            return PENDING_S
        return BETWEEN_FRAMES_S if any(assembly.open for assembly in assemblies.values()) else QUIET_S

    async def _next(self, until_s: float) -> can.Message | None:
        try:
            async with asyncio.timeout(max(0.0, until_s - time.monotonic())):
                return await self._frames.get()
        except TimeoutError:
            return None

    def _assemble(self, message: can.Message, assemblies: dict[int, Assembly], *, extended: bool) -> bytes | None:
        if message.is_extended_id != extended:
            return None
        sender = message.arbitration_id
        try:
            step = assemblies.setdefault(sender, Assembly()).take(bytes(message.data))
        except GarbledAnswerError as error:
            self._health.add("garbage", detail=f"{sender:X}")
            LOG.info("from %X: %s", sender, error)
            return None
        if step.reply is not None:
            self._send(request_id(sender), step.reply, extended=extended)
        return step.payload

    def _send(self, identifier: int, data: bytes, *, extended: bool) -> None:
        passed = self._gate.frame(identifier, data, extended=extended)
        message = can.Message(arbitration_id=identifier, data=passed, is_extended_id=extended)
        if self._tap.wants_frames and not self._echoes:
            self._tap.frame(recorded(message, sent=True))
        try:
            self._bus.send(message, SEND_S)
        except (can.CanError, OSError) as error:
            raise BusLostError(self._uri, f"cannot send: {error}") from error

    async def clear(self, request: bytes) -> list[Heard]:
        """As :class:`~edge_agent.link.Link` says."""
        with self._gate.clearing(request):
            return await self.exchange(request)

    async def close(self) -> None:
        """Stops listening and lets go of the bus."""
        await asyncio.to_thread(self._notifier.stop, 1.0)
        self._bus.shutdown()
