"""Two ingest workers on one shared subscription with PostgreSQL, one of them killed: nothing lost, nothing doubled."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from benchmarks import batches
from benchmarks.load import Account, Order, Phase
from ingest import devices
from ingest.storage import tables
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.telemetry import TelemetryStore

pytestmark = pytest.mark.e2e

CARS, RATE, SECONDS = 20, 200, 12
BATCHES = 40


def enrol(home, engine: sa.Engine) -> list[Account]:
    """Enrols the cars, and lets Mosquitto know them."""
    with transaction(engine) as connection:
        found = [devices.enrol(connection, name=f"car-{one}", now=datetime.now(UTC)) for one in range(CARS)]
    home.run("device", "list")  # after a device command the broker's files are written anew
    return [Account(one.device_id, one.password) for one in found]


def start_load(home, order: Order) -> subprocess.Popen[bytes]:
    """The cars in a process of their own, once all are known to ingest."""
    command = [sys.executable, "-m", "benchmarks.load"]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.env, cwd=home.folder)
    home.running.append(load)
    load.stdin.write(msgspec.json.encode(order) + b"\n")
    load.stdin.flush()
    assert load.stdout.readline() == b"ready\n"
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
    order = Order(
        host="127.0.0.1", port=home.broker_port, devices=accounts,
        batches=batches.messages(BATCHES), phases=[(RATE, SECONDS)],
        signal_sets={batches.signal_set().id: batches.signal_set().announced()},
    )  # fmt: skip
    load = start_load(home, order)
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
        c = tables.inbox.c
        with reading(engine) as connection:
            return connection.execute(sa.select(sa.func.count()).where(c.in_history.is_(False))).scalar()

    until(lambda: waiting() == 0, what="everything to be in history")
    store = TelemetryStore(engine, Path(home.env["ROADWORTHY_DATA_DIR"]) / "history")
    for account in accounts:
        assert store.read(device_id=account.id).height == batches.ROWS * highest[account.id], "rows lost or doubled"
