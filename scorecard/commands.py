"""The command ``roadworthy score``: how good the diagnosis is, by figures that anyone can make again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diagnostics.evaluation.commands import score

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorecard.seeing import Request, Seen

__all__ = ["score"]

NO_STRESS = "none"
STRESSES = (NO_STRESS, "lossy", "climate", "platform", "mismatch")
LEAST_VEHICLES, LEAST_YEARS = 20, 0.2
Vehicles = Annotated[int, typer.Option("--vehicles", min=LEAST_VEHICLES, max=100_000, help="How many cars.")]
Years = Annotated[float, typer.Option("--years", min=LEAST_YEARS, max=5.0, help="How long each is watched.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything that chance decides.")]
Folder = Annotated[
    Path | None, typer.Option("--cache", help="Where trips are kept between runs; default: the user's cache folder.")
]
Processes = Annotated[int | None, typer.Option("--processes", min=1, help="Default: one a core.")]


def _cache(folder: Path | None) -> Path:
    if folder is not None:
        return folder
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "roadworthy" / "scorecard"


def _watch(request: Request, folder: Path | None, processes: int | None) -> Seen:
    """Drives the fleet with a bar of progress on the error channel."""
    from rich.console import Console
    from rich.progress import Progress

    from scorecard.scoring import seen_fleet

    workers = processes if processes is not None else len(os.sched_getaffinity(0))
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{request.vehicles} cars of the {request.world} world, {request.stress.name}", total=None)
        return seen_fleet(request, _cache(folder), workers, lambda done, of: bar.update(task, completed=done, total=of))


def _say() -> Callable[[str], None]:
    return lambda what: typer.echo(f"score: {what}", err=True)


def _request(world: str, vehicles: int, years: float, seed: int, stress: str) -> Request:
    from scorecard.seeing import Request
    from simulators.fleet import stress as kinds

    known = {each.name: each for each in (kinds.NONE, *kinds.STRESSES)}
    if stress not in known:
        raise typer.BadParameter(f"there are {', '.join(known)}", param_hint="--stress")
    return Request(world=world, vehicles=vehicles, days=round(years * 365.25), seed=seed, stress=known[stress])


def _another(text: str) -> Request:
    """A fleet of the development world as ``VEHICLES:YEARS:SEED`` names it."""
    try:
        vehicles, years, seed = text.split(":")
        asked = int(vehicles), float(years), int(seed)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no VEHICLES:YEARS:SEED, as 240:1:20 is", param_hint="--also") from error
    if asked[0] < LEAST_VEHICLES or asked[1] < LEAST_YEARS or asked[2] < 0:
        bounds = f"at least {LEAST_VEHICLES} vehicles, {LEAST_YEARS} years and a seed of 0 or more"
        raise typer.BadParameter(f"{text!r} is too small: {bounds}", param_hint="--also")
    return _request("development", *asked, NO_STRESS)


@score.command("fleet")
def score_fleet(
    *,
    vehicles: Vehicles = 1000,
    years: Years = 1.0,
    seed: Seed = 1,
    world: Annotated[
        str, typer.Option("--world", help="reporting, rehearsal or development; with :enriched, ten times the faults.")
    ] = "reporting",
    stress: Annotated[str, typer.Option("--stress", help=f"One of {', '.join(STRESSES)}.")] = NO_STRESS,
    rivals: Annotated[
        bool, typer.Option("--rivals/--no-rivals", help="Score rivals, ablations and the trade-off too.")
    ] = True,
    out: Annotated[Path | None, typer.Option("--out", help="Write the JSON to a file as well.")] = None,
    cache: Folder = None,
    processes: Processes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Score the diagnosis on a simulated fleet whose truth is sealed."""
    from scorecard.report import shown
    from scorecard.result import printed
    from scorecard.scoring import score as measure

    request = _request(world, vehicles, years, seed, stress)
    found = measure(request, _watch(request, cache, processes), _say(), rivals_too=rivals)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(printed(found) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(printed(found))
        return
    typer.echo(f"{found.vehicles} cars, {found.vehicle_years:,.0f} vehicle-years, {found.failures} failures")
    for name, figure in found.figures.items():
        typer.echo(f"  {name:36} {shown(figure)}")


@score.command("calibrate")
def score_calibrate(
    *,
    vehicles: Vehicles = 1000,
    years: Years = 1.0,
    seed: Seed = 1,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="A further fleet, VEHICLES:YEARS:SEED, for chances and laws of age; repeatable."),
    ] = None,
    cache: Folder = None,
    processes: Processes = None,
) -> None:
    """Fit on development fleets what the judge and the prognosis need; writes the tables into the source tree."""
    from scorecard.calibrating import calibrated
    from scorecard.seeing import ROOT

    requests = [_request("development", vehicles, years, seed, NO_STRESS), *map(_another, also or ())]
    if len(set(requests)) < len(requests):
        raise typer.BadParameter("the same fleet twice tells nothing more", param_hint="--also")
    seen, *more = (_watch(request, cache, processes) for request in requests)
    for name, text in calibrated(seen, more).items():
        (ROOT / name).write_text(text, encoding="utf-8")
        typer.echo(f"wrote {name}")


