"""The console and the owner's page, added to the app: pages, static files, and errors as pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount

from api.console import language as languages
from api.console.forms import SEE_OTHER
from api.console.pages import appointments, attention, entrance, owner, vehicle
from api.console.rendering import Reader, folder, page
from api.errors import DeskError, NotSignedInError
from api.policy import V1

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastapi import FastAPI, Request

_PROGRAMS = (V1, "/healthz", "/readyz")


def mount(app: FastAPI) -> None:
    """Adds the pages to the app, and shows errors on pages to people who look at pages."""
    for part in (entrance, attention, vehicle, appointments, owner):
        app.router.routes.extend(part.router.routes)
    app.router.routes.append(Mount("/static", StaticFiles(directory=folder("static")), name="static"))
    _wrap(app, DeskError, _of_desk_error)
    _wrap(app, HTTPException, _of_http_error)


def _wrap(app: FastAPI, kind: type[Exception], show: Callable[[Request, Any], Response]) -> None:
    answer: Any = app.exception_handlers[kind]

    def choose(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(_PROGRAMS) or "text/html" not in request.headers.get("Accept", ""):
            response: Response = answer(request, error)
            return response
        return show(request, error)

    app.add_exception_handler(kind, choose)


def _of_desk_error(request: Request, error: DeskError) -> Response:
    if isinstance(error, NotSignedInError):
        wanted = quote(str(request.url.path)) if request.method == "GET" else "/"
        return RedirectResponse(f"/sign-in?next={wanted}", SEE_OTHER)
    return _page(request, error.status, error.title, str(error))


def _of_http_error(request: Request, error: HTTPException) -> Response:
    return _page(request, error.status_code, HTTPStatus(error.status_code).phrase, "")


def _page(request: Request, status: int, title: str, detail: str) -> Response:
    reader = Reader(person=None, language=languages.of_request(request, None))
    return page(request, reader, "error.html", status=status, code=status, title=title, detail=detail)
