"""The console and the owner's page, added to the app: pages, static files, and errors as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.staticfiles import StaticFiles
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount

from api import problems
from api.console.forms import SEE_OTHER
from api.console.pages import appointments, attention, campaigns, entrance, owner, upkeep, vehicle
from api.console.rendering import address, folder, page, reader_of, said
from api.errors import CrossSiteError, NotSignedInError
from api.policy import V1

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_PROGRAMS = (V1, "/healthz", "/readyz")


def mount(app: FastAPI) -> None:
    """Adds the pages to the app, and shows errors on pages to people who look at pages."""
    for part in (entrance, attention, vehicle, upkeep, appointments, campaigns, owner):
        app.router.routes.extend(part.router.routes)
    app.router.routes.append(Mount("/static", StaticFiles(directory=folder("static")), name="static"))
    for kind in problems.KINDS:
        app.add_exception_handler(kind, _answer)


def _answer(request: Request, error: Exception) -> Response:
    if request.url.path.startswith(_PROGRAMS):
        return problems.document(request, error)
    if "HX-Request" in request.headers:
        return _of_part(request, error)
    return (
        _page(request, error) if "text/html" in request.headers.get("Accept", "") else problems.document(request, error)
    )


def _of_part(request: Request, error: Exception) -> Response:
    """Nothing is shown of a part that failed, so the whole page goes where the person can do something."""
    response = problems.document(request, error)
    if isinstance(error, NotSignedInError):
        response.headers["HX-Redirect"] = "/sign-in"
    elif isinstance(error, CrossSiteError):
        response.headers["HX-Refresh"] = "true"
    return response


def _page(request: Request, error: Exception) -> Response:
    if isinstance(error, NotSignedInError):
        wanted = quote(address(request))
        return RedirectResponse(f"/sign-in?next={wanted}", SEE_OTHER)
    reader = reader_of(request)
    found = said(error, reader)
    response = page(request, reader, "error.html", status=found.status, problem=found)
    response.headers.update(found.headers)
    return response