@score.command("realism")
def score_realism(
    *,
    vehicles: Vehicles = 200,
    days: Annotated[int, typer.Option("--days", min=14, max=730, help="How long each is watched.")] = 60,
    seed: Seed = 1,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of recorded drives; default: carobd of the shared data.")
    ] = None,
    cache: Folder = None,
    processes: Processes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Ask a classifier to tell simulated trips of sound cars from recorded ones."""
    import msgspec

    from diagnostics.evaluation.real import trips_of
    from diagnostics.evaluation.recordings import read_drives, shared_drives
    from scorecard.realism import realism

    drives = read_drives(data if data is not None else shared_drives())
    request = _request("development", vehicles, days / 365.25, seed, NO_STRESS)
    found = realism(trips_of(drives), _watch(request, cache, processes), seed)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"{found.recorded} recorded and {found.simulated} simulated trips, {found.features} features")
    typer.echo(f"  area under the curve {found.auc:.3f} ({found.low:.3f} to {found.high:.3f} over foldings)")
    for name, alone in found.loudest.items():
        typer.echo(f"  {name:24} alone {alone:.3f}")


@score.command("report")
def score_report(
    *,
    whole: Annotated[Path, typer.Option("--score", help="JSON of the score of the whole fleet.")],
    robust: Annotated[
        list[Path] | None,
        typer.Option("--robust", help="JSON of the score under a stress, or of a longer time; again for each."),
    ] = None,
    real: Annotated[Path | None, typer.Option("--real", help="JSON of `score real`.")] = None,
    cmapss: Annotated[Path | None, typer.Option("--cmapss", help="JSON of `score cmapss`.")] = None,
    like_real: Annotated[Path | None, typer.Option("--realism", help="JSON of `score realism`.")] = None,
    speed: Annotated[Path | None, typer.Option("--speed", help="JSON of `bench detectors`.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the page; charts go below it.")] = Path("docs"),
) -> None:
    """Write the report with its charts, in English and Chinese."""
    from scorecard import beside
    from scorecard.charts import draw_all
    from scorecard.report import LANGUAGES, YEAR, report
    from scorecard.result import read

    found = read(whole)
    under = {YEAR if card.stress == NO_STRESS else card.stress: card for card in map(read, robust or [])}
    more = beside.read(real=real, turbofan=cmapss, realism=like_real, speed=speed)
    draw_all(found, under, out / "scorecard")
    for language in LANGUAGES:
        name = "scorecard.md" if language == "en" else f"scorecard.{language}.md"
        (out / name).write_text(report(found, under, language, more), encoding="utf-8")
        typer.echo(f"wrote {out / name}")
