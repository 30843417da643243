"""What goes in and out about appointments."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from api.times import Moment


class AppointmentOut(BaseModel):
    """A time for a vehicle at a shop."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    vehicle_id: str
    dealer_id: str
    suggestion_id: str | None
    component: str
    job: str
    severity: str
    state: str
    bay: int
    start: datetime
    minutes: int
    alternatives: list[datetime]
    changed_at: datetime
    changed_by: str


class NewAppointment(BaseModel):
    """For which suggestion a time shall be proposed."""

    suggestion_id: str


class Acceptance(BaseModel):
    """Which of the offered times is accepted; the proposed one where none is named."""

    start: Moment | None = None


class Moving(BaseModel):
    """The new time."""

    start: Moment


class OfferOut(BaseModel):
    """A free time."""

    model_config = ConfigDict(from_attributes=True)

    start: datetime
    bay: int
