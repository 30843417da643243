"""The front door: one command line. A part is imported only when its command runs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup
from typer.main import get_command

from roadworthy_parts import PARTS, SECTIONS, Settings, load, run_parts, stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "demo": "roadworthy:demo",
    "serve": "roadworthy:serve",
    "broker": "ingest.commands:broker",
    "ingest": "ingest.commands:ingest",
    "diagnose": "diagnostics.commands:diagnose",
    "api": "api.commands:api",
    "agent": "edge_agent.commands:agent",
    "device": "ingest.commands:device",
    "user": "api.commands:user",
    "dealer": "api.commands:dealer",
    "simulate": "roadworthy_fleet:simulate",
    "history": "ingest.commands:history",
    "dead-letters": "ingest.commands:dead_letters",
    "decode": "edge_agent.commands:decode",
    "bench": "benchmarks.commands:bench",
    "score": "scorecard.commands:score",
}
"""Command -> ``module:name`` of a function or a typer app."""

SETTINGS_FILE = "roadworthy.toml"
PACKAGES = ("vehicle", "edge_agent", "ingest", "diagnostics", "api", "simulators", "benchmarks", "scorecard")
USER_ERROR = 2
_EXTRAS = (
    "which is not installed here: pip install 'roadworthy[agent]' brings what runs in the car, "
    "pip install 'roadworthy[agent,server]' everything"
)


class FrontDoor(TyperGroup):
    """A command group that imports the module of a command when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the signature is typer's
        """The names, in the order of the table above."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the signature is typer's
        """The command of that name, freshly imported, or None."""
        if cmd_name not in COMMANDS:
            return None
        found = load(COMMANDS[cmd_name])
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(add_completion=False)
            found.command(name=cmd_name)(function)
        command = get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=FrontDoor, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


@app.callback()
def front_door(
    ctx: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(envvar="ROADWORTHY_SETTINGS", exists=True, dir_okay=False, help="Settings file (TOML)."),
    ] = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more of what happens.")] = False,
) -> None:
    """Roadworthy reads a car's own buses, notices what is failing or wearing out, and books the workshop for it."""
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for ours in (*PACKAGES, "roadworthy"):
        logging.getLogger(ours).setLevel(logging.DEBUG if verbose else logging.INFO)
    here = Path(SETTINGS_FILE)
    ctx.obj = Settings(environ=os.environ, file=settings or (here if here.is_file() else None))


def serve(ctx: typer.Context) -> None:
    """Broker, ingest, diagnostics and the service desk in one process."""
    settings = ctx.obj
    out = Console()

    def say_ready() -> None:
        desk, broker = (settings[load(SECTIONS[name])] for name in ("api", "broker"))
        out.print(f"Roadworthy is up: console http://{desk.host}:{desk.port}/  broker {broker.host}:{broker.port}")
        out.print("Ctrl-C ends it.")

    async def run() -> None:
        embedded = settings[load(SECTIONS["broker"])].embedded
        parts = [part for part in PARTS if part != "broker" or embedded]
        await run_parts(settings, parts, stop=stop_on_signals(), ready=say_ready)

    asyncio.run(run())


def demo(
    days: Annotated[int, typer.Option(min=1, max=120, help="Days of the cars' lives before now.")] = 30,
    *,
    until_booked: Annotated[
        bool, typer.Option("--until-booked", help="End at the first appointment, with a summary.")
    ] = False,
) -> None:
    """Everything on this machine, with cars that wear out in time-lapse; Ctrl-C ends it."""
    from roadworthy_demo import perform  # noqa: PLC0415  it loads every part

    if not perform(days=days, until_booked=until_booked):
        raise typer.Exit(1)


def _our_errors() -> tuple[type[BaseException], ...]:
    modules = (sys.modules.get(f"{package}.errors") for package in PACKAGES)
    found = (value for module in modules if module is not None for value in vars(module).values())
    return tuple(value for value in found if isinstance(value, type) and issubclass(value, Exception))


def _sentence(error: BaseException) -> str | None:
    """What to tell the user of an error that is no fault of the program; None where it is one."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _sentence(inner))), None)
    if isinstance(error, ModuleNotFoundError):
        package = str(error.name).partition(".")[0]
        return None if package in {*PACKAGES, "roadworthy"} else f"this needs the package {package}, {_EXTRAS}"
    return str(error) if isinstance(error, _our_errors()) else None


def main() -> None:
    """Runs the command line; a user's mistake ends in one sentence and exit code 2."""
    try:
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        Console(stderr=True).print(f"[bold red]roadworthy:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    main()
