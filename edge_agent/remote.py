"""Requests from the service desk: carried out by the source, answered with progress, refused with the reason."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from edge_agent.errors import AgentError
from vehicle.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge_agent.buses.base import Source
    from vehicle.messages import Command

LOG = logging.getLogger(__name__)
ALLOWED = ("read_dtcs", "read_vin")
PATIENCE_S = 30.0


async def answer(
    source: Source,
    server_now_ms: Callable[[], int],
    command: Command,
    reply: Callable[[Reply], Awaitable[None]],
) -> None:
    """Carries out one request; every request gets an end: done, refused, failed or expired."""
    if command.name not in ALLOWED:
        why = f"{command.name!r} is not allowed; this device carries out {', '.join(ALLOWED)}"
        await reply(Reply(id=command.id, status="refused", reason=why))
        return
    if server_now_ms() > command.expires_ms:
        await reply(Reply(id=command.id, status="expired", reason="it came after its time was over"))
        return
    steps: asyncio.Queue[str] = asyncio.Queue(100)
    asking = asyncio.create_task(source.ask(command.name, steps.put_nowait), name=f"remote.{command.name}")
    await reply(Reply(id=command.id, status="progress", reason="asking the car"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            result = await asking
        await reply(Reply(id=command.id, status="done", result=result))
    except TimeoutError:
        await reply(Reply(id=command.id, status="failed", reason=f"the car did not answer within {PATIENCE_S:g} s"))
    except AgentError as error:
        LOG.info("%s failed: %s", command.name, error)
        await reply(Reply(id=command.id, status="failed", reason=str(error)))
