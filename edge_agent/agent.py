"""The assembly of the agent: source, recorder, spool, uplink, remote requests."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.campaigns.book import Book
from edge_agent.campaigns.record import carry_out
from edge_agent.campaigns.runner import Runner
from edge_agent.clock import Clock
from edge_agent.position import Position, Receiver
from edge_agent.recorder import Recorder, event_entry
from edge_agent.remote import answer
from edge_agent.spool import Entry, Gone, Spool
from edge_agent.store import Store
from edge_agent.uplink import Uplink
from edge_agent.vitals import of_device
from vehicle.batch import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.buses.base import Source
    from edge_agent.health import Health
    from edge_agent.settings import AgentSettings

DRAIN_LOOK_S = 0.1


async def run(
    settings: AgentSettings,
    source: Source,
    *,
    stop: asyncio.Event,
    health: Health,
    speed: float | None = 1.0,
    until_acked: bool = False,
    progress: Callable[[Health, int], None] = lambda _health, _waiting: None,
) -> None:
    """Reads ``source`` into the spool and delivers it, until ``stop`` is set.

    ``speed`` paces a log (None: as fast as it goes). With ``until_acked`` it also ends when a finite source has been
    read and the server holds all of it. ``progress`` is told the counters and how many batches wait.

    Raises:
        SpoolError: the spool cannot be used.
        SourceError: the source cannot be read.
    """
    clock = Clock()
    spool = Spool(settings.spool, max_bytes=settings.limits.spool_bytes, gap=partial(_gap, clock))
    store = Store(spool)
    recorder = Recorder(source, store, clock, health, settings.collect, speed)
    uplink = Uplink(settings, store, clock, health)
    recorder.wake, recorder.vitals = uplink.wake, partial(of_device, store, settings.spool.parent)
    tap, switch = getattr(source, "tap", None), getattr(source, "switch", None)
    if switch is not None:
        uplink.follow(switch)
    book = Book(settings.spool.with_name(settings.spool.name + ".campaigns.json"))
    campaigns = Runner(tap, store, clock, book, uplink.server_now_ms)
    campaigns.is_anchored = lambda: uplink.is_anchored
    campaigns.wake, uplink.on_config, uplink.told = uplink.wake, campaigns.take, lambda: campaigns.told
    uplink.on_command = partial(
        carry_out, partial(answer, source, uplink.server_now_ms), campaigns, uplink.server_now_ms
    )
    recorder.taken = campaigns.read_row if tap is None else recorder.taken
    try:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(uplink.run(), name="agent.uplink")
            reading = group.create_task(recorder.run(), name="agent.recorder")
            collecting = group.create_task(campaigns.run(), name="agent.campaigns")
            reading.add_done_callback(lambda _: campaigns.end())
            others = _following(group, settings, campaigns, recorder)
            read = lambda: reading.done() and campaigns.idle  # noqa: E731
            await _until_done(store, read, stop, until_acked=until_acked, report=partial(progress, health))
            for task in (reading, collecting, sending, *others):
                task.cancel()
    finally:
        await source.close()
        await store.close()


async def _until_done(
    store: Store, read: Callable[[], bool], stop: asyncio.Event, *, until_acked: bool, report: Callable[[int], None]
) -> None:
    while not stop.is_set():
        _, _, waiting = await store.bounds()
        report(waiting)
        if until_acked and read() and waiting == 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_LOOK_S):
                await stop.wait()


def _following(
    group: asyncio.TaskGroup, settings: AgentSettings, campaigns: Runner, recorder: Recorder
) -> list[asyncio.Task[None]]:
    """What follows the vehicle's position, where a receiver is configured."""
    if not settings.gnss:
        return []
    position = Position(Receiver.parse(settings.gnss), lambda: campaigns.positions)
    recorder.position = position.values
    return [group.create_task(position.run(), name="agent.position")]


def _gap(clock: Clock, gone: Gone) -> Entry:
    now = clock.now()
    data = {name: value for name, value in asdict(gone).items() if value is not None}
    return event_entry(
        Event(
            kind="gap", time_ms=now.believed_ms, quality=clock.quality, boot_id=clock.boot_id,
            monotonic_ms=now.monotonic_ms, data=data,
        )
    )  # fmt: skip
