"""From a source's rows to the spool: stamps, batches, and the position of a finite source."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from edge_agent.batcher import Columns, Timed, batches
from edge_agent.buses.base import Row
from edge_agent.spool import Entry, Position
from vehicle.batch import Batch, Event, EventKind, TimeQuality
from vehicle.wire import Lane, encode_event, encode_telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from edge_agent.buses.base import Source
    from edge_agent.clock import Clock
    from edge_agent.health import Health
    from edge_agent.settings import Collect
    from edge_agent.spool import CodeChange
    from edge_agent.store import Store

ROWS_AT_ONCE = 600
"""A source that is read as fast as it goes is committed so many rows at once (our choice: 20 batches)."""
_SHORTEST_PAUSE_S = 0.005


class Recorder:
    """Takes the rows of one source into the spool; ``speed`` is a factor on a log's own pace (None: no pauses)."""

    def __init__(
        self, source: Source, store: Store, clock: Clock, health: Health, collect: Collect, speed: float | None
    ) -> None:
        self._source, self._store, self._clock, self._health = source, store, clock, health
        self._collect, self._speed = collect, speed
        self._columns = Columns()
        self._rows: list[Timed] = []
        self._events: list[Event] = []
        self._taken = 0
        self._last_ms = 0
        self._committed_s = time.monotonic()
        self._paced_from: tuple[int, float] | None = None
        self._vitals_due_s = time.monotonic()
        self.vitals: Callable[[], Awaitable[Mapping[str, int]]] | None = None
        self.position: Callable[[], Mapping[str, int]] = dict
        self.wake: Callable[[], None] = lambda: None
        self.taken: Callable[[int, Mapping[str, int], TimeQuality], None] = lambda _time_ms, _values, _quality: None

    async def run(self) -> None:
        """Reads to the end of the source, or for ever; what was read is committed also when cancelled."""
        position = await self._start()
        try:
            async for heard in self._batched_in_time(self._source.rows(skip=self._taken, start_ms=position)):
                row = await self._with_vitals(heard)
                if row is not None:
                    await self._pace(row)
                    self._take(row)
                if self._due():
                    await self._commit(position)
        finally:
            await self._commit(position)

    async def _start(self) -> int | None:
        key = self._source.key
        if key is None:
            recall = getattr(self._source, "recall", None)
            if recall is not None:
                recall(await self._store.codes())
            return None
        known = await self._store.position(key)
        if known is not None:
            self._taken, self._last_ms = known.rows, known.last_ms
            return known.start_ms
        start = getattr(self._source, "start", None)
        now_ms = self._clock.now().believed_ms
        return start(now_ms, await self._store.latest_ms()) if start else now_ms

    async def _batched_in_time(self, rows: AsyncIterator[Row]) -> AsyncIterator[Row | None]:
        """The rows, and None whenever a live source has been silent for the length of a batch."""
        if self._source.key is not None:
            async for row in rows:
                yield row
            return
        iterator = aiter(rows)
        following = asyncio.ensure_future(anext(iterator))
        try:
            while True:
                done, _ = await asyncio.wait([following], timeout=self._collect.batch_seconds)
                if not done:
                    yield None
                    continue
                try:
                    row = following.result()
                except StopAsyncIteration:
                    return
                following = asyncio.ensure_future(anext(iterator))
                yield row
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await following

    async def _with_vitals(self, row: Row | None) -> Row | None:
        """A live row with its position, and now and then what the device says of itself, also while a car is silent."""
        if self._source.key is not None:
            return row
        said = {} if row is None else dict(self.position())
        now_s, every_s = time.monotonic(), self._collect.device_every_s
        if self.vitals is not None and every_s and now_s >= self._vitals_due_s:
            self._vitals_due_s = now_s + every_s
            said |= await self.vitals()
        if row is None or not said:
            return Row(values=said) if said else row
        return Row(values={**row.values, **said}, time_ms=row.time_ms, events=row.events)

    async def _pace(self, row: Row) -> None:
        if self._speed is None or row.time_ms is None:
            return
        now_s = time.monotonic()
        if self._paced_from is None:
            self._paced_from = (row.time_ms, now_s)
        first_ms, begun_s = self._paced_from
        ahead_s = begun_s + (row.time_ms - first_ms) / 1000 / self._speed - now_s
        if ahead_s > _SHORTEST_PAUSE_S:
            await asyncio.sleep(ahead_s)

    def _take(self, row: Row) -> None:
        now = self._clock.now()
        time_ms = now.believed_ms if row.time_ms is None else row.time_ms
        self._taken += 1
        self._last_ms = max(self._last_ms, time_ms)
        if row.values:
            self._rows.append(Timed(time_ms, now.monotonic_ms, row.values))
            self._health.add("samples", len(row.values))
            self.taken(time_ms, row.values, self._quality)
        for kind, data in row.events:
            self._events.append(self._event(kind, data, time_ms, now.monotonic_ms))

    def _event(self, kind: str, data: dict[str, Any], time_ms: int, monotonic_ms: int) -> Event:
        return Event(
            kind=kind, time_ms=time_ms, quality=self._quality, boot_id=self._clock.boot_id, monotonic_ms=monotonic_ms,
            data=data,
        )  # fmt: skip

    @property
    def _quality(self) -> TimeQuality:
        return self._source.quality or self._clock.quality

    def _due(self) -> bool:
        if self._source.key is not None and self._speed is None:
            return len(self._rows) + len(self._events) >= ROWS_AT_ONCE
        late = time.monotonic() - self._committed_s >= self._collect.batch_seconds
        return bool(self._events) or len(self._rows) >= self._collect.batch_rows or (late and bool(self._rows))

    async def _commit(self, start_ms: int | None) -> None:
        rows, events = self._rows, self._events
        if not rows and not events:
            return
        self._rows, self._events = [], []
        if self._columns.grow(rows):
            await self._store.keep_set(self._columns.chosen)
        lane = Lane.LIVE if self._source.key is None else Lane.BACKLOG
        size = self._collect.batch_rows
        made = [
            batch
            for at in range(0, len(rows), size)
            for batch in batches(
                rows[at : at + size], self._columns.chosen, boot_id=self._clock.boot_id, quality=self._quality
            )
        ]
        entries = [event_entry(event) for event in events] + [_batch_entry(batch, lane) for batch in made]
        position = None
        if self._source.key is not None and start_ms is not None:
            position = Position(self._source.key, start_ms, self._taken, self._last_ms)
        await self._store.append(entries, position, _code_changes(events))
        self._health.add("written", len(entries))
        self._committed_s = time.monotonic()
        self.wake()


def _code_changes(events: Sequence[Event]) -> list[CodeChange]:
    found = [event.data for event in events if event.kind == EventKind.DTC]
    return [((data["ecu"], data["code"], data["state"]), data["present"]) for data in found]


def event_entry(event: Event) -> Entry:
    """An event as a spool entry."""
    return Entry(Lane.EVENT, lambda epoch, sequence: encode_event(epoch=epoch, sequence=sequence, event=event))


def _batch_entry(batch: Batch, lane: Lane) -> Entry:
    def seal(epoch: int, sequence: int) -> bytes:
        return encode_telemetry(epoch=epoch, sequence=sequence, lane=lane, batch=batch)

    return Entry(lane, seal)
