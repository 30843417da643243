"""A live source over any link: what the car supports is polled by rates, and put on a grid of times.

It comes back for ever: a bus that is lost, an adapter that is unplugged or a car that falls silent is said once, and
tried again with growing pauses.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge_agent.buses.base import Row
from edge_agent.errors import BusLostError, ForbiddenRequestError, NoAnswerError, RefusedError
from edge_agent.polling import SPACING_S, Poller
from edge_agent.questions import Questions
from edge_agent.sampler import Sampler
from edge_agent.watch import Watch
from vehicle.errors import ObdDataError
from vehicle.obd import PIDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from edge_agent.buses.base import OpenRequest
    from edge_agent.link import Link
    from edge_agent.questions import CodeKey
    from edge_agent.watch import Happening
    from vehicle.batch import TimeQuality

LOG = logging.getLogger(__name__)

PAUSE_S = (1.0, 30.0)
"""First and longest pause before a bus is opened again (our choice); each is twice the one before, with jitter."""
_JITTER = (0.75, 1.25)
SILENCES = 5
"""After so many requests in a row without any answer, what every car answers tells whether it sleeps (our choice)."""
SHORT_ANSWERS = 2
"""So many requests for several parameters that brought too few, and each is asked for alone (our choice)."""


class Session:
    """One connection to one car, from the first question to the loss of the line."""

    def __init__(self, link: Link, request: OpenRequest, watch: Watch) -> None:
        self.questions = Questions(link, request.health)
        self._health, self._collect, self._watch, self._tap = request.health, request.collect, watch, request.tap
        self._happened: list[Happening] = []
        self._silences = self._short = 0

    async def rows(self) -> AsyncIterator[Row]:
        """A row a grid point, until the car falls silent.

        Raises:
            NoAnswerError: no ECU answers, or none any more.
            BusLostError: the line is gone.
        """
        supported = await self.questions.supported()
        LOG.info("the car answers: %s", "; ".join(f"{ecu}: {len(pids)} parameters" for ecu, pids in supported.items()))
        self._happened += self._watch.vin(await self.questions.vin())
        poller = Poller(supported, time.monotonic())
        sampler = Sampler.starting(time.monotonic(), self._collect.period_ms / 1000)
        codes_due_s = time.monotonic()
        revision = 0
        while True:
            if revision != self._tap.revision:
                revision = self._tap.revision
                poller.want(self._tap.periods_s)
            now_s = time.monotonic()
            if now_s >= codes_due_s:
                self._happened += self._watch.codes(await self.questions.codes())
                codes_due_s = time.monotonic() + self._collect.codes_every_s
            elif turn := poller.due(now_s):
                sampler.take(read := await self._poll(poller, *turn))
                self._tap.hear(read)
            if row := self._row(sampler):
                yield row
            next_s = min(poller.next_due_s(), sampler.next_s, codes_due_s)
            await asyncio.sleep(max(SPACING_S, next_s - time.monotonic()))

    def _row(self, sampler: Sampler) -> Row | None:
        values = sampler.row(time.monotonic())
        if values is None:
            return None
        happened, self._happened = self._happened, []
        self._health.add("rows")
        return Row(values=values, events=(*happened, *self._watch.lamp(values)))

    async def _poll(self, poller: Poller, ecu: str, pids: tuple[int, ...]) -> dict[str, int]:
        """Asks once; what the answer holds, by VSS path."""
        refusal = None
        try:
            data = await self.questions.live(ecu, pids)
        except RefusedError as error:
            data, refusal = {}, error.nrc
        values: dict[str, int] = {}
        now_s = time.monotonic()
        for pid in pids:
            if pid in data and self._decoded(pid, data[pid], values):
                poller.answered(pid, now_s)
            elif len(pids) == 1:
                poller.failed(pid, now_s, refusal=refusal)
            else:
                poller.left_out(pid, now_s)
        await self._judge(poller, asked=len(pids), got=len(data), refused=refusal is not None)
        return values

    def _decoded(self, pid: int, data: bytes, values: dict[str, int]) -> bool:
        try:
            values.update(PIDS[pid].decode(data))
        except ObdDataError as error:
            self._health.add("garbage", detail=f"PID {pid:02X}")
            LOG.info("%s", error)
            return False
        return True

    async def _judge(self, poller: Poller, *, asked: int, got: int, refused: bool) -> None:
        self._silences = 0 if got or refused else self._silences + 1
        if self._silences >= SILENCES:
            await self.questions.supported()
            self._silences = 0
        if asked > 1:
            self._short = self._short + 1 if got < asked else 0
            if self._short >= SHORT_ANSWERS:
                poller.one_at_a_time()


class LiveSource:
    """A bus or adapter as a source; ``connect`` opens the link."""

    key = None
    quality: TimeQuality | None = None

    def __init__(self, request: OpenRequest, connect: Callable[[], Awaitable[Link]]) -> None:
        self.uri, self.tap = request.uri, request.tap
        self._request, self._connect = request, connect
        self._watch = Watch()
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._link: Link | None = None
        self._session: Session | None = None

    def recall(self, codes: Collection[CodeKey]) -> None:
        """Tells which codes were there when the agent last ran, so that those gone since are reported gone."""
        self._watch.known = set(codes)

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """Rows for ever; a live source has nothing to skip."""
        del skip, start_ms
        if self._request.listen_only:
            LOG.warning("listen_only is set: nothing is asked, so nothing comes from %s", self.uri)
            await asyncio.Event().wait()
        pause_s, said = PAUSE_S[0], ""
        while True:
            try:
                self._link = await self._connect()
                self._session = Session(self._link, self._request, self._watch)
                async for row in self._session.rows():
                    pause_s, said = PAUSE_S[0], ""
                    yield row
            except (BusLostError, NoAnswerError) as error:
                if str(error) != said:
                    LOG.warning("%s; trying again", error)
                said = str(error)
            finally:
                await self.close()
            await asyncio.sleep(pause_s * self._rng.uniform(*_JITTER))
            pause_s = min(2 * pause_s, PAUSE_S[1])
            self._request.health.add("reopened")

    async def ask(self, name: str, progress: Callable[[str], None]) -> dict[str, Any]:
        """``read_dtcs``: codes by ECU and state; ``read_vin``: the VIN.

        Raises:
            ForbiddenRequestError: listen-only, or a request that is not known.
            NoAnswerError: no car answers now.
        """
        if self._request.listen_only:
            raise ForbiddenRequestError(name, "listen_only is set: nothing is sent at all")
        carry_out = _REQUESTS.get(name)
        if carry_out is None:
            raise ForbiddenRequestError(name, f"a bus can be asked for {', '.join(_REQUESTS)}")
        if self._session is None:
            raise NoAnswerError(name)
        return await carry_out(self._session.questions, progress)

    async def close(self) -> None:
        """Lets go of the link."""
        link, self._link, self._session = self._link, None, None
        if link is not None:
            await link.close()


async def _read_dtcs(questions: Questions, progress: Callable[[str], None]) -> dict[str, Any]:
    progress("reading stored, pending and permanent codes (services 03, 07, 0A)")
    seen = await questions.codes()
    if not seen:
        raise NoAnswerError("03, 07, 0A (trouble codes)")
    counted = Counter(ecu for ecu, _ in seen)
    progress(f"{len(counted)} control units answered")
    return {
        "codes": [
            {"ecu": ecu, "code": str(code), "state": str(state)}
            for (ecu, state), codes in sorted(seen.items())
            for code in codes
        ],
        "ecus": sorted(counted),
    }


async def _read_vin(questions: Questions, progress: Callable[[str], None]) -> dict[str, Any]:
    progress("reading the VIN (service 09)")
    vin = await questions.vin()
    if vin is None:
        raise NoAnswerError("09 02 (VIN)")
    return {"vin": str(vin)}


_REQUESTS: Mapping[str, Callable[[Questions, Callable[[str], None]], Awaitable[dict[str, Any]]]] = {
    "read_dtcs": _read_dtcs,
    "read_vin": _read_vin,
}
