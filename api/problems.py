"""Errors in the words of who reads them, and as RFC 9457 problem documents; pages show the same words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.console.language import LOCALES, of_request, translate
from api.errors import DeskError, FaultyCampaignError, NotFoundError, TooManyTriesError
from diagnostics.errors import UnknownRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi import FastAPI, Request

    from api.auth.scope import Scope
    from vehicle.errors import CampaignError, ConditionError

BASE = "https://roadworthy.example/problems/"
"""Problem types are names; docs/reference/problems.md explains each."""
MEDIA_TYPE = "application/problem+json"
KINDS = (DeskError, UnknownRowError, RequestValidationError, HTTPException, Exception)
"""Everything that is answered with a problem, the last of them as a fault of ours."""

MISFITS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "this is needed",
        "json_invalid": "this is not JSON",
        "model_attributes_type": "an object with named fields is needed",
        "string_type": "text is needed",
        "string_too_short": "at least {min_length} characters are needed",
        "string_too_long": "at most {max_length} characters are taken",
        "int_parsing": "a whole number is needed",
        "greater_than_equal": "at least {ge} is needed",
        "less_than_equal": "at most {le} is taken",
        "enum": "one of these is needed: {expected}",
        "timezone_aware": "a time is needed with its zone, such as 2026-03-02T09:00:00+08:00",
        "datetime_from_date_parsing": "a time is needed, such as 2026-03-02T09:00:00+08:00",
        "date_from_datetime_parsing": "a day is needed, such as 2026-03-02",
    }
)
"""What does not fit in a request, by pydantic's name for it; others are told in pydantic's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as it is told: title and detail in the reader's language."""

    status: int
    name: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    places: Sequence[Mapping[str, str]] = ()


def told(error: Exception, language: str, time: Callable[[datetime], str] = datetime.isoformat) -> Problem:
    """An error in ``language``, its times as ``time`` writes them."""
    if isinstance(error, UnknownRowError):
        error = NotFoundError(error.what, error.identity)
    if isinstance(error, DeskError):
        title, detail = translate(language, error.title), _sentence(error, language, time)
        places = _faults(error, language) if isinstance(error, FaultyCampaignError) else ()
        return Problem(
            status=error.status, name=error.name, title=title, detail=detail, headers=_headers(error), places=places
        )
    if isinstance(error, RequestValidationError):
        return _misfit(error, language)
    if isinstance(error, HTTPException):
        return _of_framework(error, language)
    # The server logs it with its traceback; people are told nothing of our insides.
    title, detail = (
        translate(language, text) for text in ("Internal error", "something of ours failed; it was logged")
    )
    return Problem(status=500, name="internal-server-error", title=title, detail=detail)


def install(app: FastAPI) -> None:
    """Answers every error of the API with a problem document."""
    for kind in KINDS:
        app.add_exception_handler(kind, document)


def document(request: Request, error: Exception) -> JSONResponse:
    """The problem document of an error, in the language that the request asks for."""
    language = of_request(request, None)
    problem = told(error, language)
    body: dict[str, Any] = {"type": BASE + problem.name, "title": problem.title, "status": problem.status}
    body["detail"] = problem.detail
    if problem.places:
        body["errors"] = list(problem.places)
    headers = {**problem.headers, "Content-Language": LOCALES[language].language}
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _sentence(error: DeskError, language: str, time: Callable[[datetime], str]) -> str:
    def said(name: str, value: object) -> object:
        if isinstance(value, datetime):
            return time(value)
        return translate(language, str(value)) if name in error.words else value

    values = {name: said(name, value) for name, value in error.values.items()}
    return translate(language, error.sentence).format(**values)


def _faults(error: FaultyCampaignError, language: str) -> list[dict[str, str]]:
    return [{"place": one.place, "problem": said_of_campaign(one, language)} for one in error.faults]


def said_of_campaign(fault: CampaignError, language: str) -> str:
    """What is wrong with a field of a campaign, and where in its text."""
    sentence = translate(language, fault.sentence).format(**fault.values)
    if fault.column is None:
        return sentence
    return translate(language, "column {column}: {sentence}").format(column=fault.column, sentence=sentence)


def said_of_condition(error: ConditionError, request: Request, person: Scope) -> str:
    """What is wrong with a condition, in the language of who asks."""
    return translate(of_request(request, person), error.sentence).format(**error.values)


def _headers(error: DeskError) -> dict[str, str]:
    if isinstance(error, TooManyTriesError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}


def _misfit(error: RequestValidationError, language: str) -> Problem:
    title, detail = translate(language, "Invalid value"), translate(language, "the request does not fit")
    places = [
        {"place": ".".join(map(str, one["loc"])), "problem": _what_is_needed(one, language)} for one in error.errors()
    ]
    return Problem(status=422, name="invalid-request", title=title, detail=detail, places=places)


def _what_is_needed(one: Mapping[str, Any], language: str) -> str:
    sentence = MISFITS.get(one["type"])
    if sentence is None:
        return str(one["msg"])
    values = {name: str(value).replace(" or ", ", ") for name, value in one.get("ctx", {}).items()}
    return translate(language, sentence).format(**values)


def _of_framework(error: HTTPException, language: str) -> Problem:
    status = HTTPStatus(error.status_code)
    name = status.name.lower().replace("_", "-")
    title, detail = translate(language, status.phrase), translate(language, str(error.detail))
    return Problem(status=status, name=name, title=title, detail=detail, headers=error.headers or {})
