"""A recorded log of frames as a source: candump, ASC, BLF or TRC, with a DBC and a map.

``log:FILE?dbc=FILE&map=FILE[&start=TIME][&again=1]``, or ``log:FILE?j1939=1`` for J1939: our own DBC and map stand
in for those that are not named. Rows lie on the grid of ``collect.period_ms``; of several values of a signal in a
period the last counts. A log that does not say when it was recorded begins at ``start``, or now.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.buses.base import NOTHING, OpenRequest, Row, parameters
from edge_agent.buses.dbc_map import open_map
from edge_agent.buses.hearing import DbcHearing
from edge_agent.buses.j1939_hearing import J1939Hearing, files, spn_version
from edge_agent.buses.recorded import Reading, messages
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import LogError, SourceError
from vehicle.batch import EventKind, TimeQuality

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from edge_agent.buses.hearing import Hearing
    from edge_agent.watch import Happening

_FIRST_CREDIBLE_MS = 946_684_800_000
"""2000-01-01: a log that is older counts from its own beginning."""
_BLOCK = 1 << 20


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    dbc: str = ""
    map: str = ""
    start: str = ""
    again: bool = False
    j1939: bool = False
    spn_version: int = 3


class LogSource:
    """Rows of a log; what cannot be read in it becomes an event."""

    quality: TimeQuality | None = TimeQuality.RECORDED

    def __init__(self, request: OpenRequest, hearing: Callable[[], Hearing], *, key: str, start_ms: int | None) -> None:
        self.uri = request.uri
        self.key: str | None = key
        self._path, self._hearing, self._start_ms = Path(request.path), hearing, start_ms
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

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """A recording cannot be asked."""
        del progress, arguments
        raise SourceError(self.uri, f"{name} needs a car; this is a recording")

    async def close(self) -> None:
        """Nothing stays open."""

    def _rows(self, start_ms: int) -> Iterator[Row]:
        reading, told, hearing = Reading(), 0, self._hearing()
        fresh: dict[str, int] = {}
        happened: list[Happening] = []
        shift_ms = edge_ms = None
        for message in messages(self._path, reading):
            time_ms = round(message.timestamp * 1000)
            if shift_ms is None:
                shift_ms = start_ms - time_ms if time_ms < _FIRST_CREDIBLE_MS else 0
            time_ms += shift_ms
            if edge_ms is None or time_ms >= edge_ms:
                if edge_ms is not None and (fresh or happened):
                    yield Row(values=fresh, time_ms=edge_ms, events=(*happened, *self._unreadable(reading, told)))
                    fresh, happened, told = {}, [], reading.unreadable
                edge_ms = (time_ms // self._period_ms + 1) * self._period_ms
            key = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
            values, more = hearing.take(key, bytes(message.data), message.timestamp)
            fresh.update(values)
            happened += more
        if edge_ms is not None:
            yield Row(values=fresh, time_ms=edge_ms, events=(*happened, *self._unreadable(reading, told)))

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
    dbc, chosen = files(query.dbc, query.map) if query.j1939 else (query.dbc, query.map)
    mapped = open_map(request.uri, dbc, chosen, request.health, j1939=query.j1939)
    older = spn_version(request.uri, query.spn_version)
    hearing = partial(J1939Hearing, mapped, request.health, older) if query.j1939 else partial(DbcHearing, mapped)
    key = _digest(request, (request.path, dbc, chosen))
    if query.again:
        key = f"{key}@{datetime.now(UTC)}"
    return LogSource(request, hearing, key=key, start_ms=_start(request.uri, query.start))


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
