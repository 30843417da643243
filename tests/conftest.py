"""What tests of every kind share."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from ingest.storage import campaigns
from ingest.storage.tables import captures
from ingest.validate import Accepted, Knowledge, judge
from tests.bus_traffic import _bus_traffic as _bus_traffic  # noqa: PLC0414  a fixture for all tests
from tests.property_examples import register_profile
from vehicle import wire
from vehicle.batch import Event, TimeQuality
from vehicle.campaign import CapturePart, Frames, Rows
from vehicle.signals import SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

PATIENCE_S = 90.0
ASYNC_PATIENCE_S = 300.0
"""No test that awaits takes a third of it, also where the machine is busy (our choice)."""
ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    register_profile()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write expected results anew; look at the diff.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that awaits what never comes fails at the line that waits; pytest-timeout would see an idle loop only."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = _patient(item.obj)


def _patient(
    test: Callable[..., Awaitable[None]], patience_s: float = ASYNC_PATIENCE_S
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def run(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(patience_s):
            await test(*arguments, **named)

    return run


@pytest.fixture(name="root", scope="session")
def _root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(name="update_golden", scope="session")
def _update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected results are to be written anew."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(name="shared_data", scope="session")
def _shared_data() -> Path:
    """Recordings that are too big to ship; tests that ask for them are skipped where they are absent."""
    folder = Path(os.environ.get("ROADWORTHY_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; ROADWORTHY_SHARED_DATA names the folder with the full recordings")
    return folder


@dataclass(frozen=True)
class PostgresServer:
    """A server on which tests make databases of their own; ``url`` is one of a database that is always there."""

    url: str

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self.run("SELECT 1")
        except sa.exc.OperationalError:
            return False
        return True

    def run(self, *statements: str) -> None:
        """Runs statements, each by itself."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
        engine.dispose()

    def create(self, template: str | None = None) -> str:
        """A new database, empty or a copy; its URL."""
        name = f"test_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.named(name)

    def named(self, database: str) -> str:
        """The URL of a database of this server."""
        return sa.make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Removes a database, whoever is still connected."""
        self.run(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")


@pytest.fixture(name="postgres", scope="session")
def _postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the tests' own on a free port; the one of ROADWORTHY_TEST_POSTGRES where that is set."""
    given = os.environ.get("ROADWORTHY_TEST_POSTGRES")
    if given:
        yield PostgresServer(given)
        return
    tools = _postgres_tools()
    if tools is None:
        pytest.skip("PostgreSQL is not installed; `scripts/system_packages` installs it")
    with _service_folder("postgres") as (folder, account):
        yield from _run_postgres(tools, folder, account)


def _run_postgres(tools: Path, folder: Path, account: str | None) -> Iterator[PostgresServer]:
    initdb = [tools / "initdb", "-D", folder / "data", "-U", "roadworthy", "-A", "trust", "--no-sync"]
    subprocess.run([*map(str, initdb)], check=True, capture_output=True, cwd=folder, user=account, group=account)
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 60}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(tools / "postgres"), "-D", str(folder / "data"), *options],
            stdout=log, stderr=log, cwd=folder, user=account, group=account,
        )  # fmt: skip
    found = PostgresServer(f"postgresql+psycopg://roadworthy@127.0.0.1:{port}/postgres")
    try:
        until(found.answers, what="PostgreSQL to answer")
        yield found
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown
        server.wait(30)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], *, what: str, patience_s: float = PATIENCE_S) -> None:
    """Waits for a condition; fails with its name when patience ends."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {patience_s:.0f} s in vain for {what}")
        time.sleep(0.05)


@pytest.fixture(name="until", scope="session")
def _until() -> Callable[..., None]:
    """Waits for a condition with patience."""
    return until


@pytest.fixture(name="free_port", scope="session")
def _free_port() -> Callable[..., int]:
    """A free port of the loopback interface."""
    return free_port


@pytest.fixture(name="service_folder", scope="session")
def _service_folders() -> Callable[[str], contextlib.AbstractContextManager[tuple[Path, str | None]]]:
    """A folder and an account for a server of that name."""
    return _service_folder


@pytest.fixture(name="collect", scope="session")
def _collected() -> Callable[..., str]:
    """Brings in what a trigger of a campaign collected."""
    return _collect


def _collect(connection: sa.Connection, *, device_id: str, vehicle_id: str, campaign_id: str, now: datetime) -> str:
    """Stores what a trigger at ``now`` collected: five readings of the speed, and two frames; the capture's id."""
    at_ms = int(now.timestamp() * 1000)
    part = CapturePart(
        campaign=campaign_id, version=1, capture="0123456789abcdef", part=1, parts=1, begin_ms=-2000, end_ms=2000,
        fired={SPEED: 81.0}, rows=Rows(at_ms=[-2000, -1000, 0, 1000, 2000], columns={SPEED: [79, 80, 81, None, 83]}),
        frames=Frames(at_us=[-500, 500], ids=[0x7E8, 0x18DAF110 | 1 << 31], data=["03410D51", ""]),
    )  # fmt: skip
    event = Event(
        kind="campaign", time_ms=at_ms, quality=TimeQuality.NTP, boot_id=1, monotonic_ms=1,
        data=msgspec.to_builtins(part),
    )  # fmt: skip
    payload = wire.encode_event(epoch=9, sequence=1, event=event)
    knowledge = Knowledge(vehicles={device_id: vehicle_id}, signal_sets={}, anchors={})
    verdict = judge(device_id, Kind.EVENT, topic(device_id, Kind.EVENT), payload, knowledge, at_ms)
    assert isinstance(verdict, Accepted), verdict
    campaigns.store_part(connection, verdict, now)
    (found,) = campaigns.captures_where(connection, captures.c.device_id == device_id)
    return found.id


@contextlib.contextmanager
def _service_folder(service: str) -> Iterator[tuple[Path, str | None]]:
    """A folder for a server that refuses to be root, and the account to run it as; removed at the end.

    It is not below pytest's own folder, which is closed to other accounts.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"roadworthy-{service}-"))
    account = service if os.getuid() == 0 else None
    if account:
        shutil.chown(folder, account, account)
    try:
        yield folder, account
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_tools() -> Path | None:
    """Debian keeps them outside of PATH, by version."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)
