"""A recorded log of frames as a source: candump, ASC, BLF or TRC, with a DBC and a map.

``log:FILE?dbc=FILE&map=FILE[&start=TIME][&again=1]``. Rows lie on the grid of ``collect.period_ms``; of several values
of a signal in a period the last counts. A log that does not say when it was recorded begins at ``start``, or now.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.buses.base import OpenRequest, Row, parameters
from edge_agent.buses.dbc_map import DbcMap, open_map
from edge_agent.buses.recorded import Reading, messages
from edge_agent.errors import LogError, SourceError
from vehicle.batch import EventKind, TimeQuality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_FIRST_CREDIBLE_MS = 946_684_800_000
"""2000-01-01: a log that is older counts from its own beginning."""
_BLOCK = 1 << 20


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    dbc: str = ""
    map: str = ""
    start: str = ""
    again: bool = False


class LogSource:
    """Rows of a log; what cannot be read in it becomes an event."""

    quality: TimeQuality | None = TimeQuality.RECORDED

    def __init__(self, request: OpenRequest, mapped: DbcMap, *, key: str, start_ms: int | None) -> None:
        self.uri = request.uri
        self.key: str | None = key
        self._path, self._mapped, self._start_ms = Path(request.path), mapped, start_ms
        self._period_ms, self._health = request.collect.period_ms, request.health

    def start(self, now_ms: int, last_ms: int | None) -> int:
        """When a log began that does not say so: as asked for, else now, but after all that was read before."""
        if self._start_ms is not None:
            return self._start_ms
        return now_ms if last_ms is None else max(now_ms, last_ms + self._period_ms)

    async def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """The rows after the first ``skip``.

        Raises:
            SourceError: nothing in the log can be read.
        """
        try:
            for at, row in enumerate(self._rows(start_ms or 0)):
                if at >= skip:
                    self._health.add("rows")
                    yield row
                await asyncio.sleep(0)
        except LogError as error:
            raise SourceError(self.uri, str(error)) from error

    async def ask(self, name: str, progress: Callable[[str], None]) -> dict[str, Any]:
        """A recording cannot be asked."""
        del progress
        raise SourceError(self.uri, f"{name} needs a car; this is a recording")

    async def close(self) -> None:
        """Nothing stays open."""

    def _rows(self, start_ms: int) -> Iterator[Row]:
        reading, told = Reading(), 0
        fresh: dict[str, int] = {}
        shift_ms = edge_ms = None
        for message in messages(self._path, reading):
            time_ms = round(message.timestamp * 1000)
            if shift_ms is None:
                shift_ms = start_ms - time_ms if time_ms < _FIRST_CREDIBLE_MS else 0
            time_ms += shift_ms
            if edge_ms is None or time_ms >= edge_ms:
                if edge_ms is not None and fresh:
                    yield Row(values=fresh, time_ms=edge_ms, events=self._unreadable(reading, told))
                    fresh, told = {}, reading.unreadable
                edge_ms = (time_ms // self._period_ms + 1) * self._period_ms
            identifier, extended = message.arbitration_id, message.is_extended_id
            fresh.update(self._mapped.values(identifier, bytes(message.data), extended=extended))
        if edge_ms is not None:
            yield Row(values=fresh, time_ms=edge_ms, events=self._unreadable(reading, told))

    def _unreadable(self, reading: Reading, told: int) -> tuple[tuple[str, dict[str, Any]], ...]:
        """An event if more could not be read than was told before."""
        count = reading.unreadable - told
        if not count:
            return ()
        self._health.add("rows_refused", count)
        place, _, reason = reading.latest.partition(": ")
        what = {"source": self.uri, "place": place, "reason": reason, "text": f"{count} since the row before"}
        return ((str(EventKind.UNREADABLE), what),)


def open_source(request: OpenRequest) -> LogSource:
    """The log that the URI names.

    Raises:
        SourceError: a file is missing or wrong, or the map names what DBC or catalogue do not have.
    """
    query = parameters(Query, request)
    mapped = open_map(request.uri, query.dbc, query.map, request.health)
    key = _digest(request, (request.path, query.dbc, query.map))
    if query.again:
        key = f"{key}@{datetime.now(UTC)}"
    return LogSource(request, mapped, key=key, start_ms=_start(request.uri, query.start))


def _digest(request: OpenRequest, names: tuple[str, ...]) -> str:
    """Names a reading by the content of the log and of what interprets it."""
    digest = hashlib.sha256()
    for name in names:
        try:
            with Path(name).open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise SourceError(request.uri, f"{name} cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def _start(uri: str, text: str) -> int | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceError(uri, f"start={text!r} is not a time as 2026-11-23T08:00:00Z") from error
    return int((read.replace(tzinfo=UTC) if read.tzinfo is None else read).timestamp() * 1000)
