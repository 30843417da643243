"""Signing in and out, API tokens, and people."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from api.auth import repository, service
from api.auth.schemas import Me, NewToken, SignIn, Token, TokenMade, User
from api.auth.scope import Scope
from api.errors import NotFoundError, SessionNeededError
from api.policy import V1
from api.routes import WholeRoute
from api.web import COOKIE, Database, Desk, Now, Person, TheDesk, refuse_other_sites

# Without Idempotency-Key: answers with secrets in them are not kept.
router = APIRouter(prefix=V1, tags=["people"], route_class=WholeRoute)


@router.post("/session", status_code=201)
def sign_in(body: SignIn, request: Request, response: Response, desk: TheDesk, moment: Now) -> Me:
    """Sign in; the session travels in a cookie. A browser must be on a page of ours."""
    refuse_other_sites(request)
    address = request.client.host if request.client else ""
    idle_s = desk.settings.session_idle_s
    with desk.throttle.trying(account=body.name, address=address, now_s=time.monotonic()):
        made = service.sign_in(desk.engine, name=body.name, password=body.password, now=moment, idle_s=idle_s)
    set_cookie(response, desk, made.secret)
    return _me(made.scope)


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, connection: Database, person: Person) -> None:
    """Sign out."""
    del person
    service.sign_out(connection, request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE)


@router.get("/me")
def me(person: Person) -> Me:
    """Who is signed in."""
    return _me(person)


@router.get("/tokens")
def list_tokens(connection: Database, person: Person) -> list[Token]:
    """One's own API tokens."""
    return [Token(**row) for row in repository.tokens_of(connection, person.user_id)]


@router.post("/tokens", status_code=201)
def make_token(body: NewToken, connection: Database, person: Person, moment: Now) -> TokenMade:
    """Make an API token; its secret is told only now. Needs a session: a token cannot make tokens."""
    if person.form_token is None:
        raise SessionNeededError
    token_id, secret, ends_at = service.make_token(connection, person, label=body.label, now=moment)
    return TokenMade(id=token_id, label=body.label, created_at=moment, ends_at=ends_at, secret=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def delete_token(token_id: str, connection: Database, person: Person) -> None:
    """End one of one's own API tokens."""
    if not repository.delete_token(connection, person.user_id, token_id):
        raise NotFoundError("token", token_id)


@router.get("/users")
def list_users(connection: Database, person: Person) -> list[User]:
    """People of one's dealer; an administrator sees all."""
    return [
        User(**{name: row[name] for name in User.model_fields})
        for row in repository.list_users(connection)
        if person.sees_dealer(row["dealer_id"])
    ]


def set_cookie(response: Response, desk: Desk, secret: str) -> None:
    """Puts the session into the answer's cookie."""
    response.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", secure=desk.settings.over_tls,
        max_age=int(service.SESSION_LONGEST.total_seconds()), path="/",
    )  # fmt: skip


def _me(scope: Scope) -> Me:
    return Me(
        id=scope.user_id, name=scope.name, role=scope.role, dealer_id=scope.dealer_id, language=scope.language,
        form_token=scope.form_token,
    )  # fmt: skip
