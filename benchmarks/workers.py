"""How fast a standing backlog becomes durable with one ingest worker and with two that share a subscription.

Cars have a backlog from the start and send on with each acknowledgement, so that ingest is never without work: that
shows what workers can do, where steady rates (:mod:`benchmarks.ingest`) show what they can hold. On PostgreSQL and
Mosquitto; one and two workers take turns, and the middle of the rounds counts.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, Any

from benchmarks.backlog import settled
from benchmarks.drives import shipped
from benchmarks.ingest import order_of
from benchmarks.result import Result
from benchmarks.server import load, running, step

if TYPE_CHECKING:
    from benchmarks.drives import Drives

NAME = "workers"
CARS, BACKLOG, ROUNDS = 200, 1000, 3
BATCH_S = 30
LONGEST_S = 600.0
SHARE = 0.75
"""Of a car's window that backlog may take: the rest is for what it sends live (our choice)."""


def measure() -> Result:
    """The figures of two workers beside one.

    Raises:
        PartFailedError: a program is missing or does not come up.
        NoInputError: there is no recorded drive.
    """
    drive = shipped()
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for workers, rounds in found.items():
            rounds.append(_round(drive, workers))
    one, two = (_middle(rounds, "durable_batches_per_second") for rounds in found.values())
    return Result(
        bench=NAME,
        unit="batches/s until durable, two workers",
        ours=two,
        peers={"one worker": one},
        equal=all(each["lost_or_doubled"] == 0 for rounds in found.values() for each in rounds),
        input=f"{CARS} cars with {BACKLOG:,} batches each, {drive}, {os.cpu_count()} cores for all, {ROUNDS} rounds",
        detail={f"{workers} at work": rounds for workers, rounds in found.items()},
    )


def _middle(rounds: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(each[name] for each in rounds))


def _round(drive: Drives, workers: int) -> dict[str, Any]:
    with running(NAME, cars=CARS + 1, workers=workers, postgres=True) as server:
        order = order_of(drive, server, backlog=BACKLOG, backlog_share=SHARE)
        before = server.cpu_s()
        with load(NAME, order) as cars:
            begun_s = time.monotonic()
            phase = step(NAME, cars, CARS / BATCH_S, LONGEST_S)
        in_history_s = settled(server, begun_s)
        after, whole = server.cpu_s(), CARS * BACKLOG + phase.sent
        stored, held = server.counted()
        drained_s = phase.drain_s or phase.seconds
        cpu_s = {name: after[name] - before[name] for name in after} | {"load": phase.cpu_s}
        return {
            "durable_batches_per_second": round((CARS * BACKLOG - phase.backlog_left) / drained_s),
            "drained_s": round(drained_s, 1),
            "all_in_parquet_s": in_history_s,
            "cpu_ms_per_batch": {name: round(1000 * used / whole, 3) for name, used in cpu_s.items()},
            "peak_mib": round(server.peak_mib()),
            "lost_or_doubled": abs(stored - held) + abs(whole - held),
        }
