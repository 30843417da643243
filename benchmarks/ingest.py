"""Batches a second from devices into durable, acknowledged, queryable history, through Mosquitto.

Cars in a process of their own publish recorded batches with the agent's rules, faster and faster; then the highest rate
that ingest kept up with is held for half a minute, and that, or the next lower one that can be held, is the figure.
Server, broker, database and load share the machine's cores; what each used of them is told apart. A last car is watched
until its batches can be read back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from benchmarks.drives import BATCH_ROWS, shipped
from benchmarks.load import EPOCH, Order
from benchmarks.result import Result
from benchmarks.server import load, postgres_tools, running, step
from ingest.errors import BrokerLinkError
from ingest.link import connected
from ingest.storage.telemetry import TelemetryStore
from vehicle.topics import Kind, topic
from vehicle.wire import Lane, encode_telemetry

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from benchmarks.drives import Drives
    from benchmarks.load import Phase
    from benchmarks.server import Server

NAME = "ingest"
CARS = 200
RATES = (
    500, 1000, 1500, 2000, 2500, 3000, 3400, 3800, 4200, 4600, 5000, 5400, 5800, 6200, 6600, 7000, 7500, 8000, 8500,
    9000, 10_000, 11_000, 12_000,
)  # fmt: skip
SECONDS, HELD_S = 8.0, 30.0
"""Of a step on the way up, and of the one that counts (our choice)."""
KEPT = 0.9
"""Of what was sent so much must be acknowledged within the step (our choice): what is missing is a queue that
grows, and of a step of 8 s it may hold 0.8 s, latency included."""
PROBE_EVERY_S, LOOK_EVERY_S = 0.5, 0.02
DAY_MS = 86_400_000
LATEST_S = 5.0
"""From publishing to durable and to queryable, for 99 of 100 (the goal that was set for one machine)."""
BEHIND_S = 10.0
"""What may wait for history at the end, in seconds of the rate: what grows beyond is not steady (our choice)."""
SETTLE_S = 120.0


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
        with load(NAME, order_of(drive, server)) as cars, watched(drive, server) as seen:
            trial = _Trial(server, cars, seen, sum(len(c) - c.count(None) for c in drive.batches[0][1].columns))
            best, failed = _highest(trial)
        lost = _lost_or_doubled(server, trial.sent)
        return {
            "batches_per_second": 0.0, **best, "peak_mib": round(server.peak_mib()),
            "lost_or_doubled": lost, "workers": workers, "more_failed": failed,
        }  # fmt: skip


def _highest(trial: _Trial) -> tuple[dict[str, Any], str]:
    """What the highest rate gave that could be held, nothing where there is none; and why a higher one could not."""
    reached = list(takewhile(lambda rate: trial.run(rate, SECONDS), RATES))
    failed = trial.failed
    for rate in reversed(reached):
        trial.settle()
        if found := trial.run(rate, HELD_S):
            return found, failed
        failed = trial.failed
    return {}, failed


class _Trial:
    """Rates tried on one server; ``sent`` counts all batches, ``failed`` says why ingest did not keep up last."""

    def __init__(
        self, server: Server, cars: subprocess.Popen[bytes], seen: list[tuple[float, float]], samples: int
    ) -> None:
        self._server, self._cars, self._seen, self._samples = server, cars, seen, samples
        self.sent = 0
        self.failed = ""

    def run(self, rate: float, seconds: float) -> dict[str, Any]:
        """What came of a rate; empty where ingest did not keep up."""
        self._seen.clear()
        before, begun_s = self._server.cpu_s(), time.monotonic()
        phase = step(NAME, self._cars, rate, seconds)
        after, spent_s = self._server.cpu_s(), time.monotonic() - begun_s
        self.sent += phase.sent
        readable = sorted(wait for _, wait in self._seen)
        self.failed = failure(phase, readable, self._server.waiting())
        if self.failed:
            return {}
        cpu_s = {name: after[name] - before[name] for name in after} | {"load": phase.cpu_s}
        return _described(phase, readable, cpu_s, spent_s, self._samples)

    def settle(self) -> None:
        """Waits until what came before is in history."""
        end = time.monotonic() + SETTLE_S
        while self._server.waiting() and time.monotonic() < end:
            time.sleep(0.2)


def failure(phase: Phase, readable: Sequence[float] = (), waiting: int = 0) -> str:
    """Why ingest did not keep up with a step; empty where it did.

    ``readable`` are the seconds until batches of the watched car could be read back, sorted; ``waiting`` is how many
    batches were not in history afterwards.
    """
    at = f"at {phase.rate:.0f} a second "
    if phase.held_back or not phase.waits_s:
        return f"{at}{phase.held_back} of {phase.sent + phase.held_back} batches were held back by full windows"
    if phase.acknowledged < KEPT * phase.sent:
        return f"{at}{phase.acknowledged} of {phase.sent} batches were acknowledged in the time"
    for what, waits in (("durable", phase.waits_s), ("queryable", readable)):
        if (quantile(waits, 0.99) or 0.0) > LATEST_S:
            return f"{at}one of a hundred batches took {quantile(waits, 0.99)} s to be {what}"
    return f"{at}{waiting} batches waited for history" if waiting > BEHIND_S * phase.rate else ""


def _described(
    phase: Phase, readable: list[float], cpu_s: dict[str, float], spent_s: float, samples: int
) -> dict[str, Any]:
    rate = phase.sent / phase.seconds
    each_ms = {name: round(1000 * used / phase.sent, 3) for name, used in cpu_s.items()}
    return {
        "batches_per_second": round(rate, 1),
        "samples_per_second": round(rate * samples),
        "held_s": round(phase.seconds, 1),
        "durable_p50_s": quantile(phase.waits_s, 0.5),
        "durable_p99_s": quantile(phase.waits_s, 0.99),
        "queryable_p50_s": quantile(readable, 0.5),
        "queryable_p99_s": quantile(readable, 0.99),
        "cores_used": {name: round(used / spent_s, 2) for name, used in cpu_s.items()},
        "cpu_ms_per_batch": each_ms,
        "batches_per_cpu_second_of_ingest": round(1000 / each_ms["ingest"]) if each_ms["ingest"] else None,
    }


def quantile(ordered: Sequence[float], part: float) -> float | None:
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
