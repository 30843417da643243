"""From a simulated block to what diagnosis saw of it: rows go through the service's own features, trips are kept.

The trips of a block are kept in a file, named by everything that they depend on, the blocks that it is driven together
with and the code of simulators and features among it: a change of a detector alone needs no car to be driven again.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from diagnostics.features.columns import MATTERS
from diagnostics.features.rows import Rows
from diagnostics.features.trips import FEATURES, MEASUREMENTS
from diagnostics.features.trips import Trips as ClosedTrips
from diagnostics.fleet import Fleet
from diagnostics.platforms import read_platforms
from scorecard.record import Cars, Code, Record, Service, Trips
from scorecard.truth import Left, Truth, Watched, with_expected
from simulators.fleet.blocks import begun
from simulators.fleet.blocks import together as run_together
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.joint import groups
from simulators.fleet.makes import world
from simulators.fleet.population import plan
from simulators.fleet.stress import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scorecard.record import Measure
    from scorecard.truth import Floats
    from simulators.fleet.blocks import BlockRun, Chunk
    from simulators.fleet.ledger import Sealed
    from simulators.fleet.population import Block
    from simulators.fleet.stress import Stress

BLOCK = 2000
"""Most vehicles that are driven together: the more, the less a step costs each (our choice, for memory)."""
SOURCES = ("simulators/fleet", "vehicle", "diagnostics/features")
AXLES: Mapping[str, str] = MappingProxyType({"replace_front_pads": "brakes_front", "replace_rear_pads": "brakes_rear"})
"""What a workshop's words say beyond the component: diagnosis tells the axles apart."""
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What fleet is to be driven."""

    world: str
    vehicles: int
    days: int
    seed: int
    stress: Stress = NONE


def blocks_of(request: Request) -> list[Block]:
    """The blocks of a fleet."""
    return plan(world(request.world), request.vehicles, request.days, request.seed, BLOCK)


def groups_of(request: Request) -> list[tuple[Block, ...]]:
    """Its blocks as they are driven together."""
    return groups(blocks_of(request), BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a block, and the sealed truth about it; vehicles are numbered from 0 within the block.

    ``exact``: what measurements without error would have been each month, in the form of ``Record.measured``.
    """

    record: Record
    truth: Truth
    left: Left
    watched: Watched
    driven_s: int
    exact: tuple[Measure, ...] = ()


def code_version() -> str:
    """A name for what makes trips: it changes with any file of that code and any parameter that a feature asks for."""
    names = sorted(path for source in SOURCES for path in (ROOT / source).rglob("*") if path.suffix in {".py", ".toml"})
    asked = sorted({name for matter in MATTERS for name in matter.parameters})
    tables = sorted(read_platforms().items())
    values = [(kind, name, table[name]) for kind, table in tables for name in asked if name in table]
    digest = hashlib.sha256(repr(values).encode())
    for path in names:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def block_names(group: Sequence[Block], stress: Stress, version: str) -> list[str]:
    """The names under which a group's blocks are kept; cars that run together share the chance of the physics."""
    world, seed, days = group[0].world, group[0].seed, group[0].days
    mates = [(block.number, block.first, block.n) for block in group]
    made_of = [f"{world.name}/{seed}/{days}/{mates}/{number}/{stress}/{version}" for number, *_ in mates]
    return [f"{world.name.replace(':', '-')}-{hashlib.sha256(each.encode()).hexdigest()[:20]}" for each in made_of]


def see(request: Request, number: int, folder: Path, version: str) -> dict[int, Path]:
    """Drives a group and keeps what was seen of its blocks, if that was not done before; each block's file."""
    group = groups_of(request)[number]
    paths = [folder / f"{name}.parquet" for name in block_names(group, request.stress, version)]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        for path, driven in zip(paths, _drive(group, request.stress), strict=True):
            _keep(path, driven)
    return {block.number: path for block, path in zip(group, paths, strict=True)}


def _keep(path: Path, driven: Driven) -> None:
    """Writes a block's file: it is there once it is whole."""
    rest_path, part = path.with_suffix(".rest"), path.with_suffix(".part")
    rest_path.write_bytes(pickle.dumps(driven.rest()))
    driven.frame().write_parquet(part, compression="zstd")
    part.rename(path)


