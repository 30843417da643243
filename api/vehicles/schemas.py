"""What goes in and out about vehicles."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.times import Moment

Text = dict[str, str]


class VehicleOut(BaseModel):
    """A vehicle."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    dealer_id: str
    owner_id: str | None
    vin: str | None
    plate: str | None
    model: str | None
    created_at: datetime


class VehicleDetail(VehicleOut):
    """A vehicle with its devices."""

    devices: list[DeviceOut]
    tags: list[str]
    powertrain: str = Field("", description="Empty where nobody told.")


class DeviceOut(BaseModel):
    """A device that is installed in a vehicle."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    online: bool
    seen_at: datetime | None
    revoked_at: datetime | None
    listen_only: bool = Field(description="It sends nothing to the car, as it last said.")


class VehicleChange(BaseModel):
    """What shall change; a field that is left out stays."""

    model_config = ConfigDict(extra="forbid")

    plate: str | None = Field(None, max_length=32)
    model: str | None = Field(None, max_length=128)
    vin: str | None = Field(None, max_length=17)
    powertrain: Literal["petrol", "petrol_turbo", "diesel", "hybrid", "electric", "van"] | None = Field(
        None, description="Diagnosis takes the parameters of its kind."
    )
    owner_id: str | None = None
    dealer_id: str | None = None
    tags: list[str] | None = Field(None, max_length=20, description="All tags that it shall have, and no others.")


class HealthOut(BaseModel):
    """Health of a component, 1 is as new; remaining days as low, median and high of a 90 % interval."""

    component: str
    health: float
    rul_days: tuple[float, float, float] | None
    updated_at: datetime
    basis: Text


class MaintenanceIn(BaseModel):
    """A job of the booklet that was done."""

    item: str = Field(max_length=32)
    at: Moment | None = Field(None, description="When; now where it is left out.")


class MaintenanceOut(BaseModel):
    """A job of the booklet: when it is due by this car's own use, and why.

    ``due_at`` with ``due_from`` and ``due_until``, between which it lies with 90 %, None where too few days were seen.
    ``km`` driven since, and ``extra_km`` that hard use adds. ``standing``: overdue, soon or later.
    """

    item: str
    title: Text
    standing: str
    done_at: datetime | None
    due_at: datetime | None
    due_from: datetime | None
    due_until: datetime | None
    km: float
    extra_km: float
    km_a_day: float | None
    interval_km: float | None
    interval_days: float
    reason: Text


class MeasurementIn(BaseModel):
    """What a workshop measured; the unit is in the name."""

    name: Literal[
        "pad_front_mm", "pad_rear_mm", "tread_mm", "oil_life_percent", "battery_state_percent", "battery_12v_percent"
    ]  # fmt: skip
    value: float
    at: Moment | None = Field(None, description="When; now where it is left out.")


class MeasurementOut(BaseModel):
    """What a workshop measured, when, and who entered it."""

    name: str
    value: float
    at: datetime
    recorded_by: str


class CodeOut(BaseModel):
    """A trouble code that is there now, explained."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    ecu: str
    state: str
    since: datetime
    title: Text
    meaning: Text
    causes: dict[str, list[str]]
    check_first: Text


class SeriesOut(BaseModel):
    """Samples of a signal: epoch milliseconds and value."""

    model_config = ConfigDict(from_attributes=True)

    path: str
    unit: str
    label: Text
    points: list[tuple[int, float]]


class FindingOut(BaseModel):
    """What a detector noticed, with its evidence."""

    id: str
    vehicle_id: str
    detector: str
    component: str
    severity: str
    confidence: float
    since: datetime
    found_at: datetime
    cleared_at: datetime | None
    title: Text
    text: Text
    evidence: dict[str, Any]


class CommandIn(BaseModel):
    """What to ask.

    Of the car: read_dtcs, read_vin, read_freeze_frame, read_readiness, read_monitors, read_units, read_signals, and,
    where the owner allows it, clear_dtcs; of the device: listen_only_on, listen_only_off. ``signals`` are for
    read_signals, by VSS path.
    """

    name: str = Field(max_length=64)
    signals: list[Annotated[str, Field(max_length=150)]] = Field(default=[], max_length=20)


class CommandOut(BaseModel):
    """How far a request to a car has come."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: str
    result: dict[str, Any]
    reason: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    answered_at: datetime | None
