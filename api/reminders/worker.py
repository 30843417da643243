"""The assembly of the desk's own work: take in new vehicles, propose appointments, send what is due."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.appointments import proposer
from api.campaigns import deployment
from api.dealers.repository import list_dealers
from api.reminders import notices, service
from api.reminders.channels import Channels
from api.vehicles import registrar
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    import sqlalchemy as sa

    from api.settings import ApiSettings

LOG = logging.getLogger(__name__)
FAILURE_PAUSE_S = 5.0
SWEEP_EVERY_S = 60.0


async def run(settings: ApiSettings, engine: sa.Engine, *, stop: asyncio.Event) -> None:
    """Works until ``stop`` is set; a failure is logged and the turn is taken again, so the desk stays open."""
    channels = Channels(settings.outbox_folder)
    swept_s = -math.inf
    while not stop.is_set():
        pause_s = settings.poll_s
        try:
            thorough = time.monotonic() >= swept_s + SWEEP_EVERY_S
            await asyncio.to_thread(turn, settings, engine, channels, datetime.now(UTC), thorough=thorough)
            swept_s = time.monotonic() if thorough else swept_s
        except Exception:
            LOG.exception("the desk's work stopped; trying again in %.0f s", FAILURE_PAUSE_S)
            pause_s = FAILURE_PAUSE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)


def turn(settings: ApiSettings, engine: sa.Engine, channels: Channels, now: datetime, *, thorough: bool = True) -> None:
    """One round of the work; each step commits by itself, and any may be repeated.

    ``thorough``: every living suggestion is looked at, not only those that changed.
    """
    with reading(engine) as connection:
        first = list_dealers(connection)[0]
    if registrar.has_news(engine):
        with transaction(engine) as connection:
            registrar.take_in(connection, dealer_id=first.id, now=now)
    proposer.work(engine, now=now)
    proposer.renew(engine, now=now)
    if thorough:
        proposer.sweep(engine, now=now)
        notices.plan(engine, now=now)  # after proposals, which tell by themselves
    deployment.work(engine, now=now, thorough=thorough)
    service.send_due(engine, channels, now=now, base_url=settings.base_url)
