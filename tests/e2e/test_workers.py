"""Two ingest workers on one shared subscription with PostgreSQL, one of them killed: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from benchmarks.drives import BATCH_ROWS, shipped
from benchmarks.load import EPOCH, Account, Order, Phase, Step
from ingest import devices
from ingest.storage import history, tables
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.telemetry import TelemetryStore
from vehicle.wire import Lane, encode_telemetry

pytestmark = pytest.mark.e2e

CARS, RATE, SECONDS = 20, 200, 12


def order_of(home, accounts: list[Account], **more: object) -> Order:
    """What the cars do: they send a recorded drive over and over."""
    drive = shipped().batches
    chosen = drive[0][0]
    return Order(
        host="127.0.0.1", port=home.broker_port, devices=accounts, signal_sets={chosen.id: chosen.announced()},
        batches=[encode_telemetry(epoch=EPOCH, sequence=1, lane=Lane.LIVE, batch=one) for _, one in drive],
        **more,
    )  # fmt: skip


def enrol(home, engine: sa.Engine) -> list[Account]:
    """Enrols the cars, and lets Mosquitto know them."""
    with transaction(engine) as connection:
        found = [devices.enrol(connection, name=f"car-{one}", now=datetime.now(UTC)) for one in range(CARS)]
    home.run("device", "list")  # after a device command the broker's files are written anew
    return [Account(one.device_id, one.password) for one in found]


def start_load(home, order: Order, rate: float, seconds: float) -> subprocess.Popen[bytes]:
    """The cars in a process of their own, once all are known to ingest; it ends after one step."""
    command = [sys.executable, "-m", "benchmarks.load"]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.env, cwd=home.folder)
    home.running.append(load)
    load.stdin.write(msgspec.json.encode(order) + b"\n")
    load.stdin.flush()
    assert load.stdout.readline() == b"ready\n"
    load.stdin.write(msgspec.json.encode(Step(rate, seconds)) + b"\n")
    load.stdin.close()
    return load


def stored(engine: sa.Engine) -> Counter[tuple[str, int]]:
    """How often each identity is in the inbox."""
    c = tables.inbox.c
    with reading(engine) as connection:
        return Counter((row.device_id, row.sequence) for row in connection.execute(sa.select(c.device_id, c.sequence)))


@pytest.fixture(name="engine")
def _engine(home):
    engine = open_database(home.database_url)
    migrate(engine, "ingest")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("home", ["mosquitto and postgresql"], indirect=True)
def test_two_workers_lose_and_double_nothing(home, engine, until) -> None:
    """The one that keeps the history is killed in the middle; the other takes over, and the ledger is whole."""
    home.env["ROADWORTHY_INGEST_GROUP"] = "pair"
    home.tls = ()  # the cars of the load speak no TLS
    home.export()
    home.kill_broker()
    accounts = enrol(home, engine)
    workers = []
    for name in ("first", "second"):
        workers.append(home.launch(name, home.command("ingest")))
        log = home.folder / f"{name}.log"
        until(lambda log=log: "is up" in log.read_text(), what=f"the {name} worker")
        assert "shares messages among the workers of group pair" in log.read_text()
    load = start_load(home, order_of(home, accounts), RATE, SECONDS)
    until(lambda: len(stored(engine)) > RATE * SECONDS / 3, what="a third of the batches")
    home.kill(workers[0])
    phase = msgspec.json.decode(load.stdout.readline(), type=Phase)
    load.wait(30)
    assert phase.sent > RATE * SECONDS / 2
    judge(home, engine, accounts, phase, until)
    assert "this worker keeps history" in (home.folder / "second.log").read_text()


def judge(home, engine: sa.Engine, accounts: list[Account], phase: Phase, until) -> None:
    """Every car's sequences are there once, without a hole, and history has each of their rows once."""
    found = stored(engine)
    assert len(found) == phase.sent, "lost or invented"
    assert max(found.values()) == 1, "doubled"
    highest = Counter({account.id: 0 for account in accounts})
    for device, sequence in found:
        highest[device] = max(highest[device], sequence)
    assert sum(highest.values()) == phase.sent, "a hole"
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.dead_letters)).scalar() == 0
        held = {row.device_id: (row.upto, row.ranges) for row in connection.execute(sa.select(tables.received))}
    assert held == {device: (last, []) for device, last in highest.items()}

    def waiting() -> int:
        with reading(engine) as connection:
            return history.waiting(connection)

    until(lambda: waiting() == 0, what="everything to be in history")
    store = TelemetryStore(engine, Path(home.env["ROADWORTHY_DATA_DIR"]) / "history")
    for account in accounts:
        assert store.read(device_id=account.id).height == BATCH_ROWS * highest[account.id], "rows lost or doubled"


BACKLOG, LIVE_RATE, LONGEST_S = 150, 20, 120


@pytest.mark.parametrize("home", ["mosquitto and postgresql"], indirect=True)
def test_live_batches_pass_a_backlog(home, engine, until) -> None:
    """Cars come back with many batches and drive on: each live batch is stored before the backlog is drained."""
    home.tls = ()
    home.export()
    home.kill_broker()
    accounts = enrol(home, engine)
    home.launch("only", home.command("ingest"))
    until(lambda: "is up" in (home.folder / "only.log").read_text(), what="ingest")
    load = start_load(home, order_of(home, accounts, backlog=BACKLOG), LIVE_RATE, LONGEST_S)
    phase = msgspec.json.decode(load.stdout.readline(), type=Phase)
    load.wait(30)
    assert (phase.backlog_left, phase.held_back) == (0, 0)
    assert phase.sent > 0
    c = tables.inbox.c
    with reading(engine) as connection:
        rows = list(connection.execute(sa.select(c.device_id, c.sequence, c.lane).order_by(c.id)))
    assert Counter(row.lane for row in rows) == {1: phase.sent, 2: CARS * BACKLOG}
    assert len({(row.device_id, row.sequence) for row in rows}) == len(rows)
    # In the order of storing, a live batch stands behind no more of its car's backlog than fits into a window.
    live = [number for number, row in enumerate(rows) if row.lane == 1]
    last_of_backlog = max(number for number, row in enumerate(rows) if row.lane == 2)
    assert sum(number < last_of_backlog for number in live) >= 0.5 * len(live)


@pytest.mark.parametrize("home", ["mosquitto and postgresql"], indirect=True)
def test_one_command_starts_several_workers(home, engine, until) -> None:
    """With ``workers = 2`` a second process takes its part, comes back when it is killed, and ends with the first."""
    home.env["ROADWORTHY_INGEST_WORKERS"] = "2"
    home.tls = ()
    home.export()
    home.kill_broker()
    accounts = enrol(home, engine)
    ingest = home.launch("pair", home.command("ingest"))
    log = home.folder / "pair.log"
    until(lambda: log.read_text().count("shares messages among the workers of group ingest") == 2, what="both")
    (second,) = children(ingest.pid)
    load = start_load(home, order_of(home, accounts), RATE, SECONDS / 3)
    os.kill(second, signal.SIGKILL)
    until(lambda: children(ingest.pid) not in ([], [second]), what="another in its place")
    phase = msgspec.json.decode(load.stdout.readline(), type=Phase)
    load.wait(30)
    judge(home, engine, accounts, phase, until)
    (third,) = children(ingest.pid)
    ingest.terminate()
    assert ingest.wait(60) == 0
    until(lambda: not Path(f"/proc/{third}").exists(), what="the second worker to end with the first")


def children(pid: int) -> list[int]:
    """Ids of the processes that a process started."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in threads for child in path.read_text().split()]
