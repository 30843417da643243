"""Bytes per sample of the wire format beside two common ways, on recorded drives: `make bench`.

Without arguments it takes the drive that ships with the simulators, else the CSV files (plain or gzip, of the map
`carobd`) that are named. All ways carry the same batches of 30 rows, one zstd frame each, at the same level.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from edge_agent.batcher import Columns, Timed, batches
from edge_agent.buses.base import open_source
from edge_agent.health import Health
from edge_agent.settings import Collect
from vehicle.batch import TimeQuality
from vehicle.wire import Lane, encode_telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vehicle.batch import Batch
    from vehicle.signal_set import SignalSet

SHIPPED = Path(__file__).parents[1] / "simulators" / "recordings"
BATCH_ROWS = 30
LEVEL = 9
EPOCH = 1 << 62


async def read(path: Path) -> list[Timed]:
    """The rows of a recorded drive that hold something."""
    source = open_source(f"csv:{path}", collect=Collect(), health=Health(), options={"map": "carobd"})
    rows = [row async for row in source.rows(skip=0, start_ms=0)]
    return [Timed(row.time_ms or 0, row.time_ms or 0, row.values) for row in rows if row.values]


def batched(rows: Sequence[Timed]) -> Iterator[tuple[SignalSet, Batch]]:
    """The rows as the agent would batch them."""
    columns = Columns()
    for start in range(0, len(rows), BATCH_ROWS):
        piece = rows[start : start + BATCH_ROWS]
        columns.grow(piece)
        for batch in batches(piece, columns.chosen, boot_id=1, quality=TimeQuality.RECORDED):
            yield columns.chosen, batch


def as_json_rows(chosen: SignalSet, batch: Batch) -> bytes:
    """A JSON object a row, the commonest way."""
    lines = []
    for at, time_ms in enumerate(batch.times_ms):
        pairs = zip(chosen.entries, batch.columns, strict=True)
        values = {entry.path: entry.value(raw) for entry, column in pairs if (raw := column[at]) is not None}
        lines.append({"time": time_ms, **values})
    return json.dumps(lines, separators=(",", ":")).encode()


def as_float32_columns(chosen: SignalSet, batch: Batch) -> bytes:
    """Times as 64-bit integers, then a column of float32 a signal, NaN where there is no value."""
    rows = len(batch.times_ms)
    parts = [struct.pack(f"<{rows}q", *batch.times_ms)]
    for entry, column in zip(chosen.entries, batch.columns, strict=True):
        values = [math.nan if raw is None else entry.value(raw) for raw in column]
        parts.append(struct.pack(f"<{rows}f", *values))
    return b"".join(parts)


def measure(rows: Sequence[Timed]) -> Counter[str]:
    """Bytes by way, and the number of samples."""
    pack = zstandard.ZstdCompressor(level=LEVEL).compress
    counts: Counter[str] = Counter()
    for number, (chosen, batch) in enumerate(batched(rows), start=1):
        counts["samples"] += sum(raw is not None for column in batch.columns for raw in column)
        rows_json = as_json_rows(chosen, batch)
        counts["JSON rows"] += len(rows_json)
        counts["JSON rows, zstd"] += len(pack(rows_json))
        counts["float32 columns, zstd"] += len(pack(as_float32_columns(chosen, batch)))
        message = encode_telemetry(epoch=EPOCH + number, sequence=number, lane=Lane.LIVE, batch=batch)
        counts["Roadworthy, header and all"] += len(message)
    return counts


def main() -> None:
    """Prints bytes per sample by way."""
    paths = [Path(name) for name in sys.argv[1:]] or sorted(SHIPPED.glob("*.csv.gz"))
    if not paths:
        raise SystemExit(f"no recorded drive in {SHIPPED}; name CSV files of the map carobd")
    total = sum((measure(asyncio.run(read(path))) for path in paths), Counter())
    samples = total.pop("samples")
    print(f"{samples:,} samples of {len(paths)} recorded drive(s), batches of {BATCH_ROWS} rows; bytes per sample:")
    for way, size in total.items():
        print(f"  {way:28} {size / samples:6.3f}")


if __name__ == "__main__":
    main()
