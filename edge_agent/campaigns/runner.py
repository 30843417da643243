"""The campaigns of a device at work: told by the server, watched on what is read, captures into the spool."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from edge_agent.campaigns.parts import events_of
from edge_agent.campaigns.tap import Tap
from edge_agent.campaigns.trigger import Now, Trigger
from edge_agent.recorder import event_entry
from vehicle.campaign import MOST_CAMPAIGNS, Config, Refused, checked
from vehicle.errors import CampaignError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_agent.campaigns.book import Book
    from edge_agent.campaigns.tap import Frame
    from edge_agent.campaigns.trigger import Capture
    from edge_agent.clock import Clock
    from edge_agent.store import Store
    from vehicle.batch import TimeQuality
    from vehicle.campaign import Campaign, Plan

LOG = logging.getLogger(__name__)
TICK_S = 0.25
MOST_WAITING = 100
"""Captures that may wait for the spool (our choice); the spool takes one in a few milliseconds."""


class Runner:
    """Carries out campaigns on what ``tap`` brings, or, where it is None, on the rows of a recording.

    ``now_ms`` is the server's time as well as it is known; by it campaigns expire.
    """

    def __init__(self, tap: Tap | None, store: Store, clock: Clock, book: Book, now_ms: Callable[[], int]) -> None:
        self._live, self._tap = tap is not None, tap or Tap()
        self._store, self._clock, self._book, self._now_ms = store, clock, book, now_ms
        self._triggers: list[Trigger] = []
        self._refused: list[Refused] = []
        self._recordings: dict[str, tuple[Trigger, asyncio.Future[Capture]]] = {}
        self._done: asyncio.Queue[Capture] = asyncio.Queue(MOST_WAITING)
        self._last_ms: int | None = None
        self._busy = False
        self.wake: Callable[[], None] = lambda: None
        self.is_anchored: Callable[[], bool] = lambda: False
        self._tap.hear, self._tap.frame = self._hear, self._frame
        self._begin(book.config)

    @property
    def told(self) -> tuple[int, list[Refused]]:
        """The version of what the device was told, and what it does not carry out of it."""
        return self._book.config.version, list(self._refused)

    @property
    def positions(self) -> bool:
        """Whether the vehicle's owner allows positions to be collected."""
        return self._book.config.positions

    @property
    def idle(self) -> bool:
        """Whether nothing is being collected or on its way to the spool."""
        return not self._busy and self._done.empty() and all(one.open is None for one in self._all)

    @property
    def _all(self) -> list[Trigger]:
        return [*self._triggers, *(one for one, _ in self._recordings.values())]

    async def take(self, config: Config) -> bool:
        """Takes what the server tells, durably; False where it is not newer than what is known."""
        if config.version <= self._book.config.version:
            return False
        await self._book.replace(config)
        self._begin(config)
        running = ", ".join(one.plan.campaign.name for one in self._triggers)
        LOG.info("campaigns, version %d: %s", config.version, running or "none")
        return True

    def record(self, plan: Plan) -> asyncio.Future[Capture]:
        """Records from now on, as a campaign would that has just been triggered; the capture, once it is in the spool.

        Raises:
            CampaignError: this source cannot give what is wanted.
        """
        if not self._live:
            raise CampaignError("record", "this is a recording; only a car can be recorded")
        self._check(plan.campaign, len(self._recordings))
        trigger, done = Trigger(plan, lambda _: True), asyncio.get_running_loop().create_future()
        self._recordings[plan.campaign.id] = trigger, done
        self._ask()
        trigger.fire(self._now())
        return done

    def read_row(self, time_ms: int, values: Mapping[str, int], quality: TimeQuality) -> None:
        """Takes a row of a recording, which has its own time."""
        self._read(Now(time_ms, time_ms, self._clock.now().monotonic_ms, quality), values)

    def end(self) -> None:
        """Ends open captures, since nothing more will be read."""
        for one in self._all:
            self._put(one.close(self._last_ms))

    async def run(self) -> None:
        """Brings captures to the spool until cancelled; what is open then ends there."""
        try:
            while True:
                capture = await self._next()
                if capture is not None:
                    await self._keep(capture)
                self._tick()
        finally:
            self.end()
            while not self._done.empty():
                await self._keep(self._done.get_nowait())

    async def _next(self) -> Capture | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                return await self._done.get()
        return None

    def _begin(self, config: Config) -> None:
        """Starts anew what is new; what goes on unchanged keeps its memory, and what is gone ends without a word."""
        before = self._triggers
        self._refused, self._triggers = [], []
        for at, campaign in enumerate(config.campaigns):
            try:
                plan = self._check(campaign, at)
            except CampaignError as error:
                why = Refused(campaign=campaign.id, version=campaign.version, reason=str(error))
                self._refused.append(why)
                LOG.warning("campaign %s is refused: %s", campaign.id, error)
            else:
                same = next((one for one in before if one.plan.campaign == campaign), None)
                self._triggers.append(same or Trigger(plan, self._may_fire))
        self._ask()

    def _check(self, campaign: Campaign, at: int) -> Plan:
        plan = checked(campaign)
        if at >= MOST_CAMPAIGNS:
            raise CampaignError("campaigns", "at most {most} run on one device", most=MOST_CAMPAIGNS)
        if campaign.frames and not self._tap.has_frames:
            raise CampaignError("frames", "this device has no raw frames: it is not on a CAN bus; ask for signals")
        return plan

    def _ask(self) -> None:
        """Tells the source how often to read what, the fastest that any campaign asks for."""
        periods_s: dict[str, float] = {}
        for one in self._all:
            for path, period_ms in one.plan.periods_ms.items():
                periods_s[path] = min(period_ms / 1000, periods_s.get(path, period_ms / 1000))
        self._tap.want(periods_s, frames=any(one.plan.campaign.frames for one in self._all))

    def _hear(self, values: Mapping[str, int]) -> None:
        if self._triggers or self._recordings:
            self._read(self._now(), values)

    def _now(self) -> Now:
        now = self._clock.now()
        return Now(now.monotonic_ms, now.believed_ms, now.monotonic_ms, self._clock.quality)

    def _read(self, now: Now, values: Mapping[str, int]) -> None:
        self._last_ms = now.at_ms
        for one in self._all:
            self._put(one.read(now, values))

    def _frame(self, frame: Frame) -> None:
        for one in self._all:
            if one.plan.campaign.frames:
                one.hear(frame)

    def _server_ms(self) -> int:
        """The server's time as told since the start, else this machine's, but never before what was told last."""
        now_ms = self._now_ms()
        if self.is_anchored():
            self._book.note_time(now_ms)
            return now_ms
        return max(now_ms, self._book.latest_ms)

    def _may_fire(self, plan: Plan) -> bool:
        campaign, now_ms = plan.campaign, self._server_ms()
        use = self._book.used(campaign.id, now_ms)
        if now_ms > campaign.until_ms or use.triggers >= campaign.most_a_day or use.size >= campaign.bytes_a_day:
            return False
        use.triggers += 1
        LOG.info("campaign %s: triggered", campaign.name)
        return True

    def _tick(self) -> None:
        """Ends what is over, also while nothing is read; a recording's time stands still meanwhile."""
        if self._live:
            at_ms = self._clock.now().monotonic_ms
            for one in self._all:
                self._put(one.tick(at_ms))
        now_ms = self._server_ms()
        alive = [one for one in self._triggers if one.open or now_ms <= one.plan.campaign.until_ms]
        if len(alive) < len(self._triggers):
            self._triggers = alive
            self._ask()

    def _put(self, capture: Capture | None) -> None:
        if capture is None:
            return
        if self._done.full():
            LOG.warning("campaign %s: the spool is too slow, a capture is dropped", capture.plan.campaign.name)
            return
        self._done.put_nowait(capture)

    async def _keep(self, capture: Capture) -> None:
        self._busy = True
        try:
            await self._commit(capture)
        finally:
            self._busy = False

    async def _commit(self, capture: Capture) -> None:
        campaign = capture.plan.campaign
        events = await asyncio.to_thread(events_of, capture, self._clock.boot_id)
        if campaign.id in self._recordings:
            _, done = self._recordings.pop(campaign.id)
            self._ask()
            await self._store.append([event_entry(event) for event, _ in events])
            self.wake()
            if not done.done():
                done.set_result(capture)
            return
        size = sum(part_size for _, part_size in events)
        use = self._book.used(campaign.id, self._server_ms())
        if use.size + size > campaign.bytes_a_day:
            LOG.info("campaign %s: its bytes of today are used up, a capture is left out", campaign.name)
            use.size = campaign.bytes_a_day
        else:
            use.size += size
            await self._store.append([event_entry(event) for event, _ in events])
            self.wake()
        await self._save()

    async def _save(self) -> None:
        """Keeps what was used of the budget; where the disk refuses, it holds until the next start."""
        try:
            await self._book.save()
        except OSError as error:
            LOG.warning("what campaigns used today cannot be kept (%s)", error)
