"""The server side for a benchmark of load: Mosquitto on our own files, ingest workers, SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from benchmarks.errors import PartFailedError
from benchmarks.load import Account, Order, Phase, Step
from ingest import devices
from ingest.access import service_password
from ingest.mosquitto import Listeners, export
from ingest.storage import history
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.tables import inbox, received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
POSTGRES = "/usr/lib/postgresql"


@dataclass(kw_only=True)
class Server:
    """What runs, where devices reach it, and the accounts that they sign in with."""

    folder: Path
    url: str
    port: int
    engine: sa.Engine
    accounts: list[Account]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: dict[str, list[int]] = field(default_factory=dict)

    @property
    def history(self) -> Path:
        """The folder of the Parquet files."""
        return self.folder / "data" / "history"

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU that each part has used."""
        parts = {"ingest": [worker.pid for worker in self.workers], **self.others}
        return {name: sum(_cpu_s(pid) for root in pids for pid in _family(root)) for name, pids in parts.items()}

    def peak_mib(self) -> float:
        """Peak resident memory of the ingest workers together."""
        return sum(_peak_kib(worker.pid) for worker in self.workers) / 1024

    def counted(self) -> tuple[int, int]:
        """How many batches the inbox has, in history or not, and how many are held without a hole before them."""
        stored = sa.select(sa.func.count()).select_from(inbox).scalar_subquery()
        held = sa.select(sa.func.sum(received.c.upto)).scalar_subquery()
        with reading(self.engine) as connection:  # in one statement: of one moment
            found = connection.execute(sa.select(stored, held)).one()
        return int(found[0]), int(found[1] or 0)

    def waiting(self) -> int:
        """How many batches are not in history yet."""
        with reading(self.engine) as connection:
            return history.waiting(connection)


@contextlib.contextmanager
def running(bench: str, *, cars: int, workers: int, postgres: bool) -> Iterator[Server]:
    """A server with enrolled cars; everything is ended and removed afterwards.

    Raises:
        PartFailedError: a program is not installed or does not come up.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="roadworthy-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # Mosquitto reads its files as an account of its own
        others: dict[str, list[int]] = {}
        url = f"sqlite:///{folder}/data/roadworthy.db"
        if postgres:
            url, others["postgresql"] = _postgres(bench, stack, folder)
        engine = open_database(url)
        stack.callback(engine.dispose)
        migrate(engine, "ingest")
        with transaction(engine) as connection:
            made = [devices.enrol(connection, name=f"car-{one}", now=datetime.now(UTC)) for one in range(cars)]
        ports = _free_port(), _free_port()
        others["mosquitto"] = [_mosquitto(bench, stack, folder, engine, ports)]
        accounts = [Account(one.device_id, one.password) for one in made]
        server = Server(folder=folder, url=url, port=ports[0], engine=engine, accounts=accounts, others=others)
        for number in range(workers):
            server.workers.append(_ingest(bench, stack, server, ports[1], number, group="bench" if workers > 1 else ""))
        yield server


@contextlib.contextmanager
def load(bench: str, order: Order) -> Iterator[subprocess.Popen[bytes]]:
    """The cars in a process of their own, all of them known to ingest.

    Raises:
        PartFailedError: they do not get in.
    """
    command = [sys.executable, "-m", "benchmarks.load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())
    try:
        if process.stdin is None or process.stdout is None:
            raise PartFailedError(bench, "the load", "it has no pipes")
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        process.stdin.flush()
        if process.stdout.readline() != b"ready\n":
            raise PartFailedError(bench, "the load", "it ended before it was ready")
        yield process
    finally:
        _end(process)


def step(bench: str, cars: subprocess.Popen[bytes], rate: float, seconds: float) -> Phase:
    """Lets the cars send ``rate`` batches a second for so long; what came of it, once all of it is acknowledged.

    Raises:
        PartFailedError: they ended.
    """
    if cars.stdin is None or cars.stdout is None:
        raise PartFailedError(bench, "the load", "it has no pipes")
    cars.stdin.write(msgspec.json.encode(Step(rate, seconds)) + b"\n")
    cars.stdin.flush()
    line = cars.stdout.readline()
    if not line:
        raise PartFailedError(bench, "the load", f"it ended with {cars.wait(PATIENCE_S)} in the middle of a step")
    return msgspec.json.decode(line, type=Phase)


def _environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)} | more


def _ingest(
    bench: str, stack: contextlib.ExitStack, server: Server, service_port: int, number: int, group: str
) -> subprocess.Popen[bytes]:
    env = _environment(
        ROADWORTHY_DATA_DIR=str(server.folder / "data"), ROADWORTHY_DATABASE_URL=server.url,
        ROADWORTHY_BROKER_EMBEDDED="false", ROADWORTHY_INGEST_BROKER_PORT=str(service_port),
        ROADWORTHY_INGEST_GROUP=group,
    )  # fmt: skip
    path = server.folder / f"ingest-{number}.log"
    with path.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "roadworthy", "ingest"], env=env, stdout=log, stderr=log)
    stack.callback(_end, process)
    _until(bench, lambda: "is up" in path.read_text(), "ingest", path)
    return process


def _mosquitto(bench: str, stack: contextlib.ExitStack, folder: Path, engine: sa.Engine, ports: tuple[int, int]) -> int:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise PartFailedError(bench, "Mosquitto", "it is not installed; `apt install mosquitto` installs it")
    listeners = Listeners(devices=("127.0.0.1", ports[0]), service=("127.0.0.1", ports[1]))
    with reading(engine) as connection:
        password = service_password(folder / "data")
        export(connection, folder / "broker", service_password=password, listeners=listeners)
    path = folder / "mosquitto.log"
    with path.open("wb") as log:
        process = subprocess.Popen([program, "-c", str(folder / "broker/mosquitto.conf")], stdout=log, stderr=log)
    stack.callback(_end, process)
    _until(bench, lambda: _listens(ports[1]), "Mosquitto", path)
    return process.pid


def _postgres(bench: str, stack: contextlib.ExitStack, folder: Path) -> tuple[str, list[int]]:
    tools = postgres_tools()
    if tools is None:
        raise PartFailedError(bench, "PostgreSQL", "it is not installed; `apt install postgresql` installs it")
    home, account, port = folder / "postgresql", "postgres" if os.getuid() == 0 else None, _free_port()
    home.mkdir()
    if account:
        shutil.chown(home, account, account)
    made = [tools / "initdb", "-D", home / "data", "-U", "roadworthy", "-A", "trust"]
    subprocess.run([*map(str, made)], check=True, capture_output=True, cwd=home, user=account, group=account)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories="]
    path = folder / "postgresql.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [str(tools / "postgres"), "-D", str(home / "data"), *options], cwd=home, stdout=log, stderr=log,
            user=account, group=account,
        )  # fmt: skip
    stack.callback(_end, process, signal.SIGINT)
    _until(bench, lambda: "ready to accept connections" in path.read_text(), "PostgreSQL", path)
    return f"postgresql+psycopg://roadworthy@127.0.0.1:{port}/postgres", [process.pid]


def postgres_tools() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path(POSTGRES).glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)


def _until(bench: str, condition: Callable[[], bool], what: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise PartFailedError(bench, what, log.read_text())
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _family(pid: int) -> Iterator[int]:
    """The process and those that it started, such as PostgreSQL's one a connection."""
    yield pid
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def _peak_kib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1])
    return 0.0
