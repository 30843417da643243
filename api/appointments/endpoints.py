"""Appointments: proposed, accepted, moved, declined, cancelled, done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.appointments import calendar, repository, service
from api.appointments.schemas import Acceptance, AppointmentOut, Moving, NewAppointment, OfferOut
from api.appointments.states import State
from api.dealers.repository import dealer as dealer_of
from api.pagination import Page, Paging
from api.policy import V1
from api.routes import IdempotentRoute
from api.suggestions.service import suggestion as suggestion_of
from api.times import Moment
from api.web import Database, Now, Person

router = APIRouter(prefix=f"{V1}/appointments", tags=["appointments"], route_class=IdempotentRoute)


@router.get("")
def list_appointments(
    connection: Database,
    person: Person,
    paging: Paging,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
    state: Annotated[list[State] | None, Query()] = None,
    vehicle_id: str | None = None,
) -> Page[AppointmentOut]:
    """Appointments that one may see, soonest first."""
    rows = repository.list_appointments(
        connection, person, start=start, end=end, states=state, vehicle_id=vehicle_id, after=paging.after,
        limit=paging.limit + 1,
    )  # fmt: skip
    return paging.page(rows, lambda row: (row.start, row.id), AppointmentOut.model_validate)


@router.post("", status_code=201)
def propose(body: NewAppointment, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Propose a time for a suggestion."""
    return AppointmentOut.model_validate(service.advice_for(connection, person, body.suggestion_id, now=moment))


@router.get("/{appointment_id}")
def get_appointment(appointment_id: str, connection: Database, person: Person) -> AppointmentOut:
    """One appointment."""
    return AppointmentOut.model_validate(repository.appointment(connection, person, appointment_id))


@router.get("/{appointment_id}/free-times")
def free_times(appointment_id: str, connection: Database, person: Person, moment: Now) -> list[OfferOut]:
    """Free times of the shop for this job."""
    offers = service.free_times(connection, person, appointment_id, now=moment)
    return [OfferOut.model_validate(one) for one in offers]


@router.get("/{appointment_id}/calendar.ics", response_class=Response)
def get_calendar(appointment_id: str, connection: Database, person: Person) -> Response:
    """The appointment for one's own calendar."""
    found = repository.appointment(connection, person, appointment_id)
    shop = dealer_of(connection, found.dealer_id).name.get(person.language, "")
    title = found.job.replace("_", " ")
    if found.suggestion_id is not None:
        title = suggestion_of(connection, person, found.suggestion_id).title.get(person.language, title)
    return Response(calendar.render(found, summary=title, place=shop), media_type="text/calendar; charset=utf-8")


@router.post("/{appointment_id}/acceptance")
def accept(appointment_id: str, body: Acceptance, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Accept the proposed time or one of the alternatives."""
    return AppointmentOut.model_validate(
        service.accept(connection, person, appointment_id, start=body.start, now=moment)
    )


@router.post("/{appointment_id}/move")
def move(appointment_id: str, body: Moving, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Move it to another free time."""
    return AppointmentOut.model_validate(service.move(connection, person, appointment_id, start=body.start, now=moment))


@router.post("/{appointment_id}/decline")
def decline(appointment_id: str, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Decline a proposal."""
    return AppointmentOut.model_validate(service.decline(connection, person, appointment_id, now=moment))


@router.post("/{appointment_id}/cancellation")
def cancel(appointment_id: str, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Cancel an agreed appointment."""
    return AppointmentOut.model_validate(service.cancel(connection, person, appointment_id, now=moment))


@router.post("/{appointment_id}/completion")
def finish(appointment_id: str, connection: Database, person: Person, moment: Now) -> AppointmentOut:
    """Note that the work was done."""
    return AppointmentOut.model_validate(service.finish(connection, person, appointment_id, now=moment))
