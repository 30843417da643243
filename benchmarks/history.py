"""Bytes a sample on disk, and samples a second written and read: recorded drives, four a day, as ingest writes them.

Ours are the files of history after joining, identity columns, footers and all. The peers are Parquet as polars writes
it by default, one file a day too: wide (a column a signal) and long (a row a value), and VictoriaMetrics where it is
installed (Debian's package; its data folder after it was ended).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from benchmarks import victoria_metrics
from benchmarks.drives import recorded
from benchmarks.result import Result
from ingest.storage import history, parquet
from ingest.storage.frames import IDENTITY, Stored, frame_of, signal_columns
from ingest.storage.runs import parts_of_frame
from vehicle.wire import Lane, encode_telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.drives import Drives

_Made = TypeVar("_Made")
NAME = "history"
DAY_MS = 24 * 3600 * 1000
DRIVES_A_DAY, APART_MS = 4, 3 * 3600 * 1000
FIRST_MS = 1_763_856_000_000  # 2025-11-23 00:00 UTC
EPOCH = 1 << 61
DEVICE, VEHICLE = "0123456789abcdef", "0123456789abcdef0123456789abcdef"


def measure() -> Result:
    """The figures.

    Raises:
        NoInputError: there is no recorded drive.
    """
    drives = recorded()
    frame = _stored(drives)
    days = frame.with_columns(day=pl.col("time").dt.date()).partition_by("day", include_key=False)
    with tempfile.TemporaryDirectory(prefix="roadworthy-bench-") as name:
        ours, other = Path(name) / "ours", Path(name) / "other"
        write_s, files = _timed(lambda: [_written(ours, number, day) for number, day in enumerate(days)])
        read_s, read = _timed(lambda: pl.concat([parquet.read(path) for path in files], how="diagonal"))
        size = _bytes(ours)
        peers, speeds = {}, {}
        for form, shape in {"parquet_wide": _wide, "parquet_long": _long}.items():
            shutil.rmtree(other, ignore_errors=True)
            other.mkdir()
            shaped = [shape(day) for day in days]
            spent_s, _ = _timed(partial(_as_polars_does, shaped, other))
            peers[form], speeds[form] = _bytes(other) / drives.samples, round(drives.samples / spent_s)
        stored = victoria_metrics.stored_bytes(frame.select("time", *signal_columns(frame)), Path(name) / "vm")
    if stored is not None:
        peers["victoria_metrics"] = stored / drives.samples
    order = ["vehicle_id", "time", "sequence"]
    return Result(
        bench=NAME,
        unit="bytes/sample",
        ours=size / drives.samples,
        peers=peers,
        equal=read.select(frame.columns).sort(order).equals(frame.sort(order)),
        input=f"{drives}, {len(files)} files of a day",
        detail={
            "samples_written_per_second": round(drives.samples / write_s),
            "samples_read_per_second": round(drives.samples / read_s),
            "peers_samples_written_per_second": speeds,
            "victoria_metrics": "measured" if stored is not None else "not installed: apt-get install victoria-metrics",
        },
    )


def _stored(drives: Drives) -> pl.DataFrame:
    """The drives one after the other, as the inbox would hold them."""
    rows, sets = [], {}
    drive, last_ms = -1, 0
    for sequence, (chosen, batch) in enumerate(drives.batches, start=1):
        sets[chosen.id] = chosen
        if drive < 0 or batch.times_ms[0] < last_ms:  # each drive's own time begins at nought
            drive += 1
        last_ms = batch.times_ms[0]
        shift_ms = FIRST_MS + drive // DRIVES_A_DAY * DAY_MS + drive % DRIVES_A_DAY * APART_MS
        message = encode_telemetry(epoch=EPOCH, sequence=sequence, lane=Lane.BACKLOG, batch=batch)
        rows.append(
            Stored(
                inbox_id=sequence, device_id=DEVICE, vehicle_id=VEHICLE, epoch=EPOCH, sequence=sequence,
                shift_ms=shift_ms, signal_set_id=chosen.id, payload=message,
            )
        )  # fmt: skip
    return frame_of(rows, sets)


def _written(folder: Path, number: int, day: pl.DataFrame) -> Path:
    (made,) = history.write_parts(folder, parts_of_frame(day), f"{number:012d}", thorough=True)
    return folder / made.path


def _as_polars_does(days: Sequence[pl.DataFrame], folder: Path) -> None:
    for at, day in enumerate(days):
        day.write_parquet(folder / f"{at}.parquet")


def _wide(day: pl.DataFrame) -> pl.DataFrame:
    return day.select("vehicle_id", "time", *signal_columns(day))


def _long(day: pl.DataFrame) -> pl.DataFrame:
    kept = day.drop(name for name in IDENTITY if name not in ("vehicle_id", "time"))
    return kept.unpivot(index=["vehicle_id", "time"], variable_name="signal").drop_nulls()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def _timed(work: Callable[[], _Made]) -> tuple[float, _Made]:
    begun = time.perf_counter()
    made = work()
    return time.perf_counter() - begun, made
