"""The questions of OBD-II (SAE J1979) that we ask, each answered in our words."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError, NoAnswerError, RefusedError
from edge_agent.polling import SPACING_S
from edge_agent.protocols.dialect import DIALECTS
from edge_agent.protocols.did_table import decode
from edge_agent.protocols.isotp import answering
from edge_agent.protocols.obd import Answers, answers
from edge_agent.protocols.readiness import STATUS_PID
from edge_agent.protocols.uds import data_request
from vehicle.errors import ObdDataError, VinError
from vehicle.obd import BITMAP_PIDS, supported_pids
from vehicle.vin import Vin, decode_vin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.health import Health
    from edge_agent.link import Link
    from edge_agent.protocols.dialect import Dialect
    from edge_agent.protocols.did_table import Identifier
    from vehicle.dtc import Dtc, DtcState

LOG = logging.getLogger(__name__)

CodeKey = tuple[str, str, str]
"""ECU, code, state."""


class Questions:
    """Asks over one link, one question at a time, and counts what went wrong."""

    def __init__(self, link: Link, health: Health, dialect: Dialect = DIALECTS[0]) -> None:
        self._link, self._health, self._dialect = link, health, dialect
        self.on_uds = dialect is not DIALECTS[0]
        self._turn = asyncio.Lock()
        self._free_s = 0.0

    async def _ask(self, request: bytes, ecu: str = "", *, clearing: bool = False) -> Answers:
        async with self._turn:
            await asyncio.sleep(self._free_s - time.monotonic())
            try:
                heard = await (self._link.clear(request) if clearing else self._link.exchange(request, ecu))
            finally:
                self._free_s = time.monotonic() + SPACING_S
        found = answers(request, heard)
        self._health.add("requests")
        if not heard:
            self._health.add("silent", detail=request.hex(" ").upper())
        for one, reason in found.refusals.items():
            self._health.add("refused", detail=f"{one}, code {reason:02X}")
        for payload in found.garbled:
            self.garbage(f"{payload.hex(' ')} is no answer to {request.hex(' ')}")
        return found

    def garbage(self, what: str) -> None:
        """Counts bytes that are no answer."""
        self._health.add("garbage")
        LOG.info("%s", what)

    async def read(self, request: bytes, ecu: str = "") -> dict[str, bytes]:
        """Data after the service byte by ECU; an ECU that refuses or is silent is absent."""
        return (await self._ask(request, ecu)).data

    async def supported(self) -> dict[str, frozenset[int]]:
        """Which PIDs of service 01 each ECU says it has.

        Raises:
            NoAnswerError: no ECU answers, as when the ignition is off.
        """
        found: dict[str, frozenset[int]] = {}
        for base in BITMAP_PIDS:
            if base and not any(base in pids for pids in found.values()):
                break
            for ecu, data in (await self._ask(self._dialect.parameters((base,)))).data.items():
                try:
                    bitmap = self._dialect.data((base,), data)[base]
                    found[ecu] = found.get(ecu, frozenset()) | supported_pids(base, bitmap)
                except GarbledAnswerError as error:
                    self.garbage(str(error))
        if not found:
            raise NoAnswerError("the question which parameters there are")
        return found

    async def anyone(self) -> bool:
        """Whether any ECU answers what every car answers."""
        return bool((await self._ask(self._dialect.parameters((0,)))).data)

    async def live(self, ecu: str, pids: Sequence[int]) -> dict[int, bytes]:
        """Data by PID; what the ECU leaves out is absent.

        Raises:
            RefusedError: the ECU refused.
        """
        request = self._dialect.parameters(pids)
        found = await self._ask(request, ecu)
        if ecu in found.refusals:
            raise RefusedError(_hex(request), found.refusals[ecu])
        try:
            return self._dialect.data(pids, found.data[ecu]) if ecu in found.data else {}
        except GarbledAnswerError as error:
            self.garbage(str(error))
            return {}

    async def vin(self) -> Vin | None:
        """The car's VIN, or None where it does not tell."""
        for data in (await self._ask(self._dialect.vin_request)).data.values():
            try:
                return decode_vin(self._dialect.vin_data(data))
            except (ObdDataError, VinError) as error:
                self.garbage(str(error))
        return None

    async def codes(self) -> dict[tuple[str, DtcState], tuple[Dtc, ...]]:
        """Trouble codes by ECU and state; an ECU that did not answer for a state is absent."""
        found: dict[tuple[str, DtcState], tuple[Dtc, ...]] = {}
        for request in self._dialect.code_requests:
            for ecu, data in (await self._ask(request)).data.items():
                try:
                    found |= {(ecu, state): codes for state, codes in self._dialect.codes(request, data).items()}
                except GarbledAnswerError as error:
                    self.garbage(str(error))
        return found

    async def clear_codes(self) -> Answers:
        """Clears emission-related codes of all ECUs; which of them did, and which refused with what reason.

        Raises:
            ForbiddenRequestError: the device's configuration does not allow it.
        """
        return await self._ask(self._dialect.clear_request, clearing=True)

    async def status(self) -> dict[str, bytes]:
        """The four bytes of parameter 01 (lamp, number of codes, readiness) by ECU."""
        found: dict[str, bytes] = {}
        for ecu, data in (await self._ask(self._dialect.parameters((STATUS_PID,)))).data.items():
            try:
                found[ecu] = self._dialect.data((STATUS_PID,), data)[STATUS_PID]
            except GarbledAnswerError as error:
                self.garbage(str(error))
        return found

    async def identifier(self, one: Identifier) -> dict[str, int] | None:
        """Raw values by VSS path of a model's own identifier; None where the unit is silent or tells nonsense.

        Raises:
            RefusedError: the unit refused.
        """
        request, ecu = data_request([one.id]), answering(one.ecu)
        found = await self._ask(request, ecu)
        if ecu in found.refusals:
            raise RefusedError(_hex(request), found.refusals[ecu])
        if ecu not in found.data:
            return None
        try:
            values, outside = decode(one, found.data[ecu])
        except GarbledAnswerError as error:
            self.garbage(str(error))
            return None
        for path in outside:
            self._health.add("garbage", detail=f"{one.id:04X}, {path}")
        return values


def _hex(request: bytes) -> str:
    return request.hex(" ").upper()
