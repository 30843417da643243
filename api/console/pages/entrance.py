"""Signing in and out, the first page, and the language."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import repository as people
from api.auth import service as auth
from api.auth.endpoints import set_cookie
from api.auth.scope import Role, Scope
from api.auth.service import LANGUAGES
from api.console import language as languages
from api.console.forms import SEE_OTHER, Form, Reading, back_to, read_form
from api.console.rendering import Reader, page, said
from api.errors import DeskError, NotSignedInError
from api.routes import WholeRoute
from api.web import COOKIE, Database, Now, TheDesk
from ingest.storage.database import reading

router = APIRouter(include_in_schema=False, route_class=WholeRoute)
YEAR_S = 365 * 24 * 3600


def visitor(request: Request, desk: TheDesk, moment: Now) -> Scope | None:
    """Who is signed in, or None."""
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    try:
        with reading(desk.engine) as connection:
            return auth.by_session(connection, secret, now=moment)
    except NotSignedInError:
        return None


Visitor = Annotated[Scope | None, Depends(visitor)]


def home_of(person: Scope) -> str:
    """The first page of a role."""
    return "/me" if person.role is Role.OWNER else "/attention"


@router.get("/")
def first_page(person: Visitor) -> Response:
    """To the page of one's role, or to sign in."""
    return RedirectResponse(home_of(person) if person else "/sign-in", SEE_OTHER)


@router.get("/sign-in")
def sign_in_page(request: Request, person: Visitor) -> Response:
    """The form to sign in with."""
    if person is not None:
        return RedirectResponse(home_of(person), SEE_OTHER)
    return _form(request, {"next": request.query_params.get("next", "")})


@router.post("/sign-in")
def sign_in(request: Request, form: Form, desk: TheDesk, moment: Now) -> Response:
    """Signs in; on failure the form comes back with the reason, and the same reason whoever it was."""
    name, password = form.get("name", ""), form.get("password", "")
    address = request.client.host if request.client else ""
    try:
        idle_s = desk.settings.session_idle_s
        with desk.throttle.trying(account=name, address=address, now_s=time.monotonic()):
            made = auth.sign_in(desk.engine, name=name, password=password, now=moment, idle_s=idle_s)
    except DeskError as error:
        return _form(request, form, error)
    response = back_to(request, form, home_of(made.scope))
    set_cookie(response, desk, made.secret)
    return response


@router.post("/sign-out")
def sign_out(request: Request, reader: Reading, connection: Database) -> Response:
    """Signs out."""
    del reader
    auth.sign_out(connection, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response


@router.post("/language", dependencies=[Depends(read_form)])
def choose_language(request: Request, form: Form, person: Visitor, desk: TheDesk) -> Response:
    """Keeps the chosen language in a cookie, and with the person where one is signed in."""
    chosen = form.get("language", "")
    response = back_to(request, form, "/")
    if chosen in LANGUAGES:
        response.set_cookie(
            languages.COOKIE, chosen, max_age=YEAR_S, samesite="lax", httponly=True, secure=desk.settings.over_tls
        )
        if person is not None and form.get("form_token") == person.form_token:
            with desk.engine.begin() as connection:
                people.set_language(connection, person.user_id, chosen)
    return response


def _form(request: Request, typed: Mapping[str, str], error: DeskError | None = None) -> HTMLResponse:
    reader = Reader(person=None, language=languages.of_request(request, None))
    problem = said(error, reader) if error else None
    wanted = typed.get("next", "")
    return page(
        request, reader, "sign_in.html", status=problem.status if problem else 200, problem=problem,
        name=typed.get("name", ""), wanted=wanted, here="/sign-in" + (f"?next={quote(wanted)}" if wanted else ""),
    )  # fmt: skip
