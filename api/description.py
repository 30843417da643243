"""What the OpenAPI document says beyond what the framework knows: refusals, signing in, headers, media types."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from api.auth.scope import EVERYONE
from api.idempotency import MAX_KEY
from api.policy import PUBLIC, V1, allowed_roles
from api.problems import MEDIA_TYPE
from api.routes import HEADER, REPLAYED, IdempotentRoute
from api.web import COOKIE, FORM_HEADER, SAFE_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.routing import BaseRoute

_REF = "#/components/{}/{}"
_HEADER_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "Content-Language": "Language of title and detail: en or zh, as Accept-Language asks.",
        "WWW-Authenticate": "Bearer.",
        "Retry-After": "Seconds to wait.",
        "Link": 'Address of the next page, rel="next"; not on the last one.',
        REPLAYED: "true where the request was answered before, and this is that answer.",
        "Set-Cookie": "The session.",
    }
)
_REFUSALS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: ("Unreadable", "The body cannot be read."),
        401: ("NotSignedIn", "Nobody is signed in, or name or password is wrong."),
        403: ("NotAllowed", "The role may not do this, or another site may have sent it: the form's token is missing."),
        404: ("NotFound", "There is no such object, or it is not yours to see."),
        409: ("Conflict", "Not possible in this state, or the first request with this Idempotency-Key still runs."),
        413: ("TooLarge", "The body is too large."),
        422: ("DoesNotFit", "A value does not fit; `errors` says which where it can."),
        429: ("TooManyTries", "Too many tries."),
        500: ("Fault", "A fault of ours; it was logged."),
    }
)
"""Name and meaning by status."""
_MORE: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        f"POST {V1}/session": frozenset({401, 403, 429}),
        f"POST {V1}/appointments": frozenset({404}),
        f"POST {V1}/campaigns": frozenset({404}),
    }
)
"""Refusals that do not follow from an operation's form."""
_MEDIA: Mapping[str, str] = MappingProxyType(
    {
        f"GET {V1}/appointments/{{appointment_id}}/calendar.ics": "text/calendar",
        f"GET {V1}/captures/{{capture_id}}/rows.csv": "text/csv",
        f"GET {V1}/captures/{{capture_id}}/frames.log": "text/plain",
        f"GET {V1}/stream": "text/event-stream",
    }
)
"""Answers that are not JSON."""
_SIGNING_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "token": {"type": "http", "scheme": "bearer", "description": f"An API token, made at `POST {V1}/tokens`."},
        "session": {
            "type": "apiKey", "in": "cookie", "name": COOKIE, "description": f"Set by `POST {V1}/session`.",
        },
        "form_token": {
            "type": "apiKey", "in": "header", "name": FORM_HEADER,
            "description": f"`form_token` of `GET {V1}/me`; goes with the cookie in requests that change something.",
        },
    }
)  # fmt: skip
_KEY_PARAMETER: Mapping[str, Any] = MappingProxyType(
    {
        "name": HEADER, "in": "header", "required": False, "schema": {"type": "string", "maxLength": MAX_KEY},
        "description": "Of your making, new for each request: sent again with it, a request has one effect and the "
        "same answer. Kept for a day.",
    }
)  # fmt: skip


class Misfit(BaseModel):
    """A value that does not fit, and what is needed."""

    place: str = Field(description="Where in the request, such as body.plate.")
    problem: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457), in the language that the request asks for."""

    type: str = Field(description="Stable name of the problem.", json_schema_extra={"format": "uri"})
    title: str
    status: int
    detail: str
    errors: list[Misfit] = Field(default=[], description="Which values do not fit; only with 422.")


def describe(document: dict[str, Any], routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The framework's document, completed in place."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas |= _schemas()
    components["responses"] = {name: _refusal(status) for status, (name, _) in _REFUSALS.items()}
    components["securitySchemes"] = {name: dict(scheme) for name, scheme in _SIGNING_IN.items()}
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], route, method)
    return document


def _schemas() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template=_REF.format("schemas", "{model}"))
    return {**schema.pop("$defs"), ProblemDocument.__name__: schema}


def _refusal(status: int) -> dict[str, Any]:
    headers = {401: ["WWW-Authenticate"], 429: ["Retry-After"]}.get(status, [])
    schema = {"$ref": _REF.format("schemas", ProblemDocument.__name__)}
    return {
        "description": _REFUSALS[status][1],
        "headers": {name: _header(name) for name in ("Content-Language", *headers)},
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _header(name: str) -> dict[str, Any]:
    return {"description": _HEADER_TEXT[name], "schema": {"type": "string"}}


def _complete(entry: dict[str, Any], route: APIRoute, method: str) -> None:
    operation = f"{method} {route.path}"
    once = method == "POST" and isinstance(route, IdempotentRoute)
    if once:
        entry.setdefault("parameters", []).append(dict(_KEY_PARAMETER))
    answers = {status: answer for status, answer in entry["responses"].items() if status.startswith("2")}
    for answer in answers.values():
        if operation in _MEDIA:
            answer["content"] = {_MEDIA[operation]: {"schema": {"type": "string"}}}
        if headers := {name: _header(name) for name in _headers(entry, operation, once=once)}:
            answer["headers"] = headers
    refused = sorted({*_refused(entry, operation, method, once=once), *_MORE.get(operation, ())})
    refusals = {str(status): {"$ref": _REF.format("responses", _REFUSALS[status][0])} for status in refused}
    entry["responses"] = answers | refusals
    entry["security"] = _security(operation, method)


def _headers(entry: dict[str, Any], operation: str, *, once: bool) -> Iterator[str]:
    if once:
        yield REPLAYED
    if any(one["name"] == "cursor" for one in entry.get("parameters", ())):
        yield "Link"
    if operation.endswith(f"{V1}/session"):
        yield "Set-Cookie"


def _refused(entry: dict[str, Any], operation: str, method: str, *, once: bool) -> Iterator[int]:
    """Statuses of the refusals that follow from the operation's form and from who may do it."""
    yield 500
    if operation not in PUBLIC:
        yield 401
        if method not in SAFE_METHODS or allowed_roles(operation) != EVERYONE:
            yield 403
    if "{" in operation:
        yield 404
    if once:
        yield 409
    if method not in SAFE_METHODS:
        yield 413
    if "requestBody" in entry:
        yield 400
    if once or "requestBody" in entry or any(_may_misfit(one) for one in entry.get("parameters", ())):
        yield 422


def _may_misfit(parameter: Mapping[str, Any]) -> bool:
    """Whether there are values that a parameter does not take; what stands in a path is searched for instead."""
    schema = parameter["schema"]
    forms = schema.get("anyOf", [schema])
    anything = all(form.keys() <= {"type", "title"} and form["type"] in {"string", "null"} for form in forms)
    return parameter["in"] == "query" and not anything


def _security(operation: str, method: str) -> list[dict[str, list[str]]]:
    if operation in PUBLIC:
        return []
    session: dict[str, list[str]] = {"session": []} if method in SAFE_METHODS else {"session": [], "form_token": []}
    return [{"token": []}, session]
