"""A bus that is only listened to: frames with a DBC and a map, on a grid of times. Nothing is ever sent.

``can:INTERFACE:CHANNEL?dbc=FILE&map=FILE``, and ``j1939:``. The frames that the map wants are asked for from the
driver; others cost nothing where the driver filters.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.buses.base import NOTHING, Row
from edge_agent.buses.intake import intake_of
from edge_agent.buses.python_can import can
from edge_agent.campaigns.tap import Frame
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import BusLostError, ForbiddenRequestError
from edge_agent.live import PAUSE_S
from edge_agent.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from edge_agent.buses.base import OpenRequest
    from edge_agent.buses.hearing import CodeKey, Hearing
    from edge_agent.buses.intake import Came, Intake
    from edge_agent.campaigns.tap import Tap
    from edge_agent.watch import Happening
    from vehicle.batch import TimeQuality

LOG = logging.getLogger(__name__)
_JITTER = (0.75, 1.25)
TURN_S = 0.02
"""Frames wait so long at most (our choice); at 2,000 a second some forty do, which every driver can hold."""
_CREDIBLE_AGE_S = 5.0
"""Some drivers count time from their own start; an age beyond is none (our choice)."""


class _Ear:
    """Takes frames as they come, and samples from the last one of each identifier when they are asked for.

    Where campaigns want each reading, or frames of one identifier differ (multiplexers, packets), all are decoded.
    """

    def __init__(self, hearing: Hearing, sampler: Sampler, tap: Tap) -> None:
        self._hearing, self._sampler, self._tap = hearing, sampler, tap
        self._last: dict[int, Came] = {}
        self.happened: list[Happening] = []

    def take(self, frame: Came) -> None:
        """Takes a frame with data."""
        if self._tap.wants_frames:
            self._tap.frame(_recorded(frame.key, frame.data, time.time() - frame.at_s))
        if self._tap.periods_s or self._hearing.needs_each(frame.key):
            self._decode(frame)
        else:
            self._last[frame.key] = frame

    def settle(self) -> tuple[Happening, ...]:
        """Hands what came last to the sampler; what happened since this was last called."""
        last, self._last = self._last, {}
        for frame in last.values():
            self._decode(frame)
        happened, self.happened = tuple(self.happened), []
        return happened

    def _decode(self, frame: Came) -> None:
        values, happened = self._hearing.take(frame.key, frame.data, frame.at_s)
        self._sampler.take(values)
        self.happened += happened
        if values:
            self._tap.hear(values)


class ListeningSource:
    """A bus as a source that never speaks."""

    key = None
    quality: TimeQuality | None = None

    def __init__(self, request: OpenRequest, options: dict[str, Any], hearing: Hearing) -> None:
        self.uri, self.tap, self.switch = request.uri, request.tap, request.switch
        self._request, self._hearing = request, hearing
        self._options = {**options, "can_filters": hearing.filters}
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._bus: can.BusABC | None = None
        self._intake: Intake | None = None

    def recall(self, codes: Collection[CodeKey]) -> None:
        """Tells which codes were there when the agent last ran, so that those gone since are reported gone."""
        self._hearing.recall(codes)

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """Rows for ever: at each grid point what was heard since the one before."""
        del skip, start_ms
        pause_s, said = PAUSE_S[0], ""
        while True:
            try:
                async for row in self._heard():
                    pause_s, said = PAUSE_S[0], ""
                    yield row
            except BusLostError as error:
                if str(error) != said:
                    LOG.warning("%s; trying again", error)
                said = str(error)
            finally:
                await self.close()
            await asyncio.sleep(pause_s * self._rng.uniform(*_JITTER))
            pause_s = min(2 * pause_s, PAUSE_S[1])
            self._request.health.add("reopened")

    async def _heard(self) -> AsyncIterator[Row]:
        try:
            bus = self._bus = await asyncio.to_thread(partial(can.Bus, **self._options))
        except (can.CanError, OSError, ValueError, TypeError, NotImplementedError) as error:
            raise BusLostError(self.uri, f"cannot be opened: {error}") from error
        intake = self._intake = intake_of(bus, self._options["interface"], self._options["can_filters"])
        sampler = Sampler.starting(time.monotonic(), self._request.collect.period_ms / 1000)
        ear, all_frames = _Ear(self._hearing, sampler, self.tap), False
        while True:
            if all_frames != self.tap.wants_frames:
                all_frames = self.tap.wants_frames
                intake.want(None if all_frames else self._options["can_filters"])
            await asyncio.sleep(max(0.0, min(TURN_S, sampler.next_s - time.monotonic())))
            self._drain(intake, ear)
            if time.monotonic() >= sampler.next_s:
                happened = ear.settle()
                values = sampler.row(time.monotonic())
                if values or happened:
                    self._request.health.add("rows")
                    yield Row(values=values or {}, events=happened)

    def _drain(self, intake: Intake, ear: _Ear) -> None:
        """What came since the last turn: many frames at once cost less than a turn of the event loop for each."""
        try:
            for frame in intake.frames():
                ear.take(frame)
        except (can.CanError, OSError) as error:
            raise BusLostError(self.uri, f"the bus is gone: {error}") from error

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Nothing can be asked where nothing is sent; what units say by themselves may hold the answer."""
        del arguments
        progress("looking at what was heard")
        heard = self._hearing.answer(name)
        if heard is None:
            raise ForbiddenRequestError(name, "this source listens only, and has heard nothing that would answer it")
        return heard

    async def close(self) -> None:
        """Lets go of the bus."""
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.close()
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.shutdown()


def recorded(message: can.Message, *, sent: bool = False) -> Frame:
    """A frame with its time on the boot's clock: now, less what the driver says that it is old."""
    key = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
    return _recorded(key, bytes(message.data), 0.0 if sent else time.time() - message.timestamp, sent=sent)


def _recorded(key: int, data: bytes, age_s: float, *, sent: bool = False) -> Frame:
    late_us = round(age_s * 1e6) if 0 < age_s < _CREDIBLE_AGE_S else 0
    boot_ns = time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    return Frame(boot_ns // 1000 - late_us, key, data, sent)
