"""A database of its own for each test, and a whole server side in process: broker, pipeline, plain MQTT devices."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiomqtt
import pytest
import sqlalchemy as sa

from ingest import broker, devices, pipeline
from ingest.settings import BrokerSettings, IngestSettings
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.telemetry import TelemetryStore
from vehicle import wire
from vehicle.batch import Batch, Event, TimeQuality
from vehicle.messages import Ack, State, decode, encode
from vehicle.signal_set import SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

PATIENCE_S = 20.0
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
SET = SignalSet.of([SPEED, COOLANT_TEMPERATURE])


async def until(condition: Callable[[], object], *, what: str) -> None:
    """Waits for a condition; fails with its name when patience ends."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {PATIENCE_S:.0f} s in vain for {what}")
        await asyncio.sleep(0.01)


def batch(first: int = 0, rows: int = 3, **changes: object) -> Batch:
    """Rows a second apart, whose speed says which they are: row n of the drive has speed n modulo 200."""
    values = {
        "boot_id": 7,
        "quality": TimeQuality.RECORDED,
        "monotonic_ms": 1000 * first,
        "signal_set_id": SET.id,
        "times_ms": tuple(NOW_MS + 1000 * row for row in range(first, first + rows)),
        "columns": (tuple(row % 200 for row in range(first, first + rows)), (130, *[None] * (rows - 1))),
    }
    return Batch(**(values | changes))


def message(sequence: int, *, epoch: int = 5, lane: wire.Lane = wire.Lane.LIVE, **changes: object) -> bytes:
    """The wire form of the three rows of a sequence."""
    made = batch(3 * (sequence - 1), **changes)
    return wire.encode_telemetry(epoch=epoch, sequence=sequence, lane=lane, batch=made)


def event(sequence: int, kind: str = "mil", *, epoch: int = 5, **data: object) -> bytes:
    """The wire form of an event."""
    made = Event(
        kind=kind, time_ms=NOW_MS, quality=TimeQuality.RECORDED, boot_id=7, monotonic_ms=5, data=data or {"on": True}
    )
    return wire.encode_event(epoch=epoch, sequence=sequence, event=made)


def birth(**changes: object) -> bytes:
    """A device's birth message that announces the signal set."""
    values = {
        "status": "online",
        "epoch": 5,
        "boot_id": 7,
        "monotonic_ms": 1000,
        "signal_sets": {SET.id: SET.announced()},
    }
    return encode(State(**(values | changes)))


@dataclass
class Wire:
    """What tests make messages with."""

    NOW = NOW
    NOW_MS = NOW_MS
    SET = SET
    batch = staticmethod(batch)
    message = staticmethod(message)
    event = staticmethod(event)
    birth = staticmethod(birth)


@pytest.fixture(name="make", scope="session")
def _make() -> Wire:
    """Makes messages as a device does."""
    return Wire()


@pytest.fixture(name="until")
def _until() -> Callable[..., Awaitable[None]]:
    """Waits for a condition with patience."""
    return until


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """A migrated SQLite database of this test alone."""
    engine = open_database(f"sqlite:///{tmp_path / 'data' / 'roadworthy.db'}")
    migrate(engine, "ingest")
    yield engine
    engine.dispose()


@pytest.fixture(name="device")
def _device(engine: sa.Engine) -> devices.Credentials:
    """An enrolled device."""
    with transaction(engine) as connection:
        return devices.enrol(connection, name="golf", now=NOW)


@dataclass
class Dongle:
    """A device that speaks MQTT and nothing of the agent's code."""

    client: aiomqtt.Client
    id: str
    acks: list[Ack] = field(default_factory=list)
    others: list[tuple[str, bytes]] = field(default_factory=list)

    async def send(self, kind: Kind, payload: bytes, *, retain: bool = False) -> None:
        await self.client.publish(topic(self.id, kind), payload, qos=1, retain=retain, timeout=PATIENCE_S)

    async def telemetry(self, *payloads: bytes) -> None:
        for payload in payloads:
            await self.send(Kind.TELEMETRY, payload)

    async def listen(self) -> None:
        async for found in self.client.messages:
            if str(found.topic) == topic(self.id, Kind.ACK):
                self.acks.append(decode(Ack, bytes(found.payload)))
            else:
                self.others.append((str(found.topic), bytes(found.payload)))

    @property
    def upto(self) -> int:
        return max((ack.upto for ack in self.acks), default=0)

    @property
    def rejected(self) -> dict[int, str]:
        return {one.sequence: one.reason for ack in self.acks for one in ack.rejected}


@dataclass
class Server:
    """Broker and pipeline in this process, each of which can be stopped and started."""

    folder: Path
    port: int
    engine: sa.Engine
    tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def store(self) -> TelemetryStore:
        return TelemetryStore(self.engine, self.folder / "history")

    async def start(self, part: str) -> None:
        common = {"data_dir": self.folder, "database_url": self.url}
        stop, ready = asyncio.Event(), asyncio.Event()
        if part == "broker":
            running = broker.run(BrokerSettings(**common, port=self.port), stop=stop, ready=ready.set)
        else:
            settings = IngestSettings(**common, broker_port=self.port, history_every_s=0.05, commit_every_s=0.005)
            running = pipeline.run(settings, stop=stop, ready=ready.set)
        task = asyncio.create_task(running, name=part)
        self.tasks[part] = task, stop
        await until(lambda: ready.is_set() or task.done(), what=f"{part} to be ready")
        if task.done():
            task.result()

    async def stop(self, part: str) -> None:
        task, stop = self.tasks.pop(part)
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)

    def enrol(self, name: str) -> devices.Credentials:
        with transaction(self.engine) as connection:
            return devices.enrol(connection, name=name, now=NOW)

    @contextlib.asynccontextmanager
    async def dongle(self, who: devices.Credentials, *, announce: bool = True) -> AsyncIterator[Dongle]:
        """A connected device that listens to its own downlinks; ``announce`` publishes its birth."""
        client = aiomqtt.Client(
            "127.0.0.1", self.port, username=who.device_id, password=who.password, identifier=who.device_id, timeout=10
        )
        async with client:
            found = Dongle(client, who.device_id)
            for kind in (Kind.ACK, Kind.COMMAND):
                await client.subscribe(topic(who.device_id, kind), qos=1)
            listening = asyncio.create_task(found.listen(), name="dongle")
            if announce:
                await found.send(Kind.STATE, birth(), retain=True)
                await until(lambda: found.acks, what="the answer to the birth")
            yield found
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await listening

    def rows(self, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
        with reading(self.engine) as connection:
            return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))

    def counts(self, device_id: str) -> dict[str, int]:
        with reading(self.engine) as connection:
            return devices.counts_of(connection, device_id)

    def speeds(self, device_id: str) -> list[float | None]:
        return self.store.read(device_id=device_id, signals=[SPEED])[SPEED].to_list()


@pytest.fixture(name="stopped_server")
async def _stopped_server(tmp_path: Path, engine: sa.Engine) -> AsyncIterator[Server]:
    """A server side whose parts the test starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(tmp_path / "data", port, engine)
    yield server
    for part in list(server.tasks)[::-1]:
        await server.stop(part)


@pytest.fixture(name="server")
async def _server(stopped_server: Server) -> Server:
    """A running server side."""
    await stopped_server.start("broker")
    await stopped_server.start("ingest")
    return stopped_server
