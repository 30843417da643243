"""The demo: the whole service on this machine, a recorded real car, and simulated ones that wear out in time-lapse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from api.auth.scope import Role, Scope
from api.people import Newcomer, add
from api.settings import ApiSettings
from api.vehicles import repository as vehicles
from api.vehicles import service as vehicle_service
from edge_agent import agent
from edge_agent.buses.base import NOTHING, Row, Source, open_source
from edge_agent.errors import SourceError
from edge_agent.health import Health
from edge_agent.settings import AgentSettings, Broker, Collect
from ingest import devices
from ingest.settings import BrokerSettings
from ingest.storage.database import open_database, transaction
from roadworthy_parts import PARTS, Settings, default_data_dir, run_parts, stop_on_signals
from roadworthy_story import Story, print_summary
from simulators.scenario import Scenario, load
from simulators.time_lapse import Car, TimeLapse
from simulators.trips import Trip
from vehicle.batch import TimeQuality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

CARS = ("thermostat-stuck-open", "battery-ageing", "vacuum-leak", "healthy")
RECORDING = "carobd-drive1-extract.csv.gz"
RECORDED_SPEED = 15.0
SECONDS_A_TRIP = 0.4
"""Pace of the time-lapse: a trip of all cars takes at least so long (our choice, so that it can be watched)."""
LIVE_SECONDS, LIVE_NUMBER, PIECE_S = 900, 100_000, 5
MARKER = "roadworthy-demo"
ADVISOR, OWNER = "advisor", "owner"
_SYSTEM = Scope(user_id="", name="demo", role=Role.ADMIN, dealer_id=None)


@dataclass(slots=True)
class LapseSource:
    """A simulated car as the agent's source: rows come trip by trip from the world that all cars share."""

    uri: str
    codes: Callable[[], list[dict[str, str]]]
    queue: asyncio.Queue[list[Any]] = field(default_factory=lambda: asyncio.Queue(2))
    key: str | None = "time-lapse"
    quality: TimeQuality | None = TimeQuality.RECORDED

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """Rows until the demo ends; there is nothing to skip, since each demo begins anew."""
        del skip, start_ms
        while True:
            for row in await self.queue.get():
                yield Row(values=row.values, time_ms=row.time_ms, events=row.events)
            await asyncio.sleep(0)

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Answers as the car's ECU would."""
        del progress, arguments
        if name != "read_dtcs":
            raise SourceError(self.uri, f"this simulated car does not answer {name}")
        return {"codes": self.codes()}

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the demo plays with: settings, how to sign in, and where agents keep their spools."""

    settings: Settings
    password: str
    folder: Path

    @property
    def desk(self) -> ApiSettings:
        """Settings of the service desk."""
        return self.settings[ApiSettings]

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://{self.desk.host}:{self.desk.port}"


def perform(*, days: int, until_booked: bool) -> bool:
    """The demo from start to end; whether it did what was asked: with ``until_booked``, whether something was."""
    logging.getLogger().setLevel(logging.WARNING)
    for name in ("ingest", "edge_agent", "api", "diagnostics", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    out = Console(highlight=False)
    stage = prepare(os.environ)
    booked = asyncio.run(play(stage, out, days=days, until_booked=until_booked))
    if until_booked and not booked:
        out.print("Ended before an appointment was made.")
    return booked or not until_booked


def prepare(environ: Mapping[str, str]) -> Stage:
    """A fresh data folder, free ports, and a new random password."""
    base = Path(environ.get("ROADWORTHY_DATA_DIR") or default_data_dir(environ)).expanduser()
    folder = base / "demo"
    if (folder / MARKER).exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `roadworthy demo`, which empties this folder at each start.\n")
    changed = {
        **environ,
        "ROADWORTHY_DATA_DIR": str(folder),
        "ROADWORTHY_DATABASE_URL": f"sqlite:///{folder}/roadworthy.db",
        "ROADWORTHY_BROKER_PORT": environ.get("ROADWORTHY_BROKER_PORT") or str(_free_port(1883)),
        "ROADWORTHY_API_PORT": environ.get("ROADWORTHY_API_PORT") or str(_free_port(8420)),
    }
    return Stage(Settings(environ=changed, file=None), secrets.token_urlsafe(9), folder)


def _free_port(wished: int) -> int:
    for port in (wished, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise OSError("no free port on 127.0.0.1")


async def play(stage: Stage, out: Console, *, days: int, until_booked: bool) -> bool:
    """Runs the service and the cars until Ctrl-C, or until the first appointment; whether there was one."""
    stop, end, up = stop_on_signals(), asyncio.Event(), asyncio.Event()
    story = Story(open_database(stage.desk.database_url), stage.desk)
    async with asyncio.TaskGroup() as server:
        server.create_task(run_parts(stage.settings, PARTS, stop=end, ready=up.set), name="demo.server")
        starting = asyncio.create_task(up.wait())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            agents = await asyncio.to_thread(enrol_cars, stage)
            say_where(stage, out)
            async with asyncio.TaskGroup() as cars:  # they go before the broker that they talk to
                cars.create_task(drive(stage, agents, days, stop), name="demo.cars")
                await story.tell(out, stop, until_booked=until_booked)
                stop.set()
        end.set()
        for task in (starting, stopping):
            task.cancel()
    if until_booked and story.booked is not None:
        print_summary(story, out)
    return story.booked is not None


def say_where(stage: Stage, out: Console) -> None:
    """Where to look, and how to sign in."""
    out.print(f"\n[bold]Roadworthy[/] is up: [link]{stage.url}/[/link]")
    out.print(f"  service advisor  sign in as [bold]{ADVISOR}[/]  password [bold]{stage.password}[/]")
    out.print(f"  car owner        sign in as [bold]{OWNER}[/]    password [bold]{stage.password}[/]")
    out.print(f"  messages to the owner are left in {stage.desk.outbox_folder}")
    out.print("Ctrl-C ends everything. What happens, as it happens:\n")


def enrol_cars(stage: Stage) -> list[AgentSettings]:
    """People, devices and vehicles of the demo; the recorded car's agent first, then one a scenario."""
    engine, now = open_database(stage.desk.database_url), datetime.now(UTC)
    stories = [load(name) for name in CARS]
    with transaction(engine) as connection:
        made = [devices.enrol(connection, name=name, now=now) for name in ("recorded", *CARS)]
    add(engine, stage.desk, Newcomer(name=ADVISOR, role="advisor", password=stage.password, language="en"), now=now)
    names = ["recorded", *CARS]
    owner = Newcomer(name=OWNER, role="owner", password=stage.password, language="zh", devices=names)
    add(engine, stage.desk, owner, now=now)
    with transaction(engine) as connection:
        for credentials, story in zip(made[1:], stories, strict=True):
            _describe(connection, credentials.vehicle_id, story, now)
        known = {"model": "Toyota Etios 1.5 (recorded)", "plate": "REC·2014"}
        vehicle_service.change(connection, _SYSTEM, made[0].vehicle_id, known, now)
    engine.dispose()
    broker = stage.settings[BrokerSettings]
    return [
        AgentSettings(
            device=one.device_id, password=one.password, spool=stage.folder / "spools" / f"{one.device_id}.db",
            broker=Broker(host=broker.host, port=broker.port), collect=Collect(batch_rows=60),
        )
        for one in made
    ]  # fmt: skip


