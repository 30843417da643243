"""The command for benchmarks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.result import Result

BENCHES: Mapping[str, str] = {
    "decode": "benchmarks.decode",
    "wire": "benchmarks.wire",
    "agent": "benchmarks.agent",
    "ingest": "benchmarks.ingest",
    "backlog": "benchmarks.backlog",
    "workers": "benchmarks.workers",
    "history": "benchmarks.history",
    "detectors": "benchmarks.detectors",
    "fleet": "benchmarks.fleet",
}
"""Name -> module, imported when it is run; it has ``measure()`` and, where a profile makes sense, ``profile()``."""


def bench(
    name: Annotated[str, typer.Argument(help=f"Which: {', '.join(BENCHES)}.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    profile: Annotated[bool, typer.Option("--profile", help="Say where our time goes, and compare nothing.")] = False,
) -> None:
    """Measure a part beside its peers, in one run on the same input; exit code 1 if results differ."""
    from benchmarks.errors import NoProfileError, UnknownBenchError

    if name not in BENCHES:
        raise UnknownBenchError(name, BENCHES)
    module = importlib.import_module(BENCHES[name])
    if profile:
        if not hasattr(module, "profile"):
            raise NoProfileError(name)
        typer.echo("\n".join(module.profile()))
        return
    measure: Callable[[], Result] = module.measure
    found = measure()
    typer.echo(found.text() if as_json else "\n".join(found.lines()))
    if not found.equal:
        raise typer.Exit(1)
