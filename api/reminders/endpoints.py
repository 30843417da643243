"""Messages to owners."""

from __future__ import annotations

from fastapi import APIRouter

from api.policy import V1
from api.reminders import repository
from api.reminders.schemas import ReminderOut
from api.routes import WholeRoute
from api.web import Database, Person

router = APIRouter(prefix=f"{V1}/reminders", tags=["reminders"], route_class=WholeRoute)


@router.get("")
def list_reminders(connection: Database, person: Person, vehicle_id: str | None = None) -> list[ReminderOut]:
    """Messages about vehicles that one may see, newest first; an owner gets those to themselves."""
    rows = repository.list_reminders(connection, person, vehicle_id=vehicle_id)
    return [ReminderOut.model_validate(row) for row in rows]
