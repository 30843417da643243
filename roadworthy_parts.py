"""The parts of the server: their settings, read once from file and variables, and how they run together."""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vehicle.errors import VehicleError
from vehicle.settings import build, read_toml, refuse_unknown, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
OTHER_VARIABLES = frozenset({"ROADWORTHY_SETTINGS", "ROADWORTHY_SHARED_DATA"})

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
