"""The truth of a run: which faults there were and when, what befell cars that was no fault, how long parts had to live.

Written beside the history in a folder of its own, as Parquet with a JSON of what was run. What is judged by it can
never read it: only the scorecard does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from simulators.fleet.processes import NOTICEABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from simulators.fleet.fates import Fate
    from simulators.fleet.workshop import Worn

FAULTS_FILE, CONFOUNDERS_FILE = "faults.parquet", "confounders.parquet"
LIVES_FILE, RUN_FILE = "lives.parquet", "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One fault, or one life of a wearing part. Times in ms; none: it did not come to that within the run (censored).

    ``vehicle`` is the index in the fleet. ``origin``: fault, bad_repair, wear or neglect. ``gradual``: it grew over
    days, so that it could be known before it failed. ``matters`` is whether it could ever be noticed; what does not
    earns neither credit nor blame. ``dtc_ms`` is when the control unit first stored a code for it.
    """

    vehicle: int
    component: str
    kind: str
    observability: str
    origin: str
    gradual: bool
    onset_ms: int
    noticeable_ms: int | None
    failed_ms: int | None
    matters: bool
    repaired_ms: int | None
    dtc_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounder:
    """Something that looks like a fault and is none, in one car from one time to another."""

    vehicle: int
    kind: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """True life of a gradual part at an instant: ``left`` 1 new to 0, days and km until 0 or functional failure.

    ``reached``: the end came within the run; otherwise days and km go on as the part wore from then to the run's end.
    """

    vehicle: int
    component: str
    part: str
    time_ms: int
    left: float
    days: float
    km: float
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a workshop without any error would have measured, by the measurement's name and unit (``pad_front_mm``)."""

    vehicle: int
    name: str
    time_ms: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The truth about a block, once its run is over; ``readings`` are of every month and never written down."""

    faults: tuple[Truth, ...]
    confounders: tuple[Confounder, ...]
    lives: tuple[Remaining, ...]
    readings: tuple[Reading, ...]


def of_fate(fate: Fate, first: int, end_ms: int) -> Truth:
    """The ledger's row of a fault; ``first`` is the index in the fleet of the block's first car."""
    noticeable = fate.reached_ms(NOTICEABLE)
    last = min(end_ms, fate.repaired_ms if fate.repaired_ms is not None else end_ms)
    if noticeable is not None and fate.failed_ms is not None:
        noticeable = min(noticeable, fate.failed_ms)
    if noticeable is None:
        noticeable = fate.failed_ms
    return Truth(
        vehicle=first + fate.vehicle, component=fate.kind.component, kind=fate.kind.name,
        observability=fate.kind.observability, origin=fate.origin,
        gradual=fate.kind.law != "sudden", onset_ms=fate.onset_ms,
        noticeable_ms=noticeable if noticeable is not None and noticeable <= last else None,
        failed_ms=fate.failed_ms,
        matters=fate.matters or fate.failed_ms is not None, repaired_ms=fate.repaired_ms, dtc_ms=fate.coded_ms,
    )  # fmt: skip


def of_worn(worn: Worn, first: int) -> Truth:
    """The ledger's row of one life of a wearing part."""
    part = worn.part
    return Truth(
        vehicle=first + worn.vehicle, component=part.component, kind=part.name, observability=part.observability,
        origin="wear", gradual=True, onset_ms=worn.fitted_ms, noticeable_ms=worn.noticeable_ms,
        failed_ms=worn.failed_ms,
        matters=worn.noticeable_ms is not None, repaired_ms=worn.renewed_ms, dtc_ms=None,
    )  # fmt: skip


def write(
    folder: Path, *, faults: Sequence[Truth], confounders: Sequence[Confounder], lives: Sequence[Remaining],
    run: Mapping[str, Any],
) -> None:  # fmt: skip
    """Writes the ledger of a whole run into ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, form, rows in (
        (FAULTS_FILE, Truth, faults), (CONFOUNDERS_FILE, Confounder, confounders), (LIVES_FILE, Remaining, lives),
    ):  # fmt: skip
        _parquet(folder / name, form, rows)
    (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _parquet(path: Path, form: type[Any], rows: Iterable[Any]) -> None:
    import polars as pl  # noqa: PLC0415 - heavy, and only needed where a ledger is written

    kinds = {"int": pl.Int64, "float": pl.Float64, "str": pl.String, "bool": pl.Boolean}
    schema = {each.name: kinds[str(each.type).split(" ")[0]] for each in fields(form)}
    pl.DataFrame([asdict(row) for row in rows], schema=schema).write_parquet(path)
