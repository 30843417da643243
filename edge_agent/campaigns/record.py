"""The remote request ``record``: so many seconds of signals or raw frames from now on, by the campaigns' recorder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from vehicle.campaign import BYTES_A_DAY, Campaign, checked
from vehicle.errors import CampaignError
from vehicle.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge_agent.campaigns.runner import Runner
    from vehicle.campaign import Plan
    from vehicle.messages import Command

NAME = "record"
TELL_EVERY_S = 5.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of the request: seconds, VSS paths with milliseconds between readings, and whether raw frames too."""

    seconds: float
    signals: dict[str, int] = {}
    frames: bool = False


async def carry_out(
    other: Callable[[Command, Callable[[Reply], Awaitable[None]]], Awaitable[None]],
    runner: Runner,
    server_now_ms: Callable[[], int],
    command: Command,
    reply: Callable[[Reply], Awaitable[None]],
) -> None:
    """Carries out ``record`` here, and leaves any ``other`` request to who knows it."""
    if command.name == NAME:
        await record(runner, server_now_ms, command, reply)
    else:
        await other(command, reply)


async def record(
    runner: Runner, server_now_ms: Callable[[], int], command: Command, reply: Callable[[Reply], Awaitable[None]]
) -> None:
    """Carries out one request; it ends with done, refused, failed or expired."""
    if server_now_ms() > command.expires_ms:
        await reply(Reply(id=command.id, status="expired", reason="it came after its time was over"))
        return
    try:
        plan = _plan(command)
        recording = runner.record(plan)
    except (CampaignError, msgspec.ValidationError) as error:
        await reply(Reply(id=command.id, status="refused", reason=str(error)))
        return
    left_s = plan.campaign.after_s
    while not recording.done():
        await reply(Reply(id=command.id, status="progress", reason=f"recording, {max(0.0, left_s):.0f} s left"))
        await asyncio.wait([recording], timeout=TELL_EVERY_S)
        left_s -= TELL_EVERY_S
    if recording.cancelled():
        await reply(Reply(id=command.id, status="failed", reason="the device was stopped"))
        return
    capture = recording.result()
    result = {"campaign": plan.campaign.id, "readings": len(capture.rows), "frames": len(capture.frames)}
    await reply(Reply(id=command.id, status="done", result=result))


def _plan(command: Command) -> Plan:
    wanted = msgspec.convert(command.arguments, Wanted)
    return checked(
        Campaign(
            id=f"record-{command.id}", version=1, name=NAME, condition="always", until_ms=command.expires_ms,
            signals=wanted.signals, frames=wanted.frames, after_s=wanted.seconds, bytes_a_day=BYTES_A_DAY[1],
        )
    )  # fmt: skip
