"""Requests from the service desk: carried out by the source, answered with progress, refused with the reason."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from edge_agent.errors import AgentError, ForbiddenRequestError
from edge_agent.requests import REQUESTS
from vehicle.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from edge_agent.buses.base import Source
    from edge_agent.switch import Switch
    from vehicle.messages import Command

LOG = logging.getLogger(__name__)
SWITCHES: Mapping[str, bool] = {"listen_only_on": True, "listen_only_off": False}
"""Requests to the device itself; the car has no part in them."""
ALLOWED = (*REQUESTS, *SWITCHES)
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
    async with asyncio.TaskGroup() as group:
        steps: asyncio.Queue[str | None] = asyncio.Queue()
        steps.put_nowait("asking the car")
        telling = group.create_task(_tell(steps, command, reply), name="remote.progress")
        last = await _carry_out(source, command, steps.put_nowait)
        steps.put_nowait(None)
        await telling
    await reply(last)


def _turn(source: Source, name: str) -> dict[str, Any]:
    switch: Switch | None = getattr(source, "switch", None)
    if switch is None:
        raise ForbiddenRequestError(name, f"{source.uri} sends nothing to a car in any case")
    switch.turn(listen_only=SWITCHES[name], why="the service desk said so")
    return {"listen_only": switch.listen_only}


async def _tell(steps: asyncio.Queue[str | None], command: Command, reply: Callable[[Reply], Awaitable[None]]) -> None:
    while (step := await steps.get()) is not None:
        await reply(Reply(id=command.id, status="progress", reason=step))


async def _carry_out(source: Source, command: Command, progress: Callable[[str], None]) -> Reply:
    try:
        async with asyncio.timeout(PATIENCE_S):
            if command.name in SWITCHES:
                result = _turn(source, command.name)
            else:
                result = await source.ask(command.name, progress, command.arguments)
    except TimeoutError:
        return Reply(id=command.id, status="failed", reason=f"the car did not answer within {PATIENCE_S:g} s")
    except ForbiddenRequestError as error:
        return Reply(id=command.id, status="refused", reason=str(error))
    except AgentError as error:
        LOG.info("%s failed: %s", command.name, error)
        return Reply(id=command.id, status="failed", reason=str(error))
    return Reply(id=command.id, status="done", result=result)
