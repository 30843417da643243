"""The command ``roadworthy score``: how good the diagnosis is, by figures that anyone can make again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from diagnostics.evaluation.real import RealScore

score = typer.Typer(help="How good the diagnosis is.", no_args_is_help=True, add_completion=False)


@score.callback()
def _score() -> None:
    """How good the diagnosis is, by figures that anyone can make again."""


@score.command("real")
def score_real(
    *,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of recorded drives; default: carobd of the shared data.")
    ] = None,
    lives: Annotated[int, typer.Option(min=1, max=2000, help="In how many orders the drives are lived through.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the orders.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Score the detectors on recorded drives of a sound car, and with faults put into them."""
    import msgspec

    from diagnostics.evaluation.real import score as measure
    from diagnostics.evaluation.recordings import read_drives, shared_drives

    drives = read_drives(data if data is not None else shared_drives())
    found = measure(drives, lives=lives, seed=seed, progress=lambda what: typer.echo(f"score: {what}", err=True))
    typer.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(_lines(found)))


@score.command("cmapss")
def score_cmapss(
    *,
    predictions: Annotated[
        Path, typer.Option("--predictions", help="File to write: life, low, high; a line an engine.")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with train_FD001.txt[.gz] and test_FD001.txt[.gz].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the trees and of the cuts.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Predict the remaining life of NASA's FD001 test engines; score the same on training engines left out."""
    import msgspec

    from diagnostics.evaluation.recordings import shared_data
    from diagnostics.evaluation.turbofan import predict, read_engines

    folder = data if data is not None else shared_data() / "cmapss"
    training, test = (read_engines(_plain_or_zipped(folder / f"{name}_FD001.txt")) for name in ("train", "test"))
    lives, found = predict(training, test, seed, lambda what: typer.echo(f"score: {what}", err=True))
    rows = zip(lives.life, lives.low, lives.high, strict=True)
    predictions.write_text("".join(f"{life:.2f} {low:.2f} {high:.2f}\n" for life, low, high in rows), encoding="utf-8")
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"{len(test)} engines -> {predictions}")
    typer.echo(
        f"  on {found.engines} training engines left out in turn, {found.cuts} cuts: RMSE {found.rmse:.2f} cycles,"
    )
    typer.echo(
        f"  bias {found.bias:+.2f}; 90 % intervals hold {100 * found.coverage:.1f} %, {found.width:.0f} cycles wide"
    )


def _plain_or_zipped(path: Path) -> Path:
    return path if path.exists() else path.with_name(f"{path.name}.gz")


def _lines(found: RealScore) -> Iterator[str]:
    yield f"{found.drives} drives of a sound car, {found.hours:g} h, lived through in {found.lives} orders"
    yield f"  while sound: {found.bookings} bookings, {found.advisories} advisories"
    low, high = 100 * found.recall.low, 100 * found.recall.high
    yield f"  faults found within 12 trips: {100 * found.recall.value:.1f} % ({low:.1f} to {high:.1f} %)"
    for name, fault in sorted(found.faults.items(), key=lambda item: item[1].found.value):
        middle = "never" if fault.median_trips is None else f"{fault.median_trips:.0f} trips"
        yield f"  {name:32} {100 * fault.found.value:5.1f} %  half of them after {middle:9} ({fault.detector})"
