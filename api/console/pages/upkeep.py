"""Maintenance by the booklet on a car's page: a piece that is loaded after it, and a job that was done."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console.forms import SEE_OTHER, Form, Reading, person_of
from api.console.rendering import page
from api.errors import InvalidRequestError
from api.routes import WholeRoute
from api.vehicles import upkeep
from api.web import Database, Now

router = APIRouter(include_in_schema=False, route_class=WholeRoute)


@router.get("/vehicles/{vehicle_id}/maintenance")
def maintenance(request: Request, vehicle_id: str, reader: Reading, connection: Database) -> HTMLResponse:
    """What the booklet asks for and when, as a piece of the page."""
    found = upkeep.upkeep_of(connection, person_of(reader), vehicle_id)
    return page(request, reader, "_maintenance.html", found=found, vehicle_id=vehicle_id)


@router.post("/vehicles/{vehicle_id}/maintenance")
def done(vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """Keeps that a job was done, today or on the day that was chosen."""
    at = _noon(form.get("day", ""), reader.time_zone, moment)
    upkeep.note_done(connection, person_of(reader), vehicle_id, item=form.get("item", ""), at=at, now=moment)
    return RedirectResponse(f"/vehicles/{vehicle_id}#maintenance", SEE_OTHER)


def _noon(day: str, time_zone: str, now: datetime) -> datetime:
    """Noon of a local day, now at the latest where it is today; now where none was chosen."""
    if not day:
        return now
    try:
        chosen = date.fromisoformat(day)
    except ValueError as error:
        raise InvalidRequestError("{text!r} is not a day", text=day) from error
    local = datetime.combine(chosen, time(12), ZoneInfo(time_zone))
    return min(local, now) if chosen == now.astimezone(ZoneInfo(time_zone)).date() else local
