"""The housekeeping of ingest: history a few seconds behind the inbox, pruning, compaction, retention."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from ingest.storage import campaigns, history
from ingest.storage.database import transaction
from ingest.storage.retired import remove_retired

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ingest.lease import Lease
    from ingest.settings import IngestSettings

LOG = logging.getLogger(__name__)
TIDY_EVERY = 100
"""Turns between compactions: five minutes at the usual pace (our choice)."""
JOINS_A_TURN = 4
"""Files are joined a few at a time, some seconds of work, so that history does not wait for it (our choice)."""
FAILURE_PAUSE_S = 30.0


class Keeper:
    """Runs the housekeeping in threads, one job at a time; of several workers the one that holds the lease does."""

    def __init__(self, engine: sa.Engine, settings: IngestSettings, lease: Lease) -> None:
        self._engine, self._settings, self._lease = engine, settings, lease
        self._joining = False

    async def run(self) -> None:
        """Keeps house until cancelled; a failure is logged and tried again, and nothing is lost meanwhile."""
        turn = 0
        while True:
            await self._lease.held.wait()
            turn += 1
            try:
                await self._turn(turn)
            except Exception:
                LOG.exception("history could not be written; the samples stay in the inbox")
                await asyncio.sleep(FAILURE_PAUSE_S)
            await asyncio.sleep(self._settings.history_every_s)

    async def _turn(self, turn: int) -> None:
        folder = self._settings.history_folder
        # What has come meanwhile is for the next turn: many small runs would make many small files.
        while self._lease.held.is_set():
            if await asyncio.to_thread(history.write_run, self._engine, folder) < history.ROWS_A_RUN:
                break
        await asyncio.to_thread(history.prune, self._engine, now=datetime.now(UTC))
        if turn % TIDY_EVERY == 1:
            await self._tidy()
        if turn % TIDY_EVERY == 1 or self._joining:
            join = partial(history.compact, self._engine, folder, now=datetime.now(UTC), most=JOINS_A_TURN)
            self._joining = await asyncio.to_thread(join) > 0

    async def _tidy(self) -> None:
        folder = self._settings.history_folder
        await asyncio.to_thread(remove_retired, folder, now=datetime.now(UTC))
        orphans = await asyncio.to_thread(history.remove_orphans, self._engine, folder, now=datetime.now(UTC))
        if orphans:
            LOG.info("removed %d history files that a killed writer had left unfinished", orphans)
        await self._retain()

    async def _retain(self) -> None:
        days = self._settings.retention_days
        if days > 0:
            oldest = datetime.now(UTC) - timedelta(days=days)
            await asyncio.to_thread(history.forget_before, self._engine, self._settings.history_folder, oldest)
            await asyncio.to_thread(self._forget_captures, oldest)

    def _forget_captures(self, oldest: datetime) -> None:
        with transaction(self._engine) as connection:
            campaigns.forget_before(connection, oldest)
