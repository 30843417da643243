"""What goes out about reminders."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ReminderOut(BaseModel):
    """A message to an owner about an appointment or about advice; ``level`` is the severity that it tells of."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    vehicle_id: str
    appointment_id: str | None
    suggestion_id: str | None
    component: str
    level: str
    kind: str
    due_at: datetime
    state: str
    tries: int
    sent_at: datetime | None
    subject: str | None
    body: str | None
    problem: str | None
