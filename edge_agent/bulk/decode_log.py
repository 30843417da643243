"""From a recorded log and a DBC file to a table on disk, a chunk of frames at a time."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from edge_agent.bulk import logs
from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.bulk.table import LongTable
from edge_agent.buses.recorded import Reading
from edge_agent.decoders.dbc import load
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import DbcError, TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from edge_agent.bulk.decoder import Tally

_CHUNK = 100_000
"""Frames at a time; with some ten signals each they take about 100 MB."""
_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"
_SHOWN = 8


@dataclass(slots=True)
class Outcome:
    """What became of a log: of its lines and frames, how many values were written, which identifiers are unknown."""

    out: Path
    reading: Reading
    tally: Tally
    values: int = 0
    unknown: Counter[int] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """The summary for people."""
        tally, reading = self.tally, self.reading
        decoded = tally.frames - tally.unknown - tally.packets
        yield (
            f"{tally.frames:,} frames: {decoded:,} decoded into {self.values:,} values, {tally.unknown:,} of "
            f"{len(self.unknown)} unknown identifiers, {tally.short:,} shorter than their message."
        )
        if self.unknown:
            most = ", ".join(f"{_shown(key)} ({count:,})" for key, count in self.unknown.most_common(_SHOWN))
            yield f"Unknown identifiers, the commonest first: {most}{' …' if len(self.unknown) > _SHOWN else ''}"
        if tally.packets:
            yield (
                f"{tally.packets:,} packets of J1939 made {tally.assembled:,} messages; "
                f"{tally.lost:,} did not become whole."
            )
        if reading.without_data:
            yield f"{reading.without_data:,} remote and error frames hold no data."
        if reading.unreadable:
            yield f"{reading.unreadable:,} could not be read; the first: {reading.first}"
        if reading.incomplete:
            yield f"The log is not complete: {reading.incomplete}; what is there was decoded."
        yield f"Written to {self.out}"


def decode_log(
    log: Path, dbc: Path, out: Path, *, texts: bool, progress: Callable[[int, int], None], j1939: bool = False
) -> Outcome:
    """Decodes a whole log. The table appears under its name when it is complete, and not before.

    Args:
        log: the recording.
        dbc: the description of its frames.
        out: a name that ends in .parquet or .csv.
        texts: whether to write the names of values, too.
        progress: is told how many of how many bytes are read.
        j1939: whether all messages of 29 bits are of J1939, and so known by their parameter group.

    Raises:
        LogError: the log cannot be read.
        DbcError: the DBC cannot be read.
        TableError: the table cannot be written.
    """
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise TableError(out, f"its name should end in {' or '.join(_WRITERS)}")
    layout = load(_content(dbc), source=str(dbc))
    layout = layout.by_group() if j1939 else layout
    decoder, table = BulkDecoder(layout), LongTable(layout, texts=texts)
    outcome = Outcome(out=out, reading=Reading(), tally=decoder.tally)

    def tables() -> Iterator[pl.DataFrame]:
        for frames in logs.frames(log, outcome.reading, _CHUNK):
            found = table.table(frames, decoder.decode(frames))
            outcome.values += len(found)
            keys, counts = np.unique(decoder.unknown(frames.keys), return_counts=True)
            outcome.unknown.update(dict(zip(keys.tolist(), counts.tolist(), strict=True)))
            progress(outcome.reading.position, outcome.reading.size)
            yield found

    with _appearing(out) as partial:
        write(tables(), table.schema, partial)
    return outcome


def _content(dbc: Path) -> bytes:
    try:
        return dbc.read_bytes()
    except OSError as error:
        raise DbcError(str(dbc), f"it cannot be opened ({error.strerror})") from error


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``out`` when all went well, and is removed when not."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        yield partial
        partial.replace(out)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TableError(out, f"it cannot be written ({getattr(error, 'strerror', None) or error})") from error
    finally:
        partial.unlink(missing_ok=True)


def _parquet(tables: Iterable[pl.DataFrame], schema: Mapping[str, Any], path: Path) -> None:
    """One row group a chunk."""
    from polars.io.plugins import register_io_source  # noqa: PLC0415  here only

    def source(columns: Any, predicate: Any, rows: Any, batch: Any) -> Iterator[pl.DataFrame]:
        del columns, predicate, rows, batch
        yield from tables

    register_io_source(source, schema=pl.Schema(schema)).sink_parquet(path, compression="zstd")


def _csv(tables: Iterable[pl.DataFrame], schema: Mapping[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        pl.DataFrame(schema=pl.Schema(schema)).write_csv(file)
        for table in tables:
            table.write_csv(file, include_header=False, datetime_format=_TIME)


def _shown(key: int) -> str:
    """An identifier as tools for cars write it: three digits, or eight for 29 bits."""
    return f"{key & ~EXTENDED:08X}" if key & EXTENDED else f"{key:03X}"


_WRITERS: Mapping[str, Callable[[Iterable[pl.DataFrame], Mapping[str, Any], Path], None]] = {
    ".parquet": _parquet,
    ".csv": _csv,
}