def seen_in(path: Path) -> Seen:
    """What :func:`see` has kept."""
    frame = pl.read_parquet(path)
    rest: dict[str, Any] = pickle.loads(path.with_suffix(".rest").read_bytes())  # noqa: S301  our own file
    names = tuple(frame.columns[1:])
    values = frame.select(names).to_numpy().astype(np.float64, copy=False)
    trips = Trips(vehicle=frame["vehicle"].to_numpy(), values=values, names=names)
    truth = with_expected(rest.pop("truth"), rest["left"])
    return Seen(record=Record(trips=trips, **rest.pop("record")), truth=truth, **rest)


def _drive(group: Sequence[Block], stress: Stress) -> list[Driven]:
    runs = begun(group, stress)
    driven = {run.block.number: Driven(run) for run in runs}
    for run, chunk in run_together(runs):
        driven[run.block.number].take(chunk)
    for each in driven.values():
        each.finish()
    return list(driven.values())


class Driven:
    """What is seen of a block while it is driven: trips, and what was told beside them."""

    def __init__(self, run: BlockRun) -> None:
        self._run, self._block = run, run.block
        self._fleet = Fleet(detectors=())
        ids = [str(number) for number in range(run.block.n)]
        self._rows = self._fleet.rows_of(ids)
        for vehicle in ids:
            self._fleet.note_platform(vehicle, run.block.platform.name, run.block.platform.powertrain)
        self._parts: list[ClosedTrips] = []
        self._told: dict[str, list[Any]] = {"codes": [], "services": [], "measured": []}

    def take(self, chunk: Chunk) -> None:
        """The next chunk."""
        _note(chunk, self._block.first, self._fleet, self._told)
        if len(chunk):
            self._parts.append(self._fleet.take(_rows(chunk, self._block.first)).trips)

    def finish(self) -> None:
        """The run is over: trips that are open end with it."""
        self._parts.append(self._fleet.finish(self._rows).trips)

    def frame(self) -> pl.DataFrame:
        """The trips."""
        return _frame(self._parts)

    def rest(self) -> dict[str, Any]:
        """All that is no trip."""
        block, vehicles, sealed = self._block, self._run.vehicles, self._run.sealed()
        cars = Cars(
            platform=np.full(block.n, block.platform.name), powertrain=np.full(block.n, block.platform.powertrain),
            age_days=vehicles.age_days.astype(np.float64), odometer_km=vehicles.odometer_km.astype(np.float64),
        )  # fmt: skip
        start = float(block.world.start_ms)
        watched = Watched(from_ms=np.full(block.n, start), until_ms=np.full(block.n, start + block.days * A_DAY_MS))
        lists = {name: tuple(values) for name, values in self._told.items()}
        return {
            "record": {"cars": cars, "start_ms": start, **lists},
            "truth": _truth(sealed, block.first), "left": _left(sealed, block.first), "watched": watched,
            "driven_s": self._run.driven_s, "exact": _exact(sealed, block.first),
        }  # fmt: skip


def _rows(chunk: Chunk, first: int) -> Rows:
    return Rows(
        vehicle=chunk.vehicle - first, time_ms=chunk.time_ms, values=np.asarray(chunk.values), signals=chunk.signals
    )


def _note(chunk: Chunk, first: int, fleet: Fleet, told: dict[str, list[Any]]) -> None:
    """Takes down codes, services and measurements; what was measured also goes to the trips."""
    told["codes"] += [
        Code(vehicle=each.vehicle - first, at_ms=float(each.time_ms), code=each.code, state=each.state,
             present=each.present)
        for each in chunk.codes
    ]  # fmt: skip
    told["services"] += [
        Service(vehicle=each.vehicle - first, component=AXLES.get(each.what, each.component), at_ms=float(each.time_ms))
        for each in chunk.services
    ]
    for each in chunk.measurements:
        told["measured"].append((each.vehicle - first, each.name, float(each.time_ms), each.value))
        if each.name in MEASUREMENTS:  # a workshop writes down more than detectors ask for
            fleet.note_measurement(str(each.vehicle - first), each.name, each.time_ms, each.value)


