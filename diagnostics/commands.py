"""The command ``roadworthy diagnose``: the diagnosis at work, or a replay of everything stored."""

from __future__ import annotations

from typing import Annotated

import typer

from diagnostics.settings import DiagnosticsSettings


def diagnose(
    ctx: typer.Context,
    *,
    replay: Annotated[
        bool, typer.Option("--replay", help="Run everything over the stored history and compare; changes nothing.")
    ] = False,
    device: Annotated[str | None, typer.Option("--device", help="With --replay: one device's vehicle only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --replay: print JSON.")] = False,
) -> None:
    """Follow the stored telemetry and say what is failing or wearing out."""
    settings = ctx.obj[DiagnosticsSettings]
    if replay:
        from diagnostics.replay import replay_stored

        raise typer.Exit(code=0 if replay_stored(settings, device=device, as_json=as_json) else 1)
    import asyncio
    import signal

    from diagnostics.runner import run

    async def follow() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(
            settings, stop=stop, ready=lambda: typer.echo("diagnostics follows the stored telemetry; Ctrl-C ends it")
        )

    asyncio.run(follow())