def _describe(connection: Any, vehicle_id: str, story: Scenario, now: datetime) -> None:
    known = {"model": story.model, "plate": story.plate, "vin": story.vin}
    vehicle_service.change(connection, _SYSTEM, vehicle_id, known, now)
    vehicles.vehicle(connection, _SYSTEM, vehicle_id)


async def drive(stage: Stage, agents: list[AgentSettings], days: int, stop: asyncio.Event) -> None:
    """All cars: each has an agent of its own, with spool and connection; the simulated ones share a time-lapse."""
    now = datetime.now(UTC)
    lapse = TimeLapse([load(name) for name in CARS], start=now - timedelta(days=days), end=now)
    lapses = [
        LapseSource(f"time-lapse:{name}", partial(codes_of, car)) for name, car in zip(CARS, lapse.cars, strict=True)
    ]
    sources: list[tuple[Source, float | None]] = [(_recorded(), RECORDED_SPEED), *((one, None) for one in lapses)]
    del stage
    async with asyncio.TaskGroup() as group:
        for settings, (source, speed) in zip(agents, sources, strict=True):
            run = agent.run(settings, source, stop=stop, health=Health(), speed=speed)
            group.create_task(run, name=f"demo.agent.{source.uri}")
        feeding = group.create_task(feed(lapse, lapses), name="demo.feed")
        await stop.wait()
        feeding.cancel()


def _recorded() -> Source:
    path = resources.files("simulators") / "recordings" / RECORDING
    return open_source(f"csv:{path}", collect=Collect(), health=Health(), options={"map": "carobd"})


def codes_of(car: Car) -> list[dict[str, str]]:
    """What a simulated car's engine computer answers when asked for its codes."""
    states = (("stored", car.memory.stored), ("pending", car.memory.pending))
    return [
        {"ecu": "7E8", "code": str(code), "state": state} for state, codes in states for code in sorted(map(str, codes))
    ]


async def feed(lapse: TimeLapse, lapses: list[LapseSource]) -> None:
    """The past in time-lapse up to now, then the present at its own pace."""
    loop = asyncio.get_running_loop()
    while True:
        begun_s = loop.time()
        driven = await asyncio.to_thread(lapse.next_round)
        if not driven:
            break
        for place, trip in driven:
            await lapses[place].queue.put(list(trip.rows()))
        await asyncio.sleep(max(0.0, begun_s + SECONDS_A_TRIP - loop.time()))
    for number in count():
        start = datetime.now(UTC) + timedelta(seconds=1)
        for car in lapse.cars:
            day = (start - lapse.start).total_seconds() / 86_400
            car.waiting.append(
                Trip(
                    start=start,
                    duration_s=LIVE_SECONDS,
                    style="town",
                    ambient_c=18.0,
                    day=day,
                    number=LIVE_NUMBER + number,
                )
            )
        driven = await asyncio.to_thread(lapse.next_round)
        await _live([(lapses[place], list(trip.rows())) for place, trip in driven])


async def _live(driven: list[tuple[LapseSource, list[Any]]]) -> None:
    """Hands out trips in pieces of a few seconds, as they are driven."""
    for at in range(0, max(len(rows) for _, rows in driven), PIECE_S):
        for source, rows in driven:
            if piece := rows[at : at + PIECE_S]:
                await source.queue.put(piece)
        await asyncio.sleep(PIECE_S)
