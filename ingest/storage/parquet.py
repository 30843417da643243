"""One history file: the samples of some vehicles as Parquet, raw integers wherever they say the same.

A column ``PATH#NUMERATOR/DENOMINATOR+OFFSET`` holds integers; the value is ``(raw * NUMERATOR + OFFSET) / DENOMINATOR``
in the catalogue's unit. A column ``PATH`` holds the value itself, as float64. The scale is the column's name, so that
no reader needs anything else, and files of different catalogues can be read together (docs/history.md).
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from ingest.storage.frames import IDENTITY, signal_columns, signal_order
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from vehicle.signals import Signal

LEVEL, THOROUGH_LEVEL, TRIAL_LEVEL = 3, 19, 3
"""zstd levels: of what will be joined soon, of what stays, and of the trial that chooses an encoding (our choice)."""
PAGE_BYTES = 8 * 1024 * 1024
ROWS_A_GROUP = 1 << 20
_SCALED = re.compile(r"(?P<path>[^#]+)#(?P<numerator>-?\d+)/(?P<denominator>\d+)(?P<offset>[+-]\d+)")
_ORDER = ("vehicle_id", "device_id", "time", "epoch", "sequence")
_WIDTHS = (pl.Int32, pl.Int64)


def as_integers(frame: pl.DataFrame) -> pl.DataFrame:
    """Samples (identity columns, then float64 columns by VSS path) sorted for compression, raw wherever they can be.

    Every value comes back bit for bit: a column becomes integers only where all its values do.
    """
    ordered = frame.sort(_ORDER)
    return ordered.select(*IDENTITY, *(_integers(ordered[name]) for name in signal_columns(ordered)))


def write(frame: pl.DataFrame, path: Path, *, thorough: bool = False) -> None:
    """Writes what :func:`as_integers` gave, or a part of it, without the signals that nothing in it has.

    ``thorough`` takes several times as long for half the bytes.
    """
    used = [column for column in frame.drop(*IDENTITY) if column.null_count() < frame.height]
    columns = [_integers(column) for column in used]
    table = frame.select(*IDENTITY, *columns).to_arrow()
    encodings = {column.name: _best_encoding(table, column.name) if thorough else "PLAIN" for column in columns}
    pq.write_table(  # type: ignore[no-untyped-call]  # pyarrow is half annotated
        table, path, compression="zstd", compression_level=THOROUGH_LEVEL if thorough else LEVEL,
        column_encoding=encodings | {"time": "DELTA_BINARY_PACKED"},
        use_dictionary=[name for name in IDENTITY if name != "time"], write_statistics=["time", "vehicle_id"],
        row_group_size=ROWS_A_GROUP, data_page_size=PAGE_BYTES, store_schema=False,
    )  # fmt: skip


def read(path: Path, *, signals: Collection[str] | None = None, where: Iterable[pl.Expr] = ()) -> pl.DataFrame:
    """Samples of a file as they were handed to :func:`write`; only ``signals``, and rows for which all ``where`` hold.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    scan = pl.scan_parquet(path, hive_partitioning=False)
    there = scan.collect_schema().names()
    wanted = [name for name in there if signals is None or name in IDENTITY or path_of(name) in signals]
    found = scan.filter(*where).select(wanted).collect()
    return values_of(found)


def read_stored(path: Path) -> pl.DataFrame:
    """A file as it is: raw integers under their scaled names.

    Raises:
        FileNotFoundError: it is not there any more.
    """
    return pl.read_parquet(path, hive_partitioning=False)


def joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What :func:`read_stored` gave of several files as one, sorted as :func:`as_integers` sorts.

    A signal that some hold as integers and others as values, or at different scales, goes through values.
    """
    forms = {name for frame in frames for name in frame.columns}
    if len({path_of(name) for name in forms}) < len(forms):
        return as_integers(pl.concat([values_of(frame) for frame in frames], how="diagonal"))
    signals = sorted(forms.difference(IDENTITY), key=lambda name: signal_order(path_of(name)))
    return pl.concat(frames, how="diagonal_relaxed").sort(_ORDER).select(*IDENTITY, *signals)


def values_of(frame: pl.DataFrame) -> pl.DataFrame:
    """A file's columns in the catalogue's units, under their paths."""
    return pl.DataFrame([_values(column) for column in frame])


def path_of(column: str) -> str:
    """The VSS path of a file's column."""
    return column.partition("#")[0]


def _values(column: pl.Series) -> pl.Series:
    """A file's column in the catalogue's unit, under its path."""
    scale = _SCALED.fullmatch(column.name)
    if scale is None:
        return column
    numerator, denominator, offset = (int(scale[part]) for part in ("numerator", "denominator", "offset"))
    whole = (column.cast(pl.Int64) * numerator + offset).cast(pl.Float64)
    # numpy divides; polars multiplies by the inverse, which is another float at times.
    return pl.Series(scale["path"], whole.to_numpy() / np.float64(denominator)).fill_nan(None)


def _integers(values: pl.Series) -> pl.Series:
    """A column as integers under its scaled name, or as it is where they would not give back every value, or are it."""
    row = CATALOGUE.get(values.name)
    if row is None:
        return values
    exact = ((pl.col(values.name) * row.denominator - row.offset) / row.numerator).round()
    raw = values.to_frame().select(pl.when(exact.is_between(row.raw_minimum, row.raw_maximum)).then(exact)).to_series()
    name = name_of(row)
    for width in _WIDTHS:
        integers = raw.cast(width, strict=False).alias(name)
        if _values(integers).equals(values):
            return integers
    return values


def name_of(row: Signal) -> str:
    """The name of a column of raw integers at the catalogue's resolution."""
    return f"{row.path}#{row.numerator}/{row.denominator}{row.offset:+d}"


def _best_encoding(table: Any, name: str) -> str:
    """The smaller of the two encodings without a dictionary, by trial: which one depends on how the signal moves."""
    sizes = {}
    for encoding in ("PLAIN", "BYTE_STREAM_SPLIT"):
        tried = BytesIO()
        pq.write_table(  # type: ignore[no-untyped-call]  # likewise
            table.select([name]), tried, compression="zstd", compression_level=TRIAL_LEVEL, use_dictionary=False,
            column_encoding={name: encoding}, write_statistics=False, data_page_size=PAGE_BYTES, store_schema=False,
        )  # fmt: skip
        sizes[encoding] = tried.tell()
    return min(sizes, key=lambda encoding: sizes[encoding])
