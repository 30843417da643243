"""A live source over any link: what the car supports is polled by rates, and put on a grid of times.

It comes back for ever: a bus that is lost, an adapter that is unplugged or a car that falls silent is said once, and
tried again with growing pauses.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from edge_agent.buses.base import Row
from edge_agent.did_polling import DidPoller
from edge_agent.errors import (
    AgentError,
    BusLostError,
    ForbiddenRequestError,
    HarmSuspectedError,
    NoAnswerError,
    RefusedError,
)
from edge_agent.polling import SPACING_S, Poller
from edge_agent.protocols.dialect import DIALECTS
from edge_agent.questions import Questions
from edge_agent.requests import ON_UDS, REQUESTS
from edge_agent.sampler import Sampler
from edge_agent.wakefulness import LOOK_S, State, Wakefulness
from edge_agent.watch import Watch
from vehicle.batch import EventKind
from vehicle.errors import ObdDataError
from vehicle.obd import PIDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from edge_agent.buses.base import OpenRequest
    from edge_agent.link import Link
    from edge_agent.protocols.dialect import Dialect
    from edge_agent.protocols.did_table import Identifier
    from edge_agent.questions import CodeKey
    from edge_agent.watch import Happening
    from vehicle.batch import TimeQuality

LOG = logging.getLogger(__name__)

PAUSE_S = (1.0, 30.0)
"""First and longest pause before a bus is opened again (our choice); each is twice the one before, with jitter."""
_JITTER = (0.75, 1.25)
SUSPECT = "UC"
"""Codes of communication and chassis: what a device on the bus may bring about (our choice)."""
LISTEN_S = 1.0
"""Before the first question the bus is listened to for so long (our choice)."""
ASLEEP_S = (1.0, 300.0)
"""First and longest pause between two looks at a car that sleeps, where nothing tells that it wakes (our choice)."""
SHORT_ANSWERS = 2
"""So many requests for several parameters that brought too few, and each is asked for alone (our choice)."""


class Session:
    """One connection to one car, from the first question to the loss of the line."""

    def __init__(
        self, link: Link, request: OpenRequest, watch: Watch, dialect: Dialect, identifiers: Sequence[Identifier]
    ) -> None:
        self.questions = Questions(link, request.health, dialect)
        self.spoke = False
        self._dialect, self._identifiers = dialect, identifiers
        self._health, self._collect, self._watch, self._tap = request.health, request.collect, watch, request.tap
        self._happened: list[Happening] = []
        self._link, self._wakefulness, self._looked_s = link, Wakefulness(), 0.0
        self._short = 0

    async def rows(self) -> AsyncIterator[Row]:
        """A row a grid point, until the car falls silent.

        Raises:
            NoAnswerError: no ECU answers, or none any more, or the car is not driven any more.
            BusLostError: the line is gone.
            HarmSuspectedError: codes came that may be our doing.
        """
        supported = await self.questions.supported()
        self.spoke = True
        told = "; ".join(f"{ecu}: {len(pids)} parameters" for ecu, pids in supported.items())
        LOG.info("the car answers by %s: %s", self._dialect.name, told)
        self._happened += self._watch.vin(await self.questions.vin())
        poller = Poller(supported, time.monotonic(), at_once=self._dialect.most)
        own = DidPoller(self._identifiers, time.monotonic())
        sampler = Sampler.starting(time.monotonic(), self._collect.period_ms / 1000)
        codes_due_s = time.monotonic()
        revision = 0
        while True:
            if revision != self._tap.revision:
                revision = self._tap.revision
                poller.want(self._tap.periods_s)
            now_s = time.monotonic()
            if (state := self._state(now_s)) is State.RESTING:
                await self._look(poller, sampler, now_s)
            elif now_s >= codes_due_s and not self._wakefulness.doubtful:
                self._look_for_harm(self._watch.has_looked, self._watch.codes(await self.questions.codes()))
                codes_due_s = time.monotonic() + self._collect.codes_every_s
            elif self._wakefulness.doubtful:
                self._wakefulness.asked(answered=await self.questions.anyone())
            elif (turn := poller.due(now_s)) and poller.next_due_s() <= own.next_due_s():
                sampler.take(read := await self._poll(poller, *turn))
                self._tap.hear(read)
            elif identifier := own.due(now_s):
                sampler.take(read := await self._poll_own(own, identifier))
                self._tap.hear(read)
            if row := self._row(sampler):
                yield row
            next_s = min(poller.next_due_s(), own.next_due_s(), sampler.next_s, codes_due_s)
            next_s = min(self._looked_s + LOOK_S, sampler.next_s) if state is State.RESTING else next_s
            await asyncio.sleep(max(SPACING_S, next_s - time.monotonic()))

    def _state(self, now_s: float) -> State:
        self._wakefulness.traffic(self._link.traffic_s)
        state = self._wakefulness.state(now_s)
        self._link.hear_all(state is State.RESTING)
        if state is State.ASLEEP:
            raise NoAnswerError("what is due: the car sleeps")
        return state

    async def _look(self, poller: Poller, sampler: Sampler, now_s: float) -> None:
        """One request now and then while the engine stands."""
        if now_s >= self._looked_s + LOOK_S and (turn := poller.look()):
            self._looked_s = now_s
            sampler.take(read := await self._poll(poller, *turn))
            self._tap.hear(read)

    def _look_for_harm(self, looked_before: bool, happened: list[Happening]) -> None:  # noqa: FBT001  read once
        self._happened += happened
        codes = [data["code"] for kind, data in happened if kind == EventKind.DTC and data["present"]]
        suspect = sorted({code for code in codes if code[0] in SUSPECT})
        if looked_before and suspect:
            raise HarmSuspectedError(suspect)

    def left_over(self) -> tuple[Happening, ...]:
        """What happened and was in no row yet."""
        happened, self._happened = self._happened, []
        return tuple(happened)

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
        self._wakefulness.asked(answered=bool(data) or refusal is not None)
        self._wakefulness.read(now_s, values)
        self._note_short(poller, asked=len(pids), got=len(data))
        return values

    async def _poll_own(self, own: DidPoller, identifier: Identifier) -> dict[str, int]:
        """Asks for one identifier of the car's model; what its answer holds, by VSS path."""
        values = refusal = None
        try:
            values = await self.questions.identifier(identifier)
        except RefusedError as error:
            refusal = error.nrc
        now_s = time.monotonic()
        if values is not None:
            own.answered(identifier, now_s)
        else:
            own.failed(identifier, now_s, refusal=refusal)
        self._wakefulness.asked(answered=values is not None or refusal is not None)
        return values or {}

    def _decoded(self, pid: int, data: bytes, values: dict[str, int]) -> bool:
        try:
            values.update(PIDS[pid].decode(data))
        except ObdDataError as error:
            self._health.add("garbage", detail=f"PID {pid:02X}")
            LOG.info("%s", error)
            return False
        return True

    def _note_short(self, poller: Poller, *, asked: int, got: int) -> None:
        if asked > 1:
            self._short = self._short + 1 if got < asked else 0
            if self._short >= SHORT_ANSWERS:
                poller.one_at_a_time()


