"""Further workers of this machine: processes that end with the one that started them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from typing import TYPE_CHECKING

import msgspec

from ingest.ending import is_cancelled

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from ingest.settings import IngestSettings

LOG = logging.getLogger(__name__)
PAUSE_S = 1.0
"""After one that ended by itself (our choice)."""
PATIENCE_S = 20.0


async def keep_colleagues(settings: IngestSettings) -> None:
    """Keeps all workers but this one running, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for number in range(2, settings.workers + 1):
            group.create_task(_keep(settings, number), name=f"ingest.worker {number}")


async def _keep(settings: IngestSettings, number: int) -> None:
    alone = msgspec.structs.replace(settings, workers=1, group=settings.shared_group)
    while not is_cancelled():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ingest.worker", stdin=asyncio.subprocess.PIPE
        )
        try:
            await _order(process, alone)
            code = await process.wait()
            LOG.warning("ingest worker %d ended with %d; starting it again", number, code)
        finally:
            await _end(process)
        await asyncio.sleep(PAUSE_S)


async def _order(process: Process, settings: IngestSettings) -> None:
    assert process.stdin is not None  # noqa: S101  asked for above; tells mypy
    with contextlib.suppress(ConnectionError):
        process.stdin.write(msgspec.json.encode(settings, enc_hook=str) + b"\n")
        await process.stdin.drain()


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is not None:
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
