"""Follows what ingest stores: state, findings, advice and cursors move on together, in one transaction a step.

A vehicle whose samples come out of order is marked stale and, once everything stored has been read, replayed from its
history; so its findings are a function of the history alone, whatever the order of arrival.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from diagnostics import memory
from diagnostics.features.columns import SIGNALS
from diagnostics.fleet import Fleet, too_late
from diagnostics.intake import VEHICLE, merged, rows_of
from diagnostics.lamp import lamp_event
from diagnostics.record import Gathered, record
from diagnostics.trouble_codes import CodeEvent
from ingest.storage.cursors import read_cursor, write_cursor
from ingest.storage.database import reading, transaction
from ingest.storage.events import events_since
from vehicle.batch import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import sqlalchemy as sa

    from diagnostics.features.rows import Rows
    from diagnostics.memory import ReadUpto
    from ingest.storage.events import StoredEvent
    from ingest.storage.telemetry import TelemetryStore

TELEMETRY, EVENTS = "diagnostics.telemetry", "diagnostics.events"
"""Names under which the cursors are kept."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Waiting:
    """Vehicles to be replayed, and when each vehicle was last heard, by the server's clock."""

    stale: set[str] = field(default_factory=set)
    heard: dict[str, datetime] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    rebuilt_at: datetime | None = None


class Follower:
    """The state of the fleet between steps; after an error open it anew, for memory may be ahead of the database."""

    def __init__(
        self, engine: sa.Engine, store: TelemetryStore, *, limit: int, rebuild_s: float, silence_s: float
    ) -> None:
        self._engine, self._store = engine, store
        self._limit, self._rebuild_s, self._silence_s = limit, rebuild_s, silence_s
        self.fleet = Fleet()
        self._waiting = Waiting()
        self._read_upto = memory.ReadUpto()
        with transaction(engine) as connection:
            self._cursor, self._event_cursor = (read_cursor(connection, name) for name in (TELEMETRY, EVENTS))
            write_cursor(connection, TELEMETRY, self._cursor)
            write_cursor(connection, EVENTS, self._event_cursor)
            self._note_workshop(connection)
            self._restore(connection)

    def _note_workshop(self, connection: sa.Connection) -> set[str]:
        """Notes kinds, services and measurements; returns vehicles whose trips were judged without knowing of one."""
        self._read_upto, overtaken = note_workshop(connection, self.fleet, self._read_upto)
        return overtaken

    def _restore(self, connection: sa.Connection) -> None:
        for vehicle_id, (make, packed) in memory.read_states(connection).items():
            if make == self.fleet.make_of(vehicle_id):
                self.fleet.unpack(vehicle_id, make, packed)
            else:
                self._waiting.stale.add(vehicle_id)

    def step(self, now: datetime) -> bool:
        """Takes what is new into account; False when there was nothing."""
        arrivals = self._store.arrivals(self._cursor, limit=self._limit)
        with reading(self._engine) as connection:
            events = events_since(connection, self._event_cursor, limit=self._limit)
            overtaken = self._note_workshop(connection)
        gathered = Gathered(stale=set(overtaken))
        self._waiting.stale |= overtaken
        if arrivals.frame.height:
            self._take(merged(arrivals.frame), gathered, now)
        self._gather_codes(events, gathered)
        if not arrivals.frame.height or self._overdue(now):
            self._rebuild(gathered, now)
        if not arrivals.frame.height:
            self._end_silent_trips(gathered, now)
        event_cursor = events[-1].inbox_id if events else self._event_cursor
        moved = (arrivals.last_id, event_cursor) != (self._cursor, self._event_cursor)
        if not moved and not gathered.vehicles:
            return False
        with transaction(self._engine) as connection:
            record(connection, gathered, self.fleet, now=now)
            write_cursor(connection, TELEMETRY, arrivals.last_id)
            write_cursor(connection, EVENTS, event_cursor)
        self._cursor, self._event_cursor = arrivals.last_id, event_cursor
        return True

    def _take(self, frame: pl.DataFrame, gathered: Gathered, now: datetime) -> None:
        for vehicle in frame[VEHICLE].unique().to_list():
            self._waiting.heard[vehicle] = now
            self._waiting.silent.discard(vehicle)
        rows = rows_of(frame, self.fleet)
        late = np.unique(rows.vehicle[too_late(rows, self.fleet)]).tolist()
        behind = {self.fleet.id_of(row) for row in late} - self._waiting.stale
        if behind:
            log.info("samples of %d vehicles came out of order; their history is replayed", len(behind))
            self._waiting.stale |= behind
            gathered.stale |= behind
        stale = [self.fleet.row_of[vehicle] for vehicle in self._waiting.stale if vehicle in self.fleet.row_of]
        kept = ~np.isin(rows.vehicle, stale)
        if kept.any():
            gathered.add(self.fleet.take(_only(rows, kept)), self.fleet)

    def _overdue(self, now: datetime) -> bool:
        """A car that never falls silent must not put its own replay off for ever."""
        waited = self._waiting.rebuilt_at is None or (now - self._waiting.rebuilt_at).total_seconds() > self._rebuild_s
        return bool(self._waiting.stale) and waited

    def _rebuild(self, gathered: Gathered, now: datetime) -> None:
        for vehicle in sorted(self._waiting.stale):
            replay(vehicle, self.fleet, self._store, gathered)
            gathered.stale.discard(vehicle)
            self._waiting.silent.discard(vehicle)
            self._waiting.rebuilt_at = now
        self._waiting.stale.clear()

    def _gather_codes(self, events: Iterable[StoredEvent], gathered: Gathered) -> None:
        for stored in events:
            if stored.event.kind == EventKind.DTC:
                gathered.codes.append((stored.device_id, code_event(stored)))
                gathered.vehicles.add(stored.vehicle_id)
            elif stored.event.kind == EventKind.MIL:
                lamp = lamp_event(stored.vehicle_id, stored.time_ms, stored.event.data)
                gathered.codes.append((stored.device_id, lamp))
                gathered.vehicles.add(stored.vehicle_id)

    def _end_silent_trips(self, gathered: Gathered, now: datetime) -> None:
        for vehicle in self.fleet.row_of:
            self._waiting.heard.setdefault(vehicle, now)
        long_ago = [
            vehicle
            for vehicle, heard in self._waiting.heard.items()
            if (now - heard).total_seconds() >= self._silence_s and vehicle not in self._waiting.silent
        ]
        self._waiting.silent |= set(long_ago)
        rows = self.fleet.rows_of(sorted(long_ago))
        open_rows = rows[~self.fleet.is_finished(rows)]
        if len(open_rows):
            gathered.add(self.fleet.finish(open_rows), self.fleet)


