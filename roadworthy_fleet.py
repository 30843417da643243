"""A simulated fleet for this service: a year of it straight into a history folder, or as it happens over MQTT.

Here simulators and server meet: the simulators know nothing of storage, and storage nothing of simulators.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge_agent.buses.base import NOTHING, Row
from edge_agent.errors import SourceError
from simulators.commands import simulate
from vehicle.batch import TimeQuality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    import polars as pl
    import sqlalchemy as sa

    from edge_agent.settings import AgentSettings
    from ingest.devices import Credentials
    from ingest.settings import BrokerSettings
    from simulators.fleet import BlockRun, Chunk
    from simulators.fleet.ecu import Code
    from simulators.fleet.population import Block
    from vehicle.signals import Signal

ENGINE_ECU = "7E8"
VehicleCount = Annotated[int, typer.Option(min=1, help="How many cars.")]
DayCount = Annotated[int, typer.Option(min=1, help="How many days of their lives.")]
Seed = Annotated[int, typer.Option(help="Chance is the same for the same seed.")]
WorldName = Annotated[str, typer.Option(help="development or reporting; with :enriched ten times as many faults.")]


def vehicle_id(run: str, index: int) -> str:
    """The id of a simulated vehicle of a run, the same each time."""
    return hashlib.blake2b(f"{run}/{index}".encode(), digest_size=16).hexdigest()


@simulate.command("year")
def year(
    out: Annotated[Path, typer.Option(help="Data folder to make: history, database, records.")],
    *,
    world: WorldName = "development",
    vehicles: VehicleCount = 100,
    days: DayCount = 365,
    seed: Seed = 1,
    ledger: Annotated[Path | None, typer.Option(help="Folder of the truth; OUT.ledger if none.")] = None,
) -> None:
    """A year of a fleet straight into a history folder, and the truth about it into a sealed one."""
    from ingest.storage.database import migrate, open_database
    from simulators.fleet import ledger as truth
    from simulators.fleet.blocks import simulate as run_fleet
    from simulators.fleet.makes import world as world_of

    where = world_of(world)
    out.mkdir(parents=True, exist_ok=True)
    engine = open_database(f"sqlite:///{out.resolve()}/roadworthy.db")
    migrate(engine, "ingest")
    year_of = _Year(run=f"{world}/{seed}", folder=out, engine=engine, days=days)
    with _progress() as bar:
        task = bar.add_task(f"{vehicles} cars of {where.name}, days", total=vehicles * days)
        for group in run_fleet(where, n_vehicles=vehicles, days=days, seed=seed, block=1500):
            year_of.take(group, lambda done: bar.update(task, completed=done))
    year_of.close()
    sealed = ledger or out.with_name(out.name + ".ledger")
    run = {"world": where.name, "vehicles": vehicles, "days": days, "seed": seed, "run": year_of.run}
    truth.write(sealed, faults=year_of.faults, confounders=year_of.confounders, lives=year_of.lives, run=run)
    typer.echo(f"{year_of.rows:,} rows in {out}; the truth in {sealed}")


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@dataclass(slots=True)
class _Year:
    """Groups of blocks on their way into a history folder."""

    run: str
    folder: Path
    engine: sa.Engine
    days: int
    rows: int = 0
    files: int = 0
    done: int = 0
    faults: list[Any] = field(default_factory=list)
    confounders: list[Any] = field(default_factory=list)
    lives: list[Any] = field(default_factory=list)
    records: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in ("vehicles", "codes", "services", "measurements")}
    )

    def take(self, group: Sequence[BlockRun], tell: Callable[[int], None]) -> None:
        """Runs a group and writes what comes out."""
        from ingest.storage.history import put_frame
        from simulators.fleet import together

        cars = sum(len(block.vehicles) for block in group)
        for block in group:
            self.records["vehicles"].extend(_people(self.run, block))
        for block, chunk in together(group):
            self.files += 1
            if len(chunk):
                name = f"simulated-{self.files:08d}"
                self.rows += put_frame(self.engine, self.folder / "history", frame_of(self.run, chunk), name)
                at = block.progress(chunk)
                tell(self.done + int(at * cars * self.days))
            self._note(chunk)
        self.done += cars * self.days
        tell(self.done)
        for sealed in (block.sealed() for block in group):
            self.faults.extend(sealed.faults)
            self.confounders.extend(sealed.confounders)
            self.lives.extend(sealed.lives)

    def _note(self, chunk: Chunk) -> None:
        for name, rows in (
            ("codes", chunk.codes), ("services", chunk.services), ("measurements", chunk.measurements),
        ):  # fmt: skip
            for row in rows:
                entry = asdict(row)
                if "freeze" in entry:
                    entry["freeze"] = json.dumps(entry["freeze"])
                entry["vehicle_id"] = vehicle_id(self.run, entry.pop("vehicle"))
                self.records[name].append(entry)

    def close(self) -> None:
        """Joins small files and writes what is no telemetry: who the cars are, codes, services, measurements."""
        import polars as pl

        from ingest.storage.history import compact

        while compact(self.engine, self.folder / "history", now=datetime.now(UTC)):
            pass
        folder = self.folder / "records"
        folder.mkdir(exist_ok=True)
        for name, rows in self.records.items():
            pl.DataFrame(rows).write_parquet(folder / f"{name}.parquet")


def _people(run: str, block: BlockRun) -> Iterator[dict[str, Any]]:
    cars = block.vehicles
    for at, index in enumerate(cars.index.tolist()):
        yield {
            "vehicle_id": vehicle_id(run, index), "index": index, "platform": cars.platform,
            "powertrain": cars.powertrain, "age_days": float(cars.age_days[at]),
            "odometer_km": float(cars.odometer_km[at]), "captures_starts": bool(cars.captures_starts[at]),
        }  # fmt: skip


def frame_of(run: str, chunk: Chunk) -> pl.DataFrame:
    """A chunk in the columns that storage takes: identity, then values by VSS path, null where nothing was read."""
    import numpy as np
    import polars as pl

    from vehicle.signals import signal

    names = {index: vehicle_id(run, index) for index in np.unique(chunk.vehicle).tolist()}
    owner = pl.Series([names[index] for index in chunk.vehicle.tolist()], dtype=pl.String)
    identity = {
        "vehicle_id": owner, "device_id": owner,
        "time": pl.Series(chunk.time_ms).cast(pl.Datetime("ms", "UTC")),
        "epoch": pl.Series(np.ones(len(chunk), dtype=np.int64)),
        "sequence": pl.Series(np.arange(len(chunk), dtype=np.int64)),
        "inbox_id": pl.Series(np.zeros(len(chunk), dtype=np.int64)),
    }  # fmt: skip
    columns = {
        path: pl.Series(_exactly(signal(path), chunk.values[:, at])).fill_nan(None)
        for at, path in enumerate(chunk.signals)
    }
    return pl.DataFrame(identity | columns)


def _exactly(row: Signal, values: Any) -> Any:
    """Values of float32 as float64 exactly on the signal's grid."""
    import numpy as np

    raw = np.rint((values.astype(np.float64) * row.denominator - row.offset) / row.numerator)
    return (raw * row.numerator + row.offset) / row.denominator


