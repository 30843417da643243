"""One worker in a process of its own, as another one starts it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

import msgspec

from ingest import pipeline
from ingest.settings import IngestSettings


async def work() -> None:
    """One worker: its settings are the first line of its input, and with its input it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings = msgspec.json.decode(await reader.readline(), type=IngestSettings, dec_hook=_path)
    stop = asyncio.Event()

    async def watch() -> None:
        await reader.read()
        stop.set()

    watching = asyncio.create_task(watch(), name="ingest.input")
    await pipeline.run(settings, stop=stop)
    watching.cancel()


def _path(form: type, text: str) -> Path:
    del form
    return Path(text)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the one that started us ends us
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(work())
