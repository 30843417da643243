"""The assembly of ingest: read what devices send, judge it, commit it, and only then acknowledge it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from ingest.colleagues import keep_colleagues
from ingest.committer import Committer
from ingest.desk_link import DeskLink
from ingest.ending import is_cancelled
from ingest.errors import WorkersError
from ingest.keeper import Keeper
from ingest.lease import Lease
from ingest.storage.database import migrate, open_database
from ingest.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from ingest.settings import IngestSettings

LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 1000
"""More in one transaction are hardly cheaper each, and a live one waits longer for its acknowledgement (our choice)."""
MANY, REST, LONGEST_GATHER_S = 50, 4, 0.25
"""After a commit of so many, gathering takes so many times as long as the commit took, up to so long (our choice): what
a commit costs beside its rows is spread over more of them, and a car waits a quarter of a second at most."""
CONNECT_PATIENCE_S = 30.0


async def run(settings: IngestSettings, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
    """Ingest until ``stop`` is set; ``ready`` is called when devices are listened to.

    Raises:
        WorkersError: several workers on a database that takes one.
    """
    engine = open_database(settings.database_url)
    try:
        if settings.shared_group and engine.dialect.name != "postgresql":
            raise WorkersError
        await asyncio.to_thread(migrate, engine, "ingest")
        await _run_tasks(settings, engine, stop, ready)
    finally:
        engine.dispose()


async def _run_tasks(
    settings: IngestSettings, engine: sa.Engine, stop: asyncio.Event, ready: Callable[[], None] | None
) -> None:
    lease = Lease(engine)
    subscriber = Subscriber(settings, lease)
    committer = Committer(engine, settings, subscriber)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(lease.run(), name="ingest.lease"),
            group.create_task(subscriber.run(), name="ingest.subscriber"),
            group.create_task(_commit(subscriber, committer, settings.commit_every_s), name="ingest.committer"),
            group.create_task(Keeper(engine, settings, lease).run(), name="ingest.keeper"),
            group.create_task(DeskLink(engine, subscriber, lease).run(), name="ingest.desk_link"),
            group.create_task(keep_colleagues(settings), name="ingest.colleagues"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                await subscriber.connected.wait()
        if ready is not None:
            ready()
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _commit(subscriber: Subscriber, committer: Committer, gather_s: float) -> None:
    """Gathers what comes and commits it; of many messages more are gathered, the dearer a commit is at the moment."""
    clock, rest_s = asyncio.get_running_loop().time, 0.0
    while not is_cancelled():
        if subscriber.pending < MOST_AT_ONCE:
            await subscriber.some()
            await asyncio.sleep(max(gather_s, rest_s))
        arrivals = await subscriber.take(MOST_AT_ONCE)
        begun_s = clock()
        await committer.take(arrivals)
        rest_s = min(REST * (clock() - begun_s), LONGEST_GATHER_S) if len(arrivals) >= MANY else 0.0
