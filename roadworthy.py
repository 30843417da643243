"""The front door: one command line, and the wiring of the parts. A part is imported only when its command runs."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup
from typer.main import get_command

from vehicle.errors import VehicleError
from vehicle.settings import build, read_toml, refuse_unknown, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
    "simulate": "simulators.commands:simulate",
    "history": "ingest.commands:history",
    "dead-letters": "ingest.commands:dead_letters",
    "decode": "edge_agent.commands:decode",
    "bench": "benchmarks.commands:bench",
}
"""Command -> ``module:name`` of a function or a typer app."""

SECTIONS: Mapping[str, str] = {
    "broker": "ingest.settings:BrokerSettings",
    "ingest": "ingest.settings:IngestSettings",
    "diagnostics": "diagnostics.settings:DiagnosticsSettings",
    "api": "api.settings:ApiSettings",
}
"""Table of the settings file -> ``module:name`` of the form that reads it."""

PARTS: Mapping[str, str] = {
    "broker": "ingest.broker:run",
    "ingest": "ingest.pipeline:run",
    "diagnostics": "diagnostics.runner:run",
    "api": "api.app:run",
}
"""The server's assemblies, in the order in which they start."""

TOP = ("data_dir", "database_url")
PREFIX = "ROADWORTHY_"
SETTINGS_FILE = "roadworthy.toml"
OTHER_VARIABLES = frozenset({"ROADWORTHY_SETTINGS", "ROADWORTHY_SHARED_DATA"})
PACKAGES = ("vehicle", "edge_agent", "ingest", "diagnostics", "api", "simulators", "benchmarks")
USER_ERROR = 2

_Form = TypeVar("_Form")


class StartError(VehicleError):
    """A part of the server that ended before it was ready."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"{part} ended before it was ready; its log says why")


class Settings(Mapping[type[Any], Any]):
    """Every part's settings by their type, read from file and variables when one is first asked for."""

    def __init__(self, *, environ: Mapping[str, str], file: Path | None) -> None:
        self._environ, self._file = environ, file

    @cached_property
    def _by_type(self) -> dict[type[Any], Any]:
        forms = {section: load(target) for section, target in SECTIONS.items()}
        ours = {name: value for name, value in self._environ.items() if name not in OTHER_VARIABLES}
        plain, sectioned = variables(ours, prefix=PREFIX, sections=forms, top=TOP)
        tables = self._tables()
        top = {key: tables.pop(key) for key in TOP if key in tables} | plain
        data_dir = Path(top.get("data_dir", default_data_dir(self._environ))).expanduser().resolve()
        shared = {"data_dir": data_dir, "database_url": top.get("database_url", f"sqlite:///{data_dir}/roadworthy.db")}
        source = str(self._file or "the environment")
        refuse_unknown(tables, forms, source=source)
        given = {name: {**shared, **tables.get(name, {}), **sectioned.get(name, {})} for name in forms}
        broker = build(forms["broker"], given["broker"], source=f"{source} [broker]")
        given["ingest"] = {"broker_host": broker.host, "broker_port": broker.port, **given["ingest"]}
        return {form: build(form, given[name], source=f"{source} [{name}]") for name, form in forms.items()}

    def _tables(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        return read_toml(self._file.read_text(encoding="utf-8"), source=str(self._file))

    def __getitem__(self, form: type[_Form]) -> _Form:
        value: _Form = self._by_type[form]
        return value

    def __iter__(self) -> Iterator[type[Any]]:
        return iter(self._by_type)

    def __len__(self) -> int:
        return len(self._by_type)


def default_data_dir(environ: Mapping[str, str]) -> str:
    """Where state lives when ROADWORTHY_DATA_DIR is not set: the XDG data folder."""
    base = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(base) / "roadworthy")


def load(target: str) -> Any:
    """The object that ``module:name`` names."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


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


async def run_parts(
    settings: Mapping[type[Any], Any], parts: Iterable[str], *, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Runs the named assemblies in one event loop, each started when the one before is ready, until ``stop`` is set."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            up = asyncio.Event()
            run = load(PARTS[part])
            form = load(SECTIONS[part])
            task = group.create_task(run(settings[form], stop=stop, ready=up.set), name=part)
            await _ready_or_ended(part, task, up, stop)
        ready()


async def _ready_or_ended(part: str, task: asyncio.Task[None], up: asyncio.Event, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait(), name=f"{part} {what}") for what, event in (("up", up), ("stop", stop))]
    await asyncio.wait([task, *waits], return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if task.done() and not stop.is_set() and task.exception() is None:
        raise StartError(part)


def stop_on_signals() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set, in the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


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


def _first_of_ours(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _first_of_ours(inner))), None)
    return error if isinstance(error, _our_errors()) else None


def main() -> None:
    """Runs the command line; a user's mistake ends in one sentence and exit code 2."""
    try:
        app()
    except Exception as error:
        ours = _first_of_ours(error)
        if ours is None:
            raise
        Console(stderr=True).print(f"[bold red]roadworthy:[/] {escape(str(ours))}", highlight=False, soft_wrap=True)
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    main()
