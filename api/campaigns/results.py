"""What a trigger collected, for people and programs: series, CSV, and raw frames as candump writes them. Pure."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.storage.campaigns import Captured
    from vehicle.campaign import Frames, Rows
    from vehicle.quantity import Signal

_EXTENDED = 1 << 31
_CLASSIC_BYTES = 8
Parts = list[tuple["Rows", "Frames"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Readings of one signal: milliseconds from the trigger, and values in the catalogue's unit."""

    signal: Signal
    points: Sequence[tuple[int, float]]


def columns(parts: Parts) -> list[Column]:
    """The readings of each signal, in the order of time."""
    points: dict[str, list[tuple[int, float]]] = {}
    for rows, _ in parts:
        for path, raws in rows.columns.items():
            if (row := CATALOGUE.get(path)) is not None:
                some = [(at, row.value(raw)) for at, raw in zip(rows.at_ms, raws, strict=True) if raw is not None]
                points.setdefault(path, []).extend(some)
    return [Column(signal=CATALOGUE[path], points=points[path]) for path in CATALOGUE if path in points]


def frame_count(parts: Parts) -> int:
    """How many raw frames there are."""
    return sum(len(frames.ids) for _, frames in parts)


def as_csv(found: Captured, parts: Parts) -> str:
    """A line a reading: UTC time, seconds from the trigger, VSS path, value, unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("time", "seconds_from_trigger", "signal", "value", "unit"))
    lines = sorted((at, place, column) for place, column in enumerate(columns(parts)) for at in column.points)
    start_ms = round(found.triggered_at.timestamp() * 1000)
    for (at_ms, value), _, column in lines:
        time = datetime.fromtimestamp((start_ms + at_ms) / 1000, UTC)
        moment = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        writer.writerow((moment, f"{at_ms / 1000:.3f}", column.signal.path, value, column.signal.unit.symbol))
    return out.getvalue()


def as_candump(found: Captured, parts: Parts) -> str:
    """A line a frame, as ``candump -L`` writes it; the interface is called can0."""
    start_us = round(found.triggered_at.timestamp() * 1_000_000)
    return "".join(_candump_lines(start_us, parts))


def _candump_lines(start_us: int, parts: Parts) -> Iterator[str]:
    for _, frames in parts:
        for at_us, identifier, data in zip(frames.at_us, frames.ids, frames.data, strict=True):
            seconds, micros = divmod(start_us + at_us, 1_000_000)
            number = f"{identifier & ~_EXTENDED:08X}" if identifier & _EXTENDED else f"{identifier:03X}"
            mark = "##0" if len(data) > 2 * _CLASSIC_BYTES else "#"
            yield f"({seconds}.{micros:06d}) can0 {number}{mark}{data}\n"
