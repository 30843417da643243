"""What goes out about reminders."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ReminderOut(BaseModel):
    """A message to an owner about an appointment."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    appointment_id: str
    kind: str
    due_at: datetime
    state: str
    tries: int
    sent_at: datetime | None
    subject: str | None
    body: str | None
    problem: str | None