@simulate.command("fleet")
def fleet(
    ctx: typer.Context,
    *,
    world: WorldName = "development",
    vehicles: VehicleCount = 10,
    days: DayCount = 2,
    seed: Seed = 1,
) -> None:
    """A fleet over MQTT: each car an agent with a spool of its own, which sends as fast as this service takes it."""
    from ingest.devices import enrol
    from ingest.settings import BrokerSettings, IngestSettings
    from ingest.storage.database import migrate, open_database, transaction
    from simulators.fleet.joint import groups
    from simulators.fleet.makes import world as world_of
    from simulators.fleet.population import plan

    where, server, broker = world_of(world), ctx.obj[IngestSettings], ctx.obj[BrokerSettings]
    engine, now = open_database(server.database_url), datetime.now(UTC)
    migrate(engine, "ingest")
    planned = groups(plan(where, vehicles, days, seed, 500), 500)
    with transaction(engine) as connection:
        made = [enrol(connection, name=f"sim-{now:%Y%m%d%H%M%S}-{at:04d}", now=now) for at in range(vehicles)]
    folder = server.data_dir / "simulated"
    folder.mkdir(parents=True, exist_ok=True)
    agents = [_agent(one, broker, folder) for one in made]
    asyncio.run(_send(planned, agents, vehicles * days))


def _agent(made: Credentials, broker: BrokerSettings, folder: Path) -> AgentSettings:
    from edge_agent.settings import AgentSettings, Broker, Collect

    return AgentSettings(
        device=made.device_id, password=made.password, spool=folder / f"{made.device_id}.db",
        broker=Broker(host=broker.host, port=broker.port), collect=Collect(batch_rows=60),
    )  # fmt: skip


