"""What diagnostics remembers between runs: state of vehicles, their trips, and the codes they reported.

All SQL on that is here.

Findings and suggestions, which others read, are in :mod:`diagnostics.repository`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from diagnostics import tables as t
from diagnostics.errors import UnknownRowError
from diagnostics.features.trips import FEATURES
from diagnostics.lamp import STATE as LAMP
from diagnostics.suggestions.standing import RUN_OF, Run, run_of
from diagnostics.suggestions.statement import POINTS, TripLog
from diagnostics.trouble_codes import HEALS, CodeEvent
from ingest.storage.tables import devices, installations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from diagnostics.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A component of a vehicle was repaired or replaced."""

    id: int
    vehicle_id: str
    component: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a vehicle is, where anyone has told; empty where not."""

    id: int
    vehicle_id: str
    platform: str
    powertrain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a workshop measured on a vehicle."""

    id: int
    vehicle_id: str
    name: str
    at_ms: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpto:
    """Ids of the last kind, service and measurement that were taken note of; 0 none."""

    kind: int = 0
    service: int = 0
    measurement: int = 0

    def later(self, *, kind: int, service: int, measurement: int) -> ReadUpto:
        """The later of both, one by one."""
        return ReadUpto(
            kind=max(self.kind, kind),
            service=max(self.service, service),
            measurement=max(self.measurement, measurement),
        )


LONGEST_TRIP_MS = 2 * 86_400_000
"""Trips are looked for so far back from a moment that they may hold (our choice)."""
STALE = "stale"
"""Make of a state that must be made anew from the vehicle's history."""


def read_states(connection: sa.Connection) -> dict[str, tuple[str, bytes]]:
    """Make and bytes of every vehicle's state."""
    return {row.vehicle_id: (row.make, row.state) for row in connection.execute(sa.select(t.detector_state))}


def write_states(connection: sa.Connection, states: Mapping[str, tuple[str, bytes]]) -> None:
    """Keeps makes and states in place of what was kept of the same vehicles."""
    if not states:
        return
    c = t.detector_state.c
    connection.execute(t.detector_state.delete().where(c.vehicle_id.in_(list(states))))
    rows = [{"vehicle_id": vehicle, "make": make, "state": packed} for vehicle, (make, packed) in states.items()]
    connection.execute(t.detector_state.insert(), rows)


def add_trips(connection: sa.Connection, trips: Mapping[str, Floats]) -> None:
    """Keeps trips ``(n, n_features)`` by vehicle."""
    started = FEATURES.index("started_ms")
    rows = [
        {"vehicle_id": vehicle, "started_ms": int(row[started]), "features": row.tobytes()}
        for vehicle, values in trips.items()
        for row in values
    ]
    if rows:
        connection.execute(t.trips.insert(), rows)


def remove_trips(connection: sa.Connection, vehicle_ids: Iterable[str]) -> None:
    """Forgets all trips of vehicles that are replayed."""
    connection.execute(t.trips.delete().where(t.trips.c.vehicle_id.in_(list(vehicle_ids))))


def trips_of(connection: sa.Connection, vehicle_id: str, *, until_ms: int) -> TripLog:
    """The last trips that began before a time, oldest first: twice as many as evidence shows at most.

    Trips that an earlier version kept in another form are left out until the vehicle's replay has made them anew.
    """
    c = t.trips.c
    query = sa.select(c.features).where(c.vehicle_id == vehicle_id, c.started_ms < until_ms)
    rows = list(connection.execute(query.order_by(c.started_ms.desc()).limit(2 * POINTS)).scalars())
    values = [trip for row in reversed(rows) if (trip := unpacked(row)) is not None]
    return TripLog(values=np.array(values).reshape(len(values), len(FEATURES)))


def unpacked(packed: bytes) -> Floats | None:
    """The features of a trip that was kept, None of one that an earlier version kept in another form."""
    return np.frombuffer(packed, dtype=np.float64) if len(packed) == 8 * len(FEATURES) else None