def note_workshop(connection: sa.Connection, fleet: Fleet, after: ReadUpto) -> tuple[ReadUpto, set[str]]:
    """Tells the fleet what people and workshops told since; and of which vehicles trips were judged without it."""
    overtaken: set[str] = set()
    kinds = memory.kinds_after(connection, after.kind)
    services = memory.services_after(connection, after.service)
    measured = memory.measurements_after(connection, after.measurement)
    for kind in kinds:
        if not fleet.note_platform(kind.vehicle_id, kind.platform, kind.powertrain):
            overtaken.add(kind.vehicle_id)
    for service in services:
        if not fleet.note_service(service.vehicle_id, service.component, service.at_ms):
            overtaken.add(service.vehicle_id)
    for one in measured:
        if not fleet.note_measurement(one.vehicle_id, one.name, one.at_ms, one.value):
            overtaken.add(one.vehicle_id)
    last = [max((row.id for row in rows), default=0) for rows in (kinds, services, measured)]
    return after.later(kind=last[0], service=last[1], measurement=last[2]), overtaken


def replay(vehicle_id: str, fleet: Fleet, store: TelemetryStore, gathered: Gathered) -> None:
    """Forgets a vehicle's state and takes its whole history."""
    (row,) = fleet.rows_of([vehicle_id])
    fleet.forget(int(row))
    gathered.replayed.add(vehicle_id)
    gathered.trips.pop(vehicle_id, None)
    gathered.alarms = [(vehicle, alarm) for vehicle, alarm in gathered.alarms if vehicle != vehicle_id]
    gathered.vehicles.add(vehicle_id)
    history = store.read(vehicle_id=vehicle_id, signals=SIGNALS)
    frame = merged(history.with_columns(pl.lit(vehicle_id).alias(VEHICLE)))
    if frame.height:
        gathered.add(fleet.take(rows_of(frame, fleet)), fleet)


def code_event(stored: StoredEvent) -> CodeEvent:
    """The code event in a stored event; what a newer device leaves out or adds does no harm."""
    data = stored.event.data
    return CodeEvent(
        vehicle_id=stored.vehicle_id,
        ecu=str(data.get("ecu", ""))[:16],
        code=str(data.get("code", ""))[:24],
        time_ms=stored.time_ms,
        state=str(data.get("state", ""))[:16],
        present=bool(data.get("present", True)),
    )


def _only(rows: Rows, which: np.ndarray) -> Rows:
    return replace(rows, vehicle=rows.vehicle[which], time_ms=rows.time_ms[which], values=rows.values[which])
