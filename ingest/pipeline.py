"""The assembly of ingest: read what devices send, judge it, commit it, and only then acknowledge it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.committer import Committer
from ingest.desk_link import DeskLink
from ingest.ending import is_cancelled
from ingest.keeper import Keeper
from ingest.storage import inbox
from ingest.storage.database import migrate, open_database, transaction
from ingest.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.settings import IngestSettings
    from ingest.subscriber import Arrival

LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 500
CONNECT_PATIENCE_S = 30.0


async def run(settings: IngestSettings, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
    """Ingest until ``stop`` is set; ``ready`` is called when devices are listened to."""
    engine = open_database(settings.database_url)
    try:
        await asyncio.to_thread(migrate, engine, "ingest")
        await _run_tasks(settings, engine, stop, ready)
    finally:
        engine.dispose()


async def _run_tasks(
    settings: IngestSettings, engine: sa.Engine, stop: asyncio.Event, ready: Callable[[], None] | None
) -> None:
    async def forget_presence() -> None:
        # Who went while nobody listened has left no word.
        try:
            await asyncio.to_thread(_nobody_is_here, engine)
        except sa.exc.DBAPIError:
            LOG.exception("could not note that nobody is connected")

    subscriber = Subscriber(settings, before_listening=forget_presence)
    committer = Committer(engine, settings, subscriber)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(subscriber.run(), name="ingest.subscriber"),
            group.create_task(_commit(subscriber, committer, settings.commit_every_s), name="ingest.committer"),
            group.create_task(Keeper(engine, settings).run(), name="ingest.keeper"),
            group.create_task(DeskLink(engine, subscriber).run(), name="ingest.desk_link"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                await subscriber.connected.wait()
        if ready is not None:
            ready()
        await stop.wait()
        for task in tasks:
            task.cancel()


def _nobody_is_here(engine: sa.Engine) -> None:
    with transaction(engine) as connection:
        inbox.set_everyone_offline(connection)


async def _commit(subscriber: Subscriber, committer: Committer, gather_s: float) -> None:
    while not is_cancelled():
        arrivals = [await subscriber.arrivals.get()]
        await asyncio.sleep(gather_s)
        arrivals += _waiting(subscriber.arrivals, MOST_AT_ONCE - 1)
        await committer.commit(arrivals)


def _waiting(queue: asyncio.Queue[Arrival], most: int) -> list[Arrival]:
    found: list[Arrival] = []
    while len(found) < most and not queue.empty():
        found.append(queue.get_nowait())
    return found
