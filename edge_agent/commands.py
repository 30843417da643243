"""The agent's command."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edge_agent.errors import AgentError

if TYPE_CHECKING:
    from edge_agent.settings import AgentSettings


class SpeedError(AgentError):
    """A speed that is not one."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--speed {text} is neither a number above 0 nor max")


def agent(
    config: Annotated[Path, typer.Option(help="The agent's configuration, as `device add` writes it.")],
    source: Annotated[
        str | None,
        typer.Option(
            help="csv:FILE, log:FILE, can:INTERFACE:CHANNEL, j1939:…, elm327:DEVICE, obd:DEVICE; or in the file."
        ),
    ] = None,
    column_map: Annotated[
        str | None, typer.Option("--map", help="For CSV: a shipped map (carobd) or a TOML file.")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="Pace of a log: 1 is its own, 10 ten times as fast, max without pauses.")
    ] = "1",
    *,
    until_acked: Annotated[
        bool, typer.Option("--until-acked", help="End when a log is read and the server holds all.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Read a log anew that was read before.")] = False,
) -> None:
    """The in-vehicle agent: reads a bus or a log, and delivers it."""
    from edge_agent.agent import run
    from edge_agent.buses.base import open_source
    from edge_agent.health import Health
    from edge_agent.settings import load
    from edge_agent.switch import Switch

    factor = _factor(speed)
    settings = load(config)
    health = Health()
    options = {name: value for name, value in (("map", column_map), ("again", "true" if again else None)) if value}
    opened = open_source(
        _uri(source, settings, config),
        collect=settings.collect,
        health=health,
        switch=Switch(settings.spool.with_name(f"{settings.spool.name}.switch.json"), local=settings.listen_only),
        options=options,
        may_clear=settings.allow_clearing,
    )

    async def whole() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, opened, stop=stop, health=health, speed=factor, until_acked=until_acked)

    asyncio.run(whole())
    out = Console(stderr=True, highlight=False, markup=False)
    for line in health.report():
        out.print(line)


def decode(
    log: Annotated[Path, typer.Argument(help="candump's .log, .asc, .blf, .trc or .mf4; the first four also as .gz.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write: .parquet or .csv.")],
    *,
    dbc: Annotated[Path | None, typer.Option("--dbc", help="What the frames mean.")] = None,
    j1939: Annotated[
        bool, typer.Option("--j1939", help="Frames of a truck, whoever sends them; without --dbc the usual groups.")
    ] = False,
    texts: Annotated[
        bool, typer.Option("--texts", help="Add a column with the names that the DBC gives to values.")
    ] = False,
) -> None:
    """Decode a recorded log with a DBC file: a row a value, with time (UTC), message, signal, value."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from edge_agent.bulk.decode_log import decode_log
    from edge_agent.buses.j1939_hearing import OWN_DBC

    if dbc is None and not j1939:
        raise typer.BadParameter("say what the frames mean: --dbc FILE, or --j1939 for a truck")
    err = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(log.name, total=None)
        found = decode_log(
            log, dbc or OWN_DBC, out, texts=texts, j1939=j1939,
            progress=lambda done, size: bar.update(task, completed=done, total=size),
        )  # fmt: skip
    for line in found.lines():
        typer.echo(line)


def _uri(given: str | None, settings: AgentSettings, config: Path) -> str:
    from edge_agent.errors import ConfigError

    if not (given or settings.source):
        raise ConfigError(config, 'names no source; give --source, or write source = "elm327:/dev/ttyUSB0" into it')
    return given or settings.source


def _factor(text: str) -> float | None:
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError as error:
        raise SpeedError(text) from error
    if not factor > 0:
        raise SpeedError(text)
    return factor