class LiveSource:
    """A bus or adapter as a source; ``connect`` opens the link, ``identifiers`` are those of the car's model."""

    key = None
    quality: TimeQuality | None = None

    def __init__(
        self, request: OpenRequest, connect: Callable[[], Awaitable[Link]], identifiers: Sequence[Identifier] = ()
    ) -> None:
        self._identifiers = identifiers
        self._dialects, self._is_known = deque(DIALECTS), False
        self.uri, self.tap, self.switch = request.uri, request.tap, request.switch
        self._said = ""
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
        pause_s, asleep_s = PAUSE_S[0], ASLEEP_S[0]
        try:
            while True:
                await self._until_allowed()
                try:
                    async for row in (await self._begin()).rows():
                        pause_s, asleep_s, self._said = PAUSE_S[0], ASLEEP_S[0], ""
                        yield row
                except NoAnswerError as error:
                    self._say(error)
                    self._try_another_dialect()
                    self._request.health.add("asleep")
                    asleep_s = ASLEEP_S[0] if await self._woken(asleep_s) else min(2 * asleep_s, ASLEEP_S[1])
                    continue
                except HarmSuspectedError as error:
                    yield self._stop_for(error)
                except (BusLostError, ForbiddenRequestError) as error:
                    if isinstance(error, ForbiddenRequestError) and not self.switch.listen_only:
                        raise
                    self._say(error)
                await self.close()
                await asyncio.sleep(pause_s * self._rng.uniform(*_JITTER))
                pause_s = min(2 * pause_s, PAUSE_S[1])
                self._request.health.add("reopened")
        finally:
            await self.close()

    async def _until_allowed(self) -> None:
        if self.switch.listen_only:
            await self.close()
            LOG.warning("listen only: nothing is asked, so nothing comes from %s: %s", self.uri, self.switch.why)
        await self.switch.may_ask.wait()

    async def _begin(self) -> Session:
        """A session on the open link, or on a new one, which is listened to before anything is asked."""
        if self._link is None:
            self._link = await self._connect()
            if self._link.physical:
                await self._link.woken(LISTEN_S)
        self._session = Session(self._link, self._request, self._watch, self._dialects[0], self._identifiers)
        return self._session

    def _try_another_dialect(self) -> None:
        """A car that has never answered may want to be asked in another way; one look is one question all the same."""
        self._is_known = self._is_known or (self._session is not None and self._session.spoke)
        if not self._is_known:
            self._dialects.rotate(-1)

    async def _woken(self, patience_s: float) -> bool:
        """Whether something tells within that time that the car wakes; nothing is sent to it meanwhile."""
        self._session = None
        try:
            return self._link is not None and await self._link.woken(patience_s)
        except BusLostError as error:
            self._say(error)
            await self.close()
            await asyncio.sleep(patience_s)
            return False

    def _stop_for(self, error: HarmSuspectedError) -> Row:
        self.switch.turn(listen_only=True, why=str(error))
        stopped = (str(EventKind.POLLING_STOPPED), {"codes": list(error.codes), "reason": str(error)})
        return Row(values={}, events=(*(self._session.left_over() if self._session else ()), stopped))

    def _say(self, error: AgentError) -> None:
        if str(error) != self._said:
            LOG.warning("%s; trying again", error)
        self._said = str(error)

    async def ask(self, name: str, progress: Callable[[str], None]) -> dict[str, Any]:
        """Carries out one of :data:`~edge_agent.requests.REQUESTS`.

        Raises:
            ForbiddenRequestError: listen-only, or a request that is not known.
            NoAnswerError: no car answers now.
        """
        if self.switch.listen_only:
            raise ForbiddenRequestError(name, f"listen only, nothing is sent at all: {self.switch.why}")
        carry_out = REQUESTS.get(name)
        if carry_out is None:
            raise ForbiddenRequestError(name, f"a bus can be asked for {', '.join(REQUESTS)}")
        if self._session is None:
            raise NoAnswerError(name)
        if self._session.questions.on_uds and name not in ON_UDS:
            why = f"this car is asked by SAE J1979-2, in which we can {', '.join(sorted(ON_UDS))}"
            raise ForbiddenRequestError(name, why)
        return await carry_out(self._session.questions, progress)

    async def close(self) -> None:
        """Lets go of the link."""
        link, self._link, self._session = self._link, None, None
        if link is not None:
            await link.close()
