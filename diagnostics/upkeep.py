"""Maintenance by the booklet of one vehicle: what was done, and what comes due when; all SQL on that is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from diagnostics import repository
from diagnostics import tables as t
from diagnostics.errors import UnknownRowError
from diagnostics.features.trips import FEATURES
from diagnostics.maintenance_table import booklet
from diagnostics.memory import unpacked
from diagnostics.suggestions.schedule import Due, Use, due

if TYPE_CHECKING:
    from datetime import datetime

    from diagnostics.arrays import Floats
    from diagnostics.maintenance_table import Item

COLUMNS = ("started_ms", "ended_ms", "km", "running_s", "moving_s", "revolutions", "ambient_c", "coolant_first",
           "soak_s")  # fmt: skip
MOST_TRIPS = 20_000
"""Of a vehicle, the newest (our choice: ten years of daily driving)."""


def record_done(connection: sa.Connection, vehicle_id: str, item: str, at: datetime, *, by: str) -> None:
    """Keeps that a job was done; what diagnosis learned of its component begins anew.

    Raises:
        UnknownRowError: the booklet has no such job.
    """
    if item not in booklet():
        raise UnknownRowError("job of the booklet", item)
    values = {"vehicle_id": vehicle_id, "item": item, "at": at, "recorded_by": by}
    connection.execute(t.maintenance.insert().values(**values))
    component = booklet()[item].component
    if component is not None:
        repository.record_service(connection, vehicle_id, component, at)


def upkeep_of(connection: sa.Connection, vehicle_id: str) -> list[Due]:
    """The booklet's jobs of a vehicle, what is due first first; nothing before its first trip."""
    use = _use(connection, vehicle_id)
    last = _last_done(connection, vehicle_id)
    _, powertrain = repository.kind_of(connection, vehicle_id)
    kind = powertrain or ("petrol" if np.nansum(use.revolutions) > 0.0 else "electric")
    found = [due(item, use, last.get(item.key)) for item in booklet().values() if _fits(item, kind)]
    return sorted(filter(None, found), key=_soonest)


def _soonest(one: Due) -> tuple[bool, float, str]:
    by_time = one.item.days - one.days
    return one.left_days is None, by_time if one.left_days is None else one.left_days[1], one.item.key


def _fits(item: Item, powertrain: str) -> bool:
    return not item.powertrains or powertrain in item.powertrains


def _last_done(connection: sa.Connection, vehicle_id: str) -> dict[str, float]:
    """When each job was last done, in epoch milliseconds: told as such, or as a service of its component."""
    m, s = t.maintenance.c, t.services.c
    done = {row.item: row.at for row in connection.execute(
        sa.select(m.item, m.at).where(m.vehicle_id == vehicle_id).order_by(m.at))}  # fmt: skip
    served = {row.component: row.at for row in connection.execute(
        sa.select(s.component, s.at).where(s.vehicle_id == vehicle_id).order_by(s.at))}  # fmt: skip
    for item in booklet().values():
        also = served.get(str(item.component)) if item.component is not None else None
        if also is not None and (item.key not in done or also > done[item.key]):
            done[item.key] = also
    return {key: at.timestamp() * 1000.0 for key, at in done.items()}


def _use(connection: sa.Connection, vehicle_id: str) -> Use:
    """The vehicle's trips; those that an earlier version kept in another form are left out."""
    c = t.trips.c
    query = sa.select(c.features).where(c.vehicle_id == vehicle_id).order_by(c.started_ms.desc()).limit(MOST_TRIPS)
    places = [FEATURES.index(name) for name in COLUMNS]
    kept = [unpacked(packed) for packed in connection.execute(query).scalars()]
    rows = [trip[places] for trip in kept if trip is not None]
    table: Floats = np.array(rows[::-1]).reshape(len(rows), len(COLUMNS))
    named = dict(zip(COLUMNS, table.T, strict=True))
    named["coolant_first_c"] = named.pop("coolant_first")
    return Use(**named)