def _frame(parts: Sequence[ClosedTrips]) -> pl.DataFrame:
    """Closed trips, sorted by vehicle, then time; times in full, the rest as single precision."""
    vehicle = np.concatenate([part.vehicle for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.lexsort((values[:, FEATURES.index("ended_ms")], vehicle))
    columns = {"vehicle": vehicle[order]}
    for at, name in enumerate(FEATURES):
        columns[name] = values[order, at].astype(np.float64 if name.endswith("_ms") else np.float32)
    return pl.DataFrame(columns)


def _truth(sealed: Sealed, first: int) -> Truth:
    rows = sealed.faults

    def words(name: str) -> np.ndarray:
        return np.array([getattr(row, name) for row in rows], dtype=np.str_)

    def times(name: str) -> Floats:
        found = [getattr(row, name) for row in rows]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    return Truth(
        vehicle=np.array([row.vehicle - first for row in rows], dtype=np.int64),
        component=words("component"), kind=words("kind"), observability=words("observability"),
        gradual=np.array([row.gradual for row in rows], dtype=np.bool_),
        wears=np.array([row.origin == "wear" for row in rows], dtype=np.bool_),
        matters=np.array([row.matters for row in rows], dtype=np.bool_),
        onset_ms=times("onset_ms"), noticeable_ms=times("noticeable_ms"), failed_ms=times("failed_ms"),
        ended_ms=times("repaired_ms"), expected_ms=times("failed_ms"), code_ms=times("dtc_ms"),
    )  # fmt: skip


def _left(sealed: Sealed, first: int) -> Left:
    rows = sealed.lives
    return Left(
        vehicle=np.array([row.vehicle - first for row in rows], dtype=np.int64),
        part=np.array([f"{row.component}/{row.part}" for row in rows], dtype=np.str_),
        at_ms=np.array([row.time_ms for row in rows], dtype=np.float64),
        days=np.array([row.days for row in rows], dtype=np.float64),
    )


def _exact(sealed: Sealed, first: int) -> tuple[Measure, ...]:
    return tuple((each.vehicle - first, each.name, float(each.time_ms), each.value) for each in sealed.readings)


def together(parts: Iterable[Seen]) -> Seen:
    """Blocks as one fleet, vehicles numbered through."""
    found = list(parts)
    sizes = [len(part.record.cars) for part in found]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int).tolist()
    pairs = list(zip(found, starts, strict=True))
    return Seen(
        record=_records(pairs),
        truth=_moved([(part.truth, start) for part, start in pairs]),
        left=_moved([(part.left, start) for part, start in pairs]),
        watched=Watched(
            from_ms=np.concatenate([part.watched.from_ms for part in found]),
            until_ms=np.concatenate([part.watched.until_ms for part in found]),
        ),
        driven_s=sum(part.driven_s for part in found),
        exact=tuple((each[0] + start, *each[1:]) for part, start in pairs for each in part.exact),
    )


def _moved(parts: Sequence[tuple[Any, int]]) -> Any:
    """Values of one kind with arrays, joined, their vehicles moved on."""
    form = type(parts[0][0])
    joined = {each.name: np.concatenate([getattr(part, each.name) for part, _ in parts]) for each in fields(form)}
    joined["vehicle"] = np.concatenate([part.vehicle + start for part, start in parts])
    return form(**joined)


def _records(pairs: Sequence[tuple[Seen, int]]) -> Record:
    records = [(part.record, start) for part, start in pairs]
    return Record(
        cars=Cars(
            **{each.name: np.concatenate([getattr(r.cars, each.name) for r, _ in records]) for each in fields(Cars)}
        ),
        trips=Trips(
            vehicle=np.concatenate([r.trips.vehicle + start for r, start in records]),
            values=np.concatenate([r.trips.values for r, _ in records]),
            names=records[0][0].trips.names,
        ),
        codes=tuple(Code(**{**asdict(c), "vehicle": c.vehicle + at}) for r, at in records for c in r.codes),
        services=tuple(Service(**{**asdict(s), "vehicle": s.vehicle + at}) for r, at in records for s in r.services),
        start_ms=records[0][0].start_ms,
        measured=tuple((m[0] + at, *m[1:]) for r, at in records for m in r.measured),
    )