@dataclass(slots=True)
class FleetSource:
    """A simulated car as an agent's source; it ends with the run."""

    uri: str
    queue: asyncio.Queue[list[Row] | None] = field(default_factory=lambda: asyncio.Queue(4))
    codes: dict[str, str] = field(default_factory=dict)
    key: str | None = "fleet"
    quality: TimeQuality | None = TimeQuality.RECORDED

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """Rows until the run is over."""
        del skip, start_ms
        while (some := await self.queue.get()) is not None:
            for row in some:
                yield row
            await asyncio.sleep(0)

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Answers as the car's ECU would."""
        del progress, arguments
        if name != "read_dtcs":
            raise SourceError(self.uri, f"this simulated car does not answer {name}")
        return {"codes": [{"ecu": ENGINE_ECU, "code": code, "state": state} for code, state in self.codes.items()]}

    async def close(self) -> None:
        """Nothing is open."""


async def _send(groups: Sequence[Sequence[Block]], agents: list[AgentSettings], car_days: int) -> None:
    """Runs the groups of blocks one after the other, with an agent for each car."""
    from edge_agent import agent
    from edge_agent.health import Health
    from roadworthy_parts import stop_on_signals

    stop, health = stop_on_signals(), Health()
    sources = [FleetSource(f"fleet:{at}") for at in range(len(agents))]
    with _progress() as bar:
        task = bar.add_task(f"{len(agents)} cars over MQTT, days", total=car_days)
        async with asyncio.TaskGroup() as group:
            for settings, source in zip(agents, sources, strict=True):
                run = agent.run(settings, source, stop=stop, health=health, speed=None, until_acked=True)
                group.create_task(run, name=f"fleet.agent.{source.uri}")
            await _feed(groups, sources, lambda done: bar.update(task, completed=done))
    typer.echo("\n".join(health.report()))


async def _feed(groups: Sequence[Sequence[Block]], sources: list[FleetSource], tell: Callable[[int], None]) -> None:
    from simulators.fleet.blocks import begun, together

    done = 0
    for group in groups:
        chunks = together(await asyncio.to_thread(begun, group))
        car_days = sum(block.n * block.days for block in group)
        while (made := await asyncio.to_thread(next, chunks, None)) is not None:
            run, chunk = made
            for index, rows in _rows_of(chunk, sources):
                await sources[index].queue.put(rows)
            if len(chunk):
                tell(done + int(run.progress(chunk) * car_days))
        done += car_days
    for source in sources:
        await source.queue.put(None)
    tell(done)


def _rows_of(chunk: Chunk, sources: list[FleetSource]) -> Iterator[tuple[int, list[Row]]]:
    """A chunk's rows car by car, as an agent reads them: raw integers, and codes as they come."""
    import numpy as np

    from vehicle.signals import signal

    scales = [signal(path) for path in chunk.signals]
    scale, shift = (np.array([getattr(row, name) for row in scales]) for name in ("denominator", "offset"))
    whole = np.array([row.numerator for row in scales])
    begin = np.flatnonzero(np.r_[True, np.diff(chunk.vehicle) != 0])
    for first, last in zip(begin, np.r_[begin[1:], len(chunk)], strict=True):
        if first == last:
            continue
        index = int(chunk.vehicle[first])
        raw = np.rint((chunk.values[first:last].astype(np.float64) * scale - shift) / whole).tolist()
        rows = [
            Row(values=_read(chunk.signals, cells), time_ms=int(time_ms))
            for time_ms, cells in zip(chunk.time_ms[first:last], raw, strict=True)
        ]
        events = _events([code for code in chunk.codes if code.vehicle == index], sources[index].codes)
        rows[-1] = replace(rows[-1], events=events)
        yield index, rows


def _read(signals: tuple[str, ...], cells: list[float]) -> dict[str, int]:
    return {path: int(cell) for path, cell in zip(signals, cells, strict=True) if not math.isnan(cell)}


def _events(codes: list[Code], known: dict[str, str]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Changes of trouble codes as happenings; ``known`` follows them."""
    events: list[tuple[str, dict[str, Any]]] = []
    for code in codes:
        if code.present:
            known[code.code] = code.state
        else:
            known.pop(code.code, None)
        state = code.state if code.present else "stored"
        events.append(("dtc", {"ecu": ENGINE_ECU, "code": code.code, "state": state, "present": code.present}))
    return tuple(events)
