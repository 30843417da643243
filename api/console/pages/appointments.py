"""A day's appointments by bay, and what people do with them; owners and advisors use the same moves."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from api.appointments import repository, service
from api.appointments.states import OPEN, State
from api.auth.scope import Role
from api.console import overview
from api.console.forms import Form, Reading, back_to, person_of
from api.console.rendering import Reader, page, said
from api.console.words import COLOURS
from api.errors import DeskError, InvalidRequestError, OutsideHoursError, SlotTakenError
from api.routes import WholeRoute
from api.times import is_usable
from api.web import Database, Now

router = APIRouter(include_in_schema=False, route_class=WholeRoute)
SHOWN = OPEN | {State.DONE}
NO_SUCH_TIME = (InvalidRequestError, OutsideHoursError, SlotTakenError)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
"""Days that the page can be turned to; further ones cannot be told in every time zone."""


@router.get("/appointments")
def appointments_page(
    request: Request,
    reader: Reading,
    connection: Database,
    moment: Now,
    day: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)] = None,
) -> HTMLResponse:
    """One day by bay, and proposals that wait for an answer."""
    person = person_of(reader)
    chosen = day or moment.astimezone(ZoneInfo(reader.time_zone)).date()
    start, end = overview.day_span(chosen, reader.time_zone)
    found = repository.list_appointments(connection, person, start=start, end=end, states=SHOWN)
    waiting = repository.list_appointments(connection, person, start=moment, states=[State.PROPOSED], limit=50)
    return page(
        request, reader, "appointments.html", today=overview.promises(connection, person, found),
        waiting=overview.promises(connection, person, waiting), chosen=start, before=chosen - timedelta(days=1),
        after=chosen + timedelta(days=1), colours=COLOURS,
    )  # fmt: skip


@router.get("/appointments/{appointment_id}/times")
def times_page(
    request: Request, appointment_id: str, reader: Reading, connection: Database, moment: Now
) -> HTMLResponse:
    """Free times to choose from."""
    return _times(request, reader, connection, appointment_id, moment)


@router.post("/appointments/{appointment_id}/accept")
def accept(
    request: Request, appointment_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Accepts the proposed time, or the alternative that the form names."""
    try:
        start = _moment(form["start"]) if form.get("start") else None
        with connection.begin_nested():
            service.accept(connection, person_of(reader), appointment_id, start=start, now=moment)
    except NO_SUCH_TIME as error:
        return _times(request, reader, connection, appointment_id, moment, error)
    return back_to(request, form, _home(reader))


@router.post("/appointments/{appointment_id}/move")
def move(
    request: Request, appointment_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Moves it to the time that the form names."""
    try:
        start = _moment(form.get("start", ""))
        with connection.begin_nested():
            service.move(connection, person_of(reader), appointment_id, start=start, now=moment)
    except NO_SUCH_TIME as error:
        return _times(request, reader, connection, appointment_id, moment, error)
    return back_to(request, form, _home(reader))


@router.post("/appointments/{appointment_id}/decline")
def decline(
    request: Request, appointment_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Declines a proposal."""
    service.decline(connection, person_of(reader), appointment_id, now=moment)
    return back_to(request, form, _home(reader))


@router.post("/appointments/{appointment_id}/cancel")
def cancel(
    request: Request, appointment_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Cancels an agreed appointment."""
    service.cancel(connection, person_of(reader), appointment_id, now=moment)
    return back_to(request, form, _home(reader))


@router.post("/appointments/{appointment_id}/finish")
def finish(
    request: Request, appointment_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Notes that the work was done."""
    service.finish(connection, person_of(reader), appointment_id, now=moment)
    return back_to(request, form, _home(reader))


@router.post("/suggestions/{suggestion_id}/propose")
def propose(
    request: Request, suggestion_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Proposes a time for advice that led to none by itself."""
    made = service.advice_for(connection, person_of(reader), suggestion_id, now=moment)
    return back_to(request, form, f"/vehicles/{made.vehicle_id}")


def _times(
    request: Request,
    reader: Reader,
    connection: sa.Connection,
    appointment_id: str,
    moment: datetime,
    error: DeskError | None = None,
) -> HTMLResponse:
    """Free times to choose from, and why the one that was chosen cannot be had."""
    person = person_of(reader)
    found = repository.appointment(connection, person, appointment_id)
    (promise,) = overview.promises(connection, person, [found])
    offers = service.free_times(connection, person, appointment_id, now=moment)
    problem = said(error, reader) if error else None
    return page(
        request, reader, "times.html", status=problem.status if problem else 200, problem=problem, promise=promise,
        offers=offers, home=_home(reader), here=f"/appointments/{appointment_id}/times",
    )  # fmt: skip


def _home(reader: Reader) -> str:
    return "/me" if person_of(reader).role is Role.OWNER else "/appointments"


def _moment(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError("{text!r} is not a time", text=text) from error
    if read.tzinfo is None:
        raise InvalidRequestError("{text!r} names no time zone", text=text)
    if not is_usable(read):
        raise InvalidRequestError("{text!r} is not a time", text=text)
    return read
