"""The owner's page: how my car is, what is proposed, and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.auth.scope import Role
from api.console import overview
from api.console.forms import SEE_OTHER, Form, Reading, person_of
from api.console.pages.entrance import home_of
from api.console.rendering import page
from api.console.words import COLOURS
from api.reminders import repository as reminders
from api.routes import WholeRoute
from api.vehicles import clearing, positions
from api.vehicles import repository as vehicles
from api.web import Database, Now

router = APIRouter(include_in_schema=False, route_class=WholeRoute)


@router.get("/me")
def my_page(request: Request, reader: Reading, connection: Database, moment: Now) -> Response:
    """All cars of an owner, those that need something first; a shop's people are led to their own first page."""
    person = person_of(reader)
    if person.role is not Role.OWNER:
        return RedirectResponse(home_of(person), SEE_OTHER)
    pictures = [overview.picture(connection, person, car.id) for car in vehicles.list_vehicles(connection, person)]
    pictures.sort(key=lambda one: (_rank(one.worst), one.vehicle.label))
    sent = [one for one in reminders.list_reminders(connection, person, limit=20) if one.state == reminders.SENT]
    return page(
        request, reader, "owner.html", pictures=pictures, sent=sent, now=moment, colours=COLOURS,
        located=positions.allowed(connection, person), clearable=clearing.allowed(connection, person, moment),
    )  # fmt: skip


@router.post("/vehicles/{vehicle_id}/positions")
def positions_of_my_car(vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """The owner allows positions to be collected, or does not any more."""
    positions.allow(connection, person_of(reader), vehicle_id, moment, yes=form.get("allow") == "yes")
    return RedirectResponse("/me", SEE_OTHER)


@router.post("/vehicles/{vehicle_id}/clearing")
def clearing_of_my_car(vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """The owner allows trouble codes to be cleared, once and for a day, or does not any more."""
    clearing.allow(connection, person_of(reader), vehicle_id, moment, yes=form.get("allow") == "yes")
    return RedirectResponse("/me", SEE_OTHER)


def _rank(worst: str | None) -> int:
    order = list(COLOURS)
    return order.index(worst) if worst in order else len(order)
