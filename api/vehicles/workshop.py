"""What a workshop tells diagnosis of a vehicle: what it measured, and what kind of car it is."""

from __future__ import annotations

from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING

from api import audit
from api.errors import InvalidRequestError
from api.vehicles import repository
from diagnostics import repository as diagnosis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from api.auth.scope import Scope

MOST: Mapping[str, float] = MappingProxyType(
    {
        "pad_front_mm": 30.0, "pad_rear_mm": 30.0, "tread_mm": 20.0, "oil_life_percent": 100.0,
        "battery_state_percent": 100.0, "battery_12v_percent": 120.0,
    }
)  # fmt: skip
"""What can be measured, and the most that makes sense, in the unit of the name (our choice: twice a new truck's pad and
tread, the whole of a percentage, and a fifth more of a new battery's); the least is 0."""


def measure(
    connection: sa.Connection, scope: Scope, vehicle_id: str, *, name: str, value: float, at: datetime, now: datetime
) -> None:
    """Keeps what was measured at a time, which anchors wear and remaining life from then on.

    Raises:
        NotFoundError: not this person's vehicle.
        InvalidRequestError: a measurement that nobody asks for, a value that cannot be, or a time to come.
    """
    repository.vehicle(connection, scope, vehicle_id)
    if name not in MOST:
        raise InvalidRequestError("choose what was measured")
    if not isfinite(value) or not 0.0 <= value <= MOST[name]:
        raise InvalidRequestError("the value must be a number from 0 to {most}", most=f"{MOST[name]:g}")
    if at > now:
        raise InvalidRequestError("the time of the measurement is still to come")
    diagnosis.record_measurement(connection, vehicle_id, name, value, at, by=scope.name)
    audit.record(connection, who=scope.name, action="measure", what=vehicle_id, now=now, name=name, value=str(value))


def note_kind(connection: sa.Connection, vehicle_id: str, changes: Mapping[str, str | None]) -> None:
    """Tells diagnosis the model or the powertrain where ``changes`` has one; the other stays as it was told."""
    if not changes.keys() & {"model", "powertrain"}:
        return
    platform, powertrain = diagnosis.kind_of(connection, vehicle_id)
    diagnosis.record_kind(
        connection,
        vehicle_id,
        platform=(changes.get("model") or "")[:64] if "model" in changes else platform,
        powertrain=(changes.get("powertrain") or "") if "powertrain" in changes else powertrain,
    )
