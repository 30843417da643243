"""Batches a second from devices into durable, acknowledged, queryable history, through Mosquitto.

Cars in a process of their own publish recorded batches with the agent's rules, faster and faster; the highest rate
that ingest keeps up with is the figure. Server, broker, database and load share the machine's cores; what each used of
them is told apart. A last car is watched until its batches can be read back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.drives import BATCH_ROWS, shipped
from benchmarks.load import EPOCH, Order, Phase
from benchmarks.result import Result
from benchmarks.server import load, postgres_tools, running
from ingest.errors import BrokerLinkError
from ingest.link import connected
from ingest.storage.telemetry import TelemetryStore
from vehicle.topics import Kind, topic
from vehicle.wire import Lane, encode_telemetry

if TYPE_CHECKING:
    from benchmarks.drives import Drives
    from benchmarks.server import Server

NAME = "ingest"
CARS = 200
RATES = (500, 1000, 1500, 2000, 2500, 3000, 3400, 3800, 4200, 4600, 5000, 5400, 5800, 6400, 7000, 8000)
SECONDS = 8.0
KEPT = 0.9
"""Of what was sent so much must be acknowledged within the step (our choice): what is missing is a queue that
grows, and of a step of 8 s it may hold 0.8 s, latency included."""
PROBE_EVERY_S, LOOK_EVERY_S = 0.5, 0.02
DAY_MS = 86_400_000
LATEST_S = 5.0


def measure() -> Result:
    """The figures of one worker on SQLite and, where PostgreSQL is installed, of one and two workers on it.

    Raises:
        PartFailedError: a program is missing or does not come up.
        NoInputError: there is no recorded drive.
    """
    drive = shipped()
    kinds = {"sqlite, 1 worker": (1, False)}
    if postgres_tools() is not None:
        kinds |= {"postgresql, 1 worker": (1, True), "postgresql, 2 workers": (2, True)}
    found = {name: _steps(drive, workers, postgres=postgres) for name, (workers, postgres) in kinds.items()}
    best = max(found, key=lambda name: float(found[name]["batches_per_second"]))
    return Result(
        bench=NAME,
        unit="batches/s",
        ours=found[best]["batches_per_second"],
        peers={},
        equal=all(one["lost_or_doubled"] == 0 for one in found.values()),
        input=f"{CARS} cars, {drive}, {os.cpu_count()} cores for all",
        detail={"best": best, **found},
    )


def order_of(drive: Drives, server: Server, **more: Any) -> Order:
    """What the load is told: all cars but the last, which is watched."""
    batches = [encode_telemetry(epoch=EPOCH, sequence=1, lane=Lane.LIVE, batch=one) for _, one in drive.batches]
    chosen = drive.batches[0][0]
    sets = {chosen.id: chosen.announced()}
    return Order(
        host="127.0.0.1", port=server.port, devices=server.accounts[:-1], batches=batches, signal_sets=sets, **more
    )


def _steps(drive: Drives, workers: int, *, postgres: bool) -> dict[str, Any]:
    with running(NAME, cars=CARS + 1, workers=workers, postgres=postgres) as server:
        order = order_of(drive, server, phases=[(rate, SECONDS) for rate in RATES])
        cpu_s, begun_s, sent, best = server.cpu_s(), time.monotonic(), 0, {}
        with load(NAME, order) as cars, watched(drive, server) as seen:
            for line in iter(cars.stdout.readline if cars.stdout else bytes, b""):
                phase = msgspec.json.decode(line, type=Phase)
                sent += phase.sent
                now, now_s = server.cpu_s(), time.monotonic()
                used = {name: round((now[name] - cpu_s[name]) / (now_s - begun_s), 2) for name in now}
                late = sorted(wait for at, wait in seen if at >= begun_s)
                if not is_kept(phase):
                    break
                best = _described(phase, late, used, sum(len(c) - c.count(None) for c in drive.batches[0][1].columns))
                seen.clear()
                cpu_s, begun_s = server.cpu_s(), time.monotonic()
        return {
            "batches_per_second": 0.0, **best, "peak_mib": round(server.peak_mib()),
            "lost_or_doubled": _lost_or_doubled(server, sent), "workers": workers,
        }  # fmt: skip


def is_kept(phase: Phase) -> bool:
    """Whether ingest kept up: nothing held back by full windows, and nearly all acknowledged within the step."""
    late = phase.waits_s[int(0.99 * len(phase.waits_s))] > LATEST_S if phase.waits_s else True
    return phase.held_back == 0 and phase.acknowledged >= KEPT * phase.sent and not late


def _described(phase: Phase, seen: list[float], used: dict[str, float], samples: int) -> dict[str, Any]:
    rate = phase.acknowledged / phase.seconds
    return {
        "batches_per_second": round(rate, 1),
        "samples_per_second": round(rate * samples),
        "durable_p50_s": quantile(phase.waits_s, 0.5),
        "durable_p99_s": quantile(phase.waits_s, 0.99),
        "queryable_p50_s": quantile(seen, 0.5),
        "queryable_p99_s": quantile(seen, 0.99),
        "cores_used": used | {"load": round(phase.cpu_s / phase.seconds, 2)},
    }


def quantile(ordered: list[float], part: float) -> float | None:
    """The value below which ``part`` of them lie; None of nothing."""
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) if ordered else None


def _lost_or_doubled(server: Server, sent: int) -> int:
    """Batches of the load that are not stored, or stored twice; what was sent after the last phase may still come."""
    end = time.monotonic() + 60
    stored, held = server.counted()
    while time.monotonic() < end and held < max(stored, sent):
        time.sleep(0.2)
        stored, held = server.counted()
    return abs(stored - held) + max(0, sent - held)


@contextlib.contextmanager
def watched(drive: Drives, server: Server) -> Any:
    """Watches the last car in a thread of its own; the list grows by when it sent and how long it took."""
    seen: list[tuple[float, float]] = []
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_watch(drive, server, seen, stop)), name="watched car")
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


async def _watch(drive: Drives, server: Server, seen: list[tuple[float, float]], stop: threading.Event) -> None:
    account, where = server.accounts[-1], ("127.0.0.1", server.port)
    store = TelemetryStore(server.engine, server.history)
    batch = drive.batches[0][1]
    number = 0
    with contextlib.suppress(BrokerLinkError):
        async with connected(where, (account.id, account.id, account.password), lambda _: None) as link:
            while not stop.is_set():
                number += 1
                moved = replace(batch, times_ms=tuple(time_ms + number * DAY_MS for time_ms in batch.times_ms))
                message = encode_telemetry(epoch=EPOCH, sequence=number, lane=Lane.LIVE, batch=moved)
                begun_s = time.monotonic()
                await link.publish(topic(account.id, Kind.TELEMETRY), message)
                await asyncio.to_thread(_read_back, store, account.id, moved.times_ms, stop)
                seen.append((begun_s, time.monotonic() - begun_s))
                await asyncio.sleep(PROBE_EVERY_S)


def _read_back(store: TelemetryStore, device: str, times_ms: tuple[int, ...], stop: threading.Event) -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=times_ms[0])
    end = start + timedelta(milliseconds=times_ms[-1] - times_ms[0] + 1)
    while not stop.is_set() and store.read(device_id=device, start=start, end=end).height < BATCH_ROWS:
        time.sleep(LOOK_EVERY_S)