def runs_after(connection: sa.Connection, vehicle_id: str, after: datetime) -> list[Run]:
    """Trips that ended after a time and in which the car ran or moved, oldest first."""
    c, after_ms = t.trips.c, int(after.timestamp() * 1000)
    query = sa.select(c.features).where(c.vehicle_id == vehicle_id, c.started_ms >= after_ms - LONGEST_TRIP_MS)
    places = [FEATURES.index(name) for name in RUN_OF]
    trips = (unpacked(packed) for packed in connection.execute(query.order_by(c.started_ms)).scalars())
    runs = (run_of(trip[places].tolist()) for trip in trips if trip is not None)
    return [run for run in runs if run is not None and run.ended_ms > after_ms]


def services_after(connection: sa.Connection, last_id: int) -> list[Service]:
    """Services with ids above ``last_id``, oldest first."""
    c = t.services.c
    rows = connection.execute(sa.select(t.services).where(c.id > last_id).order_by(c.id))
    return [
        Service(id=row.id, vehicle_id=row.vehicle_id, component=row.component, at_ms=int(row.at.timestamp() * 1000))
        for row in rows
    ]


def kinds_after(connection: sa.Connection, last_id: int) -> list[Kind]:
    """What vehicles were told to be with ids above ``last_id``, oldest first."""
    query = sa.select(t.vehicle_kinds).where(t.vehicle_kinds.c.id > last_id).order_by(t.vehicle_kinds.c.id)
    return [Kind(**row) for row in connection.execute(query).mappings()]


def measurements_after(connection: sa.Connection, last_id: int) -> list[Measurement]:
    """Measurements with ids above ``last_id``, oldest first."""
    query = sa.select(t.measurements).where(t.measurements.c.id > last_id).order_by(t.measurements.c.id)
    return [
        Measurement(
            id=row.id, vehicle_id=row.vehicle_id, name=row.name, at_ms=int(row.at.timestamp() * 1000), value=row.value
        )
        for row in connection.execute(query)
    ]


def add_code_events(connection: sa.Connection, events: Iterable[tuple[str, CodeEvent]]) -> None:
    """Keeps code events with the device that sent them; one that is known already changes nothing."""
    c = t.code_events.c
    for device_id, event in sorted(set(events)):
        values = {name: getattr(event, name) for name in CodeEvent.__dataclass_fields__}
        same = [c[name] == values[name] for name in ("vehicle_id", "time_ms", "ecu", "code", "state")]
        if connection.execute(t.code_events.update().where(*same).values(present=event.present)).rowcount == 0:
            connection.execute(t.code_events.insert().values(**values, device_id=device_id))


def code_events_of(connection: sa.Connection, vehicle_ids: Sequence[str]) -> list[CodeEvent]:
    """All code events of some vehicles."""
    columns = [t.code_events.c[name] for name in CodeEvent.__dataclass_fields__]
    query = sa.select(*columns).where(t.code_events.c.vehicle_id.in_(vehicle_ids))
    return [CodeEvent(**row) for row in connection.execute(query).mappings()]


def told_by_driving(connection: sa.Connection, vehicle_ids: Iterable[str]) -> set[str]:
    """Those of the vehicles that ever told of their lamp, or of a code that waits for drives to bear it out."""
    c = t.code_events.c
    waits = (c.state == LAMP) | c.code.in_(sorted(HEALS))
    query = sa.select(c.vehicle_id).where(c.vehicle_id.in_(list(vehicle_ids)), waits).distinct()
    return set(connection.execute(query).scalars())


def vehicle_ids(connection: sa.Connection, device_name: str | None = None) -> list[str]:
    """Vehicles of all devices, or of one.

    Raises:
        UnknownRowError: there is no device of that name.
    """
    query = sa.select(installations.c.vehicle_id).join(devices, devices.c.id == installations.c.device_id)
    if device_name is not None:
        query = query.where(devices.c.name == device_name)
    found = sorted(set(connection.execute(query).scalars()))
    if device_name is not None and not found:
        raise UnknownRowError("device", device_name)
    return found
