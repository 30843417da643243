"""A part as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from collections.abc import Callable


class Part(Protocol):
    """An assembly: runs until ``stop``, and says when it is ready."""

    async def __call__(self, settings: Any, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
        """Runs the part."""


def run_until_signal(part: Part, settings: object, name: str) -> None:
    """Runs ``part`` until Ctrl-C or SIGTERM, and says when it is up."""

    async def whole() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await part(settings, stop=stop, ready=lambda: typer.echo(f"{name} is up; Ctrl-C ends it."))

    asyncio.run(whole())
