"""A week's backlog of 100 cars arrives while they drive on: how long live batches take meanwhile, and the backlog.

A week is seven days of an hour and a half of driving, in batches of half a minute. Each car sends as the agent does:
live batches first, the backlog in half of the window. A last car is watched until its live batches can be read back.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.drives import shipped
from benchmarks.ingest import order_of, quantile, watched
from benchmarks.result import Result
from benchmarks.server import load, running, step

if TYPE_CHECKING:
    from benchmarks.server import Server

NAME = "backlog"
CARS = 100
DAYS, HOURS_A_DAY, BATCH_S = 7, 1.5, 30
BACKLOG = int(DAYS * HOURS_A_DAY * 3600 / BATCH_S)
LONGEST_S = 900.0
SHARE = 0.5
SETTLE_S = 120.0


def measure() -> Result:
    """The figures, on SQLite with one worker.

    Raises:
        PartFailedError: a program is missing or does not come up.
        NoInputError: there is no recorded drive.
    """
    drive = shipped()
    with running(NAME, cars=CARS + 1, workers=1, postgres=False) as server:
        order = order_of(drive, server, backlog=BACKLOG, backlog_share=SHARE)
        with load(NAME, order) as cars, watched(drive, server) as seen:
            begun_s = time.monotonic()
            phase = step(NAME, cars, CARS / BATCH_S, LONGEST_S)
        in_history_s = settled(server, begun_s)
        whole = CARS * BACKLOG + phase.sent
        stored, held = server.counted()
        lost = abs(stored - held) + max(0, whole - held)
        peak_mib = server.peak_mib()
    read = sorted(wait for _, wait in seen)
    drained_s = phase.drain_s or phase.seconds
    return Result(
        bench=NAME,
        unit="s until a live batch is durable, p95",
        ours=quantile(phase.waits_s, 0.95) or 0.0,
        peers={},
        equal=lost == 0 and phase.backlog_left == 0,
        input=f"{CARS} cars with {BACKLOG:,} batches each, {drive}, {os.cpu_count()} cores for all",
        detail={
            "live_durable_p50_s": quantile(phase.waits_s, 0.5),
            "live_durable_max_s": quantile(phase.waits_s, 1.0),
            "live_queryable_p50_s": quantile(read, 0.5),
            "live_queryable_p95_s": quantile(read, 0.95),
            "live_queryable_max_s": quantile(read, 1.0),
            "live_batches": phase.sent,
            "drained_s": round(drained_s, 1),
            "backlog_batches_per_second": round(CARS * BACKLOG / drained_s),
            "all_in_parquet_s": in_history_s,
            "peak_mib": round(peak_mib),
            "lost_or_doubled": lost,
        },
    )


def settled(server: Server, begun_s: float) -> float | None:
    """Seconds until everything is in Parquet; None where that took longer than is waited for."""
    end = time.monotonic() + SETTLE_S
    while server.waiting():
        if time.monotonic() > end:
            return None
        time.sleep(0.2)
    return round(time.monotonic() - begun_s, 1)
