"""From the service desk to the device: requests, and what to collect; polls, publishes, ends what is late."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.ending import is_cancelled
from ingest.storage import campaigns, commands
from ingest.storage.database import reading, transaction
from vehicle.campaign import write_config
from vehicle.messages import Command, encode
from vehicle.topics import Kind

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ingest.lease import Lease
    from ingest.subscriber import Subscriber

LOG = logging.getLogger(__name__)
POLL_S = 0.25
EXPIRE_EVERY = 8
FAILURE_PAUSE_S = 5.0


class DeskLink:
    """The one door from people to cars."""

    def __init__(self, engine: sa.Engine, subscriber: Subscriber, lease: Lease) -> None:
        self._engine, self._subscriber, self._lease = engine, subscriber, lease

    async def run(self) -> None:
        """Carries requests until cancelled."""
        turn = 0
        while not is_cancelled():
            await self._lease.held.wait()
            turn += 1
            try:
                await self._carry()
                await self._tell()
                if turn % EXPIRE_EVERY == 0:
                    await asyncio.to_thread(self._expire)
            except Exception:
                LOG.exception("could not carry requests to devices; trying again")
                await asyncio.sleep(FAILURE_PAUSE_S)
            await asyncio.sleep(POLL_S)

    async def _carry(self) -> None:
        for record in await asyncio.to_thread(self._requested):
            expires_ms = int(record.expires_at.timestamp() * 1000)
            message = Command(id=record.id, name=record.name, arguments=dict(record.arguments), expires_ms=expires_ms)
            if await self._subscriber.send(record.device_id, Kind.COMMAND, encode(message)):
                await asyncio.to_thread(self._mark_sent, record.id)

    async def _tell(self) -> None:
        for config in await asyncio.to_thread(self._untold):
            if await self._subscriber.send(config.device_id, Kind.CONFIG, write_config(config.message)):
                await asyncio.to_thread(self._mark_told, config)

    def _untold(self) -> list[campaigns.DeviceConfig]:
        with reading(self._engine) as connection:
            return campaigns.unsent(connection)

    def _mark_told(self, config: campaigns.DeviceConfig) -> None:
        with transaction(self._engine) as connection:
            campaigns.mark_sent(connection, config, datetime.now(UTC))

    def _requested(self) -> list[commands.CommandRecord]:
        with reading(self._engine) as connection:
            return commands.requested(connection, datetime.now(UTC))

    def _mark_sent(self, command_id: str) -> None:
        with transaction(self._engine) as connection:
            commands.mark_sent(connection, command_id, datetime.now(UTC))

    def _expire(self) -> None:
        with reading(self._engine) as connection:
            overdue = commands.any_overdue(connection, datetime.now(UTC))
        if overdue:
            with transaction(self._engine) as connection:
                commands.expire(connection, datetime.now(UTC))
