"""A bus that is only listened to: frames with a DBC and a map, on a grid of times. Nothing is ever sent.

``can:INTERFACE:CHANNEL?dbc=FILE&map=FILE``. The frames that the map wants are asked for from the driver; others cost
nothing where the driver filters.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.buses.base import Row
from edge_agent.buses.python_can import can
from edge_agent.campaigns.tap import Frame
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import BusLostError, ForbiddenRequestError
from edge_agent.live import PAUSE_S
from edge_agent.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.buses.base import OpenRequest
    from edge_agent.buses.dbc_map import DbcMap
    from edge_agent.campaigns.tap import Tap
    from vehicle.batch import TimeQuality

LOG = logging.getLogger(__name__)
_MASKS = {False: 0x7FF, True: 0x1FFF_FFFF}
_JITTER = (0.75, 1.25)
_CREDIBLE_AGE_S = 5.0
"""Some drivers count time from their own start; an age beyond is none (our choice)."""


class _Ear(can.Listener):
    """Takes samples from frames as they come, and notes the loss of the bus."""

    def __init__(self, mapped: DbcMap, sampler: Sampler, tap: Tap) -> None:
        self._mapped, self._sampler, self._tap = mapped, sampler, tap
        self.lost: Exception | None = None

    def on_message_received(self, msg: can.Message) -> None:
        """Decodes a frame with data."""
        if not (msg.is_error_frame or msg.is_remote_frame):
            if self._tap.wants_frames:
                self._tap.frame(recorded(msg))
            values = self._mapped.values(msg.arbitration_id, bytes(msg.data), extended=msg.is_extended_id)
            self._sampler.take(values)
            if values:
                self._tap.hear(values)

    def on_error(self, exc: Exception) -> None:
        """Notes it; the source opens the bus again."""
        self.lost = exc


class ListeningSource:
    """A bus as a source that never speaks."""

    key = None
    quality: TimeQuality | None = None

    def __init__(self, request: OpenRequest, options: dict[str, Any], mapped: DbcMap) -> None:
        self.uri, self.tap = request.uri, request.tap
        self._request, self._mapped = request, mapped
        self._options = {**options, "can_filters": [_filter(key) for key in mapped.keys]}
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._bus: can.BusABC | None = None
        self._notifier: can.Notifier | None = None

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
        sampler = Sampler.starting(time.monotonic(), self._request.collect.period_ms / 1000)
        ear, all_frames = _Ear(self._mapped, sampler, self.tap), False
        try:
            self._bus = await asyncio.to_thread(partial(can.Bus, **self._options))
        except (can.CanError, OSError, ValueError, TypeError, NotImplementedError) as error:
            raise BusLostError(self.uri, f"cannot be opened: {error}") from error
        self._notifier = can.Notifier(self._bus, [ear], timeout=0.1, loop=asyncio.get_running_loop())
        while ear.lost is None:
            if all_frames != self.tap.wants_frames:
                all_frames = self.tap.wants_frames
                self._bus.set_filters(None if all_frames else self._options["can_filters"])
            await asyncio.sleep(max(0.0, sampler.next_s - time.monotonic()))
            values = sampler.row(time.monotonic())
            if values:
                self._request.health.add("rows")
                yield Row(values=values)
        raise BusLostError(self.uri, f"the bus is gone: {ear.lost}")

    async def ask(self, name: str, progress: Callable[[str], None]) -> dict[str, Any]:
        """Nothing can be asked where nothing is sent."""
        del progress
        raise ForbiddenRequestError(name, "this source listens only; without dbc= it would ask by OBD-II")

    async def close(self) -> None:
        """Lets go of the bus."""
        notifier, self._notifier = self._notifier, None
        bus, self._bus = self._bus, None
        if notifier is not None:
            await asyncio.to_thread(notifier.stop, 1.0)
        if bus is not None:
            bus.shutdown()


def recorded(message: can.Message, *, sent: bool = False) -> Frame:
    """A frame with its time on the boot's clock: now, less what the driver says that it is old."""
    age_s = 0.0 if sent else time.time() - message.timestamp
    late_us = round(age_s * 1e6) if 0 < age_s < _CREDIBLE_AGE_S else 0
    boot_ns = time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    identifier = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
    return Frame(boot_ns // 1000 - late_us, identifier, bytes(message.data), sent)


def _filter(key: int) -> dict[str, Any]:
    extended = bool(key & EXTENDED)
    return {"can_id": key & ~EXTENDED, "can_mask": _MASKS[extended], "extended": extended}
