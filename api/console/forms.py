"""What pages need of a request: its form with the token against other sites, its reader, and where to go next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request
from starlette.responses import RedirectResponse

from api.auth.scope import Role, Scope
from api.console import language as languages
from api.console.rendering import Reader
from api.dealers.repository import dealer as dealer_of
from api.vehicles import repository as vehicles
from api.web import FORM_FIELD, Database, Now, TheDesk, refuse_other_sites, signed_in

SEE_OTHER = 303


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a posted form; the token in it is kept for the check that follows.

    Raises:
        CrossSiteError: another site posted it, as the browser says; this guards signing in, which has no token yet.
    """
    if request.method != "POST":
        return {}
    refuse_other_sites(request)
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    request.state.form_token = fields.get(FORM_FIELD, "")
    return fields


Form = Annotated[Mapping[str, str], Depends(read_form)]


def page_reader(request: Request, form: Form, connection: Database, desk: TheDesk, moment: Now) -> Reader:
    """The signed-in person who reads the page, if their role may.

    Raises:
        NotSignedInError, CrossSiteError, NotAllowedError: as with the API; shown as pages.
    """
    del form
    person = signed_in(request, desk, moment)
    zone = _zone_of(connection, person) or desk.settings.dealer_time_zone
    reader = Reader(person=person, language=languages.of_request(request, person), time_zone=zone)
    request.state.reader = reader
    return reader


Reading = Annotated[Reader, Depends(page_reader)]


def _zone_of(connection: sa.Connection, person: Scope) -> str | None:
    """The time zone of one's own shop, or of the one that keeps one's car."""
    dealer_id = person.dealer_id
    if person.role is Role.OWNER:
        dealer_id = next((car.dealer_id for car in vehicles.list_vehicles(connection, person, limit=1)), None)
    return dealer_of(connection, dealer_id).opening.time_zone if dealer_id else None


def person_of(reader: Reader) -> Scope:
    """The person of a page that only signed-in people see."""
    if reader.person is None:
        raise TypeError("this page is for signed-in people")
    return reader.person


def back_to(request: Request, form: Mapping[str, str], default: str) -> RedirectResponse:
    """To the page that a form came from; never to another site."""
    wanted = form.get("next", "")
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    del request
    return RedirectResponse(wanted if safe else default, SEE_OTHER)
