"""Signals a second from recorded frames, beside cantools and asammdf: vw_mqb.dbc of opendbc, random 8-byte frames.

Favours are the peers': files are loaded before the clock starts, cantools is handed its message without looking for
it, the peers' results are thrown away and ours are kept. asammdf is measured twice: from recorded frames to signals,
as its documentation says (``extract_bus_logging``), and, in the details, its inner function alone with the frames of
each message already sorted out for it, which is most of the work that is left to us.
"""

from __future__ import annotations

import cProfile
import importlib.metadata
import pstats
import time
from typing import TYPE_CHECKING

from benchmarks import decode_peers
from benchmarks.decode_task import Task, compare, make_task
from benchmarks.errors import MissingPeerError
from benchmarks.result import Result
from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.decoders.dbc import layout
from edge_agent.decoders.frame import FrameDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "decode"
PACKAGES = ("cantools", "asammdf", "opendbc", "numpy")
ROUNDS = 3
"""The best of so many, for us and for each peer alike: the others were disturbed."""
PROFILED_ROUNDS = 20
PROFILED_LINES = 14


def measure() -> Result:
    """The figures.

    Raises:
        MissingPeerError: opendbc, cantools or asammdf is not installed.
    """
    versions = _versions()
    task = make_task(bench=NAME)
    signals, equal = compare(task)
    runs = {
        "ours": _bulk(task),
        "frame": _frame_by_frame(task),
        "cantools": decode_peers.cantools(task),
        "asammdf": decode_peers.asammdf(task),
        "inner": decode_peers.asammdf_inner(task),
    }
    seconds = {name: min(_timed(run) for _ in range(ROUNDS)) for name, run in runs.items()}
    rate = {name: signals / spent for name, spent in seconds.items()}
    return Result(
        bench=NAME,
        unit="signals/s",
        ours=rate["ours"],
        peers={name: rate[name] for name in ("cantools", "asammdf")},
        equal=equal,
        input=f"{task}, {signals} values",
        detail={
            "frames_per_second": round(len(task.pairs) / seconds["ours"]),
            "frame_by_frame": round(rate["frame"]),
            "frame_by_frame_over_cantools": float(f"{rate['frame'] / rate['cantools']:.3g}"),
            "asammdf_inner_presorted": round(rate["inner"]),
            "versions": versions,
        },
    )


def profile() -> Iterator[str]:
    """Where the time of bulk decoding goes: the functions with most time of their own."""
    run = _bulk(make_task(bench=NAME))
    run()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(PROFILED_ROUNDS):
        run()
    profiler.disable()
    stats = pstats.Stats(profiler).get_stats_profile()
    rows = sorted(stats.func_profiles.items(), key=lambda item: -item[1].tottime)
    yield f"{'share':>6} {'ms':>8} {'calls':>7}  function (a round, its own time)"
    for name, row in rows[:PROFILED_LINES]:
        place = row.file_name.rpartition("/")[2]
        calls = int(str(row.ncalls).partition("/")[0]) // PROFILED_ROUNDS
        spent_ms = 1000 * row.tottime / PROFILED_ROUNDS
        yield f"{row.tottime / stats.total_tt:6.1%} {spent_ms:8.2f} {calls:7}  {place} {name}"


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError as error:
            raise MissingPeerError(NAME, package) from error
    return found


def _timed(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _bulk(task: Task) -> Callable[[], object]:
    decoder = BulkDecoder(layout(task.messages))
    list(decoder.decode(task.frames))
    return lambda: list(decoder.decode(task.frames))


def _frame_by_frame(task: Task) -> Callable[[], object]:
    decode = FrameDecoder(layout(task.messages)).decode
    given = [(message.frame_id, data, message.is_extended_frame) for message, data in task.pairs]

    def run() -> None:
        for identifier, data, extended in given:
            decode(identifier, data, extended=extended)

    return run
