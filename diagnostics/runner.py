"""The diagnosis at work: reads what is stored, and writes findings, advice, state and cursors in one transaction."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from diagnostics.follower import Follower
from ingest.storage.database import migrate, open_database
from ingest.storage.telemetry import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.settings import DiagnosticsSettings

RETRY_S = 2.0
"""Pause after a database error (our choice)."""
log = logging.getLogger(__name__)


async def run(settings: DiagnosticsSettings, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
    """Follows the stored telemetry until ``stop`` is set; computing happens in a thread."""
    engine = await asyncio.to_thread(open_migrated, settings)
    try:
        follower = await asyncio.to_thread(open_follower, engine, settings)
        if ready is not None:
            ready()
        while not stop.is_set():
            try:
                busy = await asyncio.to_thread(follower.step, datetime.now(UTC))
            except sa.exc.OperationalError:
                log.exception("the database refused a step; trying again from what is stored")
                await _pause(stop, RETRY_S)
                follower = await asyncio.to_thread(open_follower, engine, settings)
                continue
            if not busy:
                await _pause(stop, settings.poll_every_s)
    finally:
        engine.dispose()


def open_migrated(settings: DiagnosticsSettings) -> sa.Engine:
    """The database with the tables of ingest, which is read, and of diagnostics."""
    engine = open_database(settings.database_url)
    migrate(engine, "ingest")
    migrate(engine, "diagnostics")
    return engine


def open_follower(engine: sa.Engine, settings: DiagnosticsSettings) -> Follower:
    """A follower that goes on from the stored state."""
    return Follower(
        engine,
        TelemetryStore(engine, settings.history_folder),
        limit=settings.batches_per_step,
        rebuild_s=settings.rebuild_every_s,
        silence_s=settings.silence_s,
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
