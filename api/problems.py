"""Errors as RFC 9457 problem documents; pages get them through the console's own handlers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.errors import DeskError, NotFoundError, TooManyTriesError
from diagnostics.errors import DiagnosticsError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

BASE = "https://roadworthy.example/problems/"
"""Problem types are names; docs/reference/problems.md explains each."""
MEDIA_TYPE = "application/problem+json"


def document(status: int, name: str, title: str, detail: str, **more: Any) -> JSONResponse:
    """A problem document with its status."""
    body = {"type": BASE + name, "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def of_error(error: DeskError) -> JSONResponse:
    """The document of one of our errors."""
    response = document(error.status, error.name, error.title, str(error))
    if isinstance(error, TooManyTriesError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def install(app: FastAPI) -> None:
    """Answers every error of the API with a problem document."""

    @app.exception_handler(DeskError)
    def _ours(_: Request, error: DeskError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(DiagnosticsError)
    def _diagnosis(_: Request, error: DiagnosticsError) -> JSONResponse:
        del error
        return of_error(NotFoundError("object", "asked for"))

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        places = [{"place": ".".join(map(str, one["loc"])), "problem": one["msg"]} for one in error.errors()]
        return document(422, "invalid-request", "Invalid value", "the request does not fit", errors=places)

    @app.exception_handler(Exception)
    def _fault(_: Request, error: Exception) -> JSONResponse:
        # The server logs it with its traceback; people are told nothing of our insides.
        del error
        return document(500, "internal-server-error", "Internal error", "something of ours failed; it was logged")

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        response = document(status, status.name.lower().replace("_", "-"), status.phrase, str(error.detail))
        response.headers.update(error.headers or {})
        return response
