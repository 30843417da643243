"""What every request needs: the database in one transaction, who is asking, and whether they may."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from api.auth import service as auth
from api.auth.scope import Scope
from api.auth.throttle import Throttle
from api.errors import CrossSiteError, NotAllowedError, NotSignedInError
from api.idempotency import reserve
from api.origin import is_foreign
from api.policy import PUBLIC, allowed_roles
from api.settings import ApiSettings
from ingest.storage.database import reading, transaction
from ingest.storage.telemetry import TelemetryStore

COOKIE = "roadworthy_session"
FORM_FIELD = "form_token"
FORM_HEADER = "X-Form-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WRITERS = 16
"""Requests that may write at once: fewer than the threads that serve (40); SQLite has one writer at a time anyway."""


@dataclass(slots=True)
class Desk:
    """What the app holds for its requests."""

    settings: ApiSettings
    engine: sa.Engine
    store: TelemetryStore
    throttle: Throttle = field(default_factory=Throttle)
    writers: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.writers = asyncio.Semaphore(1 if self.engine.dialect.name == "sqlite" else WRITERS)


def desk_of(request: Request) -> Desk:
    """The app's own :class:`Desk`."""
    desk: Desk = request.app.state.desk
    return desk


def now() -> datetime:
    """The time of this request."""
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(now)]
TheDesk = Annotated[Desk, Depends(desk_of)]


def admitted(request: Request, desk: TheDesk, moment: Now) -> None:
    """Lets those in who may do this, before they get a connection: nobody else keeps writers waiting.

    Raises:
        NotSignedInError, CrossSiteError, NotAllowedError: as with :func:`signed_in`, where people must be signed in.
    """
    if operation(request) not in PUBLIC:
        signed_in(request, desk, moment)


async def turn(request: Request, desk: TheDesk, _: Annotated[None, Depends(admitted)]) -> AsyncIterator[None]:
    """One's turn to write, waited for without a thread: the one who writes needs threads to come to an end."""
    if request.method in SAFE_METHODS:
        yield
        return
    async with desk.writers:
        yield


def database(
    request: Request, desk: TheDesk, moment: Now, _: Annotated[None, Depends(turn, scope="function")]
) -> Iterator[sa.Connection]:
    """One transaction a request: reading for safe methods, else committed at the end or rolled back."""
    with reading(desk.engine) if request.method in SAFE_METHODS else transaction(desk.engine) as connection:
        request.state.connection = connection
        claim = getattr(request.state, "claim", None)
        if claim is not None:
            reserve(connection, claim, now=moment)
        yield connection


# Function scope: committed before the answer is sent, so that nobody is told of what then fails.
Database = Annotated[sa.Connection, Depends(database, scope="function")]


def operation(request: Request) -> str:
    """Method and path template of the route, as the policy names it."""
    return f"{request.method} {request.scope['route'].path}"


def signed_in(request: Request, desk: TheDesk, moment: Now) -> Scope:
    """Who is asking, if their role may do this.

    Raises:
        NotSignedInError: no valid session or token.
        CrossSiteError: an unsafe request that another site may have made.
        NotAllowedError: the role may not do this.
    """
    if getattr(request.state, "allowed", False):
        person: Scope = request.state.person
        return person
    with reading(desk.engine) as connection:
        scope = request.state.person = _identify(request, connection, moment)
        stale = scope.form_token is not None and auth.needs_prolonging(connection, _cookie(request), now=moment)
    if scope.form_token is not None and request.method not in SAFE_METHODS:
        _check_same_site(request, scope.form_token)
    if scope.role not in allowed_roles(operation(request)):
        raise NotAllowedError(scope.role)
    if stale:
        with transaction(desk.engine) as connection:
            auth.prolong(connection, _cookie(request), now=moment, idle_s=desk.settings.session_idle_s)
    request.state.allowed = True
    return scope


Person = Annotated[Scope, Depends(signed_in)]


def is_still_signed_in(request: Request, connection: sa.Connection, moment: datetime) -> bool:
    """Whether who asked may still be told, in an answer that goes on; looking keeps no session alive."""
    try:
        scope = _identify(request, connection, moment)
    except NotSignedInError:
        return False
    return scope.role in allowed_roles(operation(request))


def _identify(request: Request, connection: sa.Connection, moment: datetime) -> Scope:
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("bearer "):
        return auth.by_token(connection, header[7:].strip(), now=moment)
    return auth.by_session(connection, _cookie(request), now=moment)


def _cookie(request: Request) -> str:
    secret = request.cookies.get(COOKIE)
    if not secret:
        raise NotSignedInError
    return secret


def refuse_other_sites(request: Request) -> None:
    """Ends a request that another site made, where the browser says so.

    Raises:
        CrossSiteError: it came from elsewhere.
    """
    if is_foreign(request.headers, desk_of(request).settings.public_url):
        raise CrossSiteError(
            "the request comes from another site; if this is the desk's own address, `public_url` must be set to it"
        )


def _check_same_site(request: Request, form_token: str) -> None:
    refuse_other_sites(request)
    # Programs send the token as a header; forms as a field, which api/console/forms.py has read before.
    given = str(request.headers.get(FORM_HEADER) or getattr(request.state, "form_token", ""))
    if not secrets.compare_digest(given.encode(), form_token.encode()):
        raise CrossSiteError("the form's token is missing or old; reload the page and send it again")


__all__ = [
    "COOKIE", "FORM_FIELD", "FORM_HEADER", "PUBLIC", "Database", "Desk", "Now", "Person", "TheDesk", "database",
    "desk_of", "is_still_signed_in", "now", "operation", "refuse_other_sites", "signed_in",
]  # fmt: skip
