"""A recorded log in CSV, plain or gzip-compressed, with a map from its columns to signals.

``csv:FILE[?map=NAME][&start=TIME][&again=1]``. A map is a TOML file: ``period_ms`` where the log has no time column, or
``time`` naming one (epoch milliseconds or ISO 8601), and ``[columns]`` from column name to VSS path.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import hashlib
import math
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.buses.base import NOTHING, OpenRequest, Row, parameters
from edge_agent.errors import SourceError
from vehicle.batch import TimeQuality
from vehicle.errors import SettingsError, SignalRangeError, UnknownSignalError
from vehicle.settings import build, read_toml
from vehicle.signals import Signal, signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from edge_agent.health import Health

MAPS = Path(__file__).parent / "maps"
GZIP_MAGIC = b"\x1f\x8b"
MAX_TEXT = 1024
_PAUSE_EVERY = 200
_END_OF_TIME_MS = 253_402_300_800_000
"""The year 10000; nothing after it is a time."""


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    map: str = ""
    start: str = ""
    again: bool = False


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the columns of a log are."""

    columns: dict[str, str]
    period_ms: int = 1000
    time: str = ""


class CsvSource:
    """Rows of a log; each cell that holds a possible value is a sample, whether or not the one before was equal."""

    quality: TimeQuality | None = TimeQuality.RECORDED

    def __init__(
        self, uri: str, content: bytes, chosen: ColumnMap, *, start_ms: int | None, again: bool, health: Health
    ) -> None:
        self.uri = uri
        self.key: str | None = hashlib.sha256(content).hexdigest() + (f"@{datetime.now(UTC)}" if again else "")
        self._health = health
        self._start_ms = start_ms
        self._text = (gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content).decode(errors="replace")
        self._lines = self._text.removesuffix("\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._map = chosen
        self._columns = _columns(uri, self._lines, chosen)

    @property
    def duration_ms(self) -> int:
        """Length of the log where its rows are a period apart."""
        return len(self._lines) * self._map.period_ms

    def start(self, now_ms: int, last_ms: int | None) -> int:
        """When the first row was: as asked for, else so that the log ends now, but after all that was read before."""
        if self._start_ms is not None:
            return self._start_ms
        start = (now_ms - self.duration_ms) // 1000 * 1000
        return start if last_ms is None or last_ms < start else last_ms + self._map.period_ms

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """The rows after the first ``skip``; lines that hold nothing are no rows."""
        first_ms = start_ms or 0
        records = enumerate(line for line in enumerate(self._lines[1:], start=2) if line[1].strip())
        for at, (number, line) in records:
            if at < skip:
                continue
            yield self._row(number, line, first_ms + at * self._map.period_ms)
            if at % _PAUSE_EVERY == 0:
                await asyncio.sleep(0)

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """A recording cannot be asked."""
        del progress, arguments
        raise SourceError(self.uri, f"{name} needs a car; this is a recording")

    async def close(self) -> None:
        """Nothing is open."""

    def _row(self, number: int, line: str, time_ms: int) -> Row:
        try:
            cells = next(csv.reader([line], skipinitialspace=True))
        except csv.Error as error:
            return self._refused(number, line, time_ms, f"it is no line of CSV: {error}")
        if any(cell.strip() for cell in cells[len(self._columns) :]):
            why = f"{len(cells)} cells for {len(self._columns)} columns: which belongs where is not known"
            return self._refused(number, line, time_ms, why)
        present: Sequence[str] = cells[: len(self._columns)]
        if len(present) < len(self._columns) or not present[-1].strip():
            self._health.add("rows_short")
            present = self._trusted(number, line, present)
        self._health.add("rows")
        if self._map.time:
            found = self._time(present)
            if found is None:
                return self._refused(number, line, time_ms, f"no time in column {self._map.time}")
            time_ms = found
        return Row(values=self._values(present), time_ms=time_ms)

    def _trusted(self, number: int, line: str, cells: Sequence[str]) -> Sequence[str]:
        """A last line without its end may stop within a number, as 13.6 of 13.613."""
        cut = number == len(self._lines) and not self._text.endswith(("\n", "\r"))
        return cells[:-1] if cut and not line.rstrip(" ").endswith(",") else cells

    def _refused(self, number: int, line: str, time_ms: int, why: str) -> Row:
        self._health.add("rows_refused")
        what = {"source": self.uri, "place": f"line {number}", "reason": why, "text": line[:MAX_TEXT]}
        return Row(values={}, time_ms=time_ms, events=(("unreadable", what),))

    def _values(self, cells: Sequence[str]) -> dict[str, int]:
        values = {}
        for column, cell in zip(self._columns, cells, strict=False):
            text = cell.strip()
            if column is None or not text:
                continue
            raw = _raw(column, text)
            if raw is None:
                self._health.add("cells_refused", detail=column.path)
            else:
                values[column.path] = raw
        return values

    def _time(self, cells: Sequence[str]) -> int | None:
        header = _names(self._lines[0])
        at = header.index(self._map.time)
        text = cells[at].strip() if at < len(cells) else ""
        try:
            found = int(float(text)) if text.replace(".", "", 1).isdigit() else _milliseconds(text)
        except (ValueError, OverflowError):
            return None
        return found if 0 <= found < _END_OF_TIME_MS else None


def open_source(request: OpenRequest) -> CsvSource:
    """The log that the URI names.

    Raises:
        SourceError: no such file, an unknown map, or columns that the map does not know.
    """
    query = parameters(Query, request)
    try:
        content = Path(request.path).read_bytes()
    except OSError as error:
        raise SourceError(request.uri, f"{request.path} cannot be read ({error.strerror})") from error
    chosen = _read_map(request.uri, query.map)
    start_ms = None
    if query.start:
        try:
            start_ms = _milliseconds(query.start)
        except ValueError as error:
            raise SourceError(request.uri, f"start={query.start!r} is not a time as 2026-11-23T08:00:00Z") from error
    try:
        return CsvSource(request.uri, content, chosen, start_ms=start_ms, again=query.again, health=request.health)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(request.uri, f"{request.path} is a damaged gzip file: {error}") from error


def _read_map(uri: str, name: str) -> ColumnMap:
    shipped = sorted(path.stem for path in MAPS.glob("*.toml"))
    if not name:
        raise SourceError(uri, f"a CSV log needs --map: {', '.join(shipped)}, or a TOML file of your own")
    path = MAPS / f"{name}.toml" if name in shipped else Path(name)
    try:
        chosen = build(ColumnMap, read_toml(path.read_text(encoding="utf-8"), source=str(path)), source=str(path))
    except OSError as error:
        raise SourceError(uri, f"there is no map {name!r}; there are {', '.join(shipped)}, or give a file") from error
    except SettingsError as error:
        raise SourceError(uri, f"map {error}") from error
    return chosen


def _names(header: str) -> list[str]:
    return [name.replace("()", "").strip() for name in next(csv.reader([header]), [])]


def _columns(uri: str, lines: Sequence[str], chosen: ColumnMap) -> list[Signal | None]:
    try:
        names = _names(lines[0]) if lines else []
    except csv.Error as error:
        raise SourceError(uri, f"its first line is no line of CSV: {error}") from error
    while names and not names[-1]:
        names.pop()
    known: Mapping[str, str] = chosen.columns
    if not any(name in known for name in names):
        found = ", ".join(names[:5]) or "nothing"
        raise SourceError(uri, f"its first line names {found}, none of which the map knows; is it the right map?")
    try:
        return [signal(known[name]) if name in known else None for name in names]
    except UnknownSignalError as error:
        raise SourceError(uri, f"the map is wrong: {error}") from error


def _raw(column: Signal, text: str) -> int | None:
    try:
        value = float(text)
        return column.raw(value) if math.isfinite(value) else None
    except (ValueError, SignalRangeError):
        return None


def _milliseconds(text: str) -> int:
    read = datetime.fromisoformat(text)
    aware = read.replace(tzinfo=UTC) if read.tzinfo is None else read
    return int(aware.timestamp() * 1000)
