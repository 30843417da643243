"""Signing in and out, tokens; adding people, their passwords, and their end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.auth import repository
from api.auth.scope import STAFF, Role, Scope
from api.errors import (
    DuplicateNameError,
    InvalidRequestError,
    NameOfDisabledError,
    NotFoundError,
    NotSignedInError,
    WrongCredentialsError,
)
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    import sqlalchemy as sa

SESSION_LONGEST = timedelta(hours=12)
"""A session ends after so long even when it is in use (our choice: a working day)."""
TOKEN_DAYS = 90
LANGUAGES = ("en", "zh")
MIN_PASSWORD = 10
_PROLONG_AFTER = timedelta(seconds=60)
_HASHER = PasswordHasher()
# Verified in place of an unknown person's, so that both take the same time.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$KazYlg8sQnL1PUuUbQ4Dyw$pkpAVZbbnipIarEXXFbnfShYI6O7xlajaRqki0ffVTQ"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session: the secret for the cookie, and the person."""

    secret: str
    scope: Scope


def digest(secret: str) -> str:
    """What is stored of a session's or token's secret; the secrets are random, so one round is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sign_in(engine: sa.Engine, *, name: str, password: str, now: datetime, idle_s: int) -> SignedIn:
    """A new session.

    The password is checked before the writing begins: it takes long by intention, and nobody else is to wait for it.

    Raises:
        WrongCredentialsError: the name or the password is wrong.
    """
    with reading(engine) as connection:
        row = repository.user_by_name(connection, name)
    if not _matches(row["password_hash"] if row else _NOBODY, password) or row is None:
        raise WrongCredentialsError
    with transaction(engine) as connection:
        return _open_session(connection, row, now=now, idle_s=idle_s)


def _open_session(connection: sa.Connection, row: sa.RowMapping, *, now: datetime, idle_s: int) -> SignedIn:
    secret, form_token = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    repository.forget_ended(connection, now)
    repository.insert_session(
        connection,
        {
            "token_hash": digest(secret),
            "user_id": row["id"],
            "form_token": form_token,
            "opened_at": now,
            "seen_at": now,
            "ends_at": now + timedelta(seconds=idle_s),
        },
    )
    return SignedIn(secret=secret, scope=_scope(row, form_token))


def by_session(connection: sa.Connection, secret: str, *, now: datetime) -> Scope:
    """Who the session belongs to.

    Raises:
        NotSignedInError: there is no such session, or it has ended.
    """
    row = repository.session(connection, digest(secret), now)
    if row is None:
        raise NotSignedInError
    return _scope(row, row["form_token"])


def needs_prolonging(connection: sa.Connection, secret: str, *, now: datetime) -> bool:
    """Whether a session was last seen long enough ago to be worth a write."""
    row = repository.session(connection, digest(secret), now)
    return row is not None and now - row["seen_at"] > _PROLONG_AFTER


def prolong(connection: sa.Connection, secret: str, *, now: datetime, idle_s: int) -> None:
    """Keeps a session that is in use, up to :data:`SESSION_LONGEST` after it was opened."""
    row = repository.session(connection, digest(secret), now)
    if row is not None:
        ends_at = min(now + timedelta(seconds=idle_s), row["opened_at"] + SESSION_LONGEST)
        repository.prolong(connection, digest(secret), now=now, ends_at=ends_at)


def by_token(connection: sa.Connection, secret: str, *, now: datetime) -> Scope:
    """Who the token belongs to.

    Raises:
        NotSignedInError: there is no such token, or it has ended.
    """
    row = repository.token(connection, digest(secret), now)
    if row is None:
        raise NotSignedInError
    return _scope(row, None)


def sign_out(connection: sa.Connection, secret: str) -> None:
    """Ends a session; one that has ended already changes nothing."""
    repository.end_session(connection, digest(secret))


def make_token(connection: sa.Connection, scope: Scope, *, label: str, now: datetime) -> tuple[str, str, datetime]:
    """A new API token of a person: its id, its secret (told once), and its end."""
    token_id, secret, ends_at = uuid4().hex, f"rw_{secrets.token_urlsafe(32)}", now + timedelta(days=TOKEN_DAYS)
    values = {"id": token_id, "token_hash": digest(secret), "user_id": scope.user_id, "label": label}
    repository.insert_token(connection, values | {"created_at": now, "ends_at": ends_at})
    return token_id, secret, ends_at


def create_user(
    connection: sa.Connection,
    *,
    name: str,
    role: Role,
    password: str,
    now: datetime,
    dealer_id: str | None = None,
    language: str = "en",
    channels: list[str] | None = None,
) -> str:
    """Adds a person; their id.

    ``channels`` are apprise URLs; none means the file channel.

    Raises:
        DuplicateNameError, NameOfDisabledError: the name is taken.
        InvalidRequestError: a short password, an unknown language, or staff without a dealer.
    """
    signs_in_as = name.strip().lower()
    if not signs_in_as:
        raise InvalidRequestError("a person needs a name to sign in with")
    password_hash = _hashed(password)
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise InvalidRequestError("language {language!r} is not one of {known}", language=language, known=known)
    if role in STAFF and dealer_id is None:
        raise InvalidRequestError("a person in the role {role} belongs to a dealer; name one", role=role)
    namesake = repository.anyone(connection, signs_in_as)
    if namesake is not None:
        raise NameOfDisabledError(signs_in_as) if namesake["disabled_at"] else DuplicateNameError(signs_in_as)
    user_id = uuid4().hex
    repository.insert_user(
        connection,
        {
            "id": user_id,
            "name": signs_in_as,
            "role": str(role),
            "dealer_id": dealer_id,
            "password_hash": password_hash,
            "language": language,
            "channels": channels or [],
            "created_at": now,
        },
    )
    return user_id


def disable(connection: sa.Connection, name: str, *, now: datetime) -> None:
    """Keeps a person from signing in for good, and ends their sessions and tokens; what they did stays on record.

    Raises:
        NotFoundError: there is nobody of that name.
    """
    row = _named(connection, name)
    repository.disable(connection, row["id"], now)
    repository.sign_out_everywhere(connection, row["id"])


def change_password(connection: sa.Connection, name: str, password: str) -> None:
    """Gives a person another password, and ends their sessions and tokens.

    Raises:
        NotFoundError: there is nobody of that name.
        InvalidRequestError: a short password, or a person who is disabled.
    """
    row = _named(connection, name)
    if row["disabled_at"] is not None:
        raise InvalidRequestError("{name!r} is disabled and cannot sign in", name=row["name"])
    repository.set_password(connection, row["id"], _hashed(password))
    repository.sign_out_everywhere(connection, row["id"])


def _named(connection: sa.Connection, name: str) -> sa.RowMapping:
    row = repository.anyone(connection, name)
    if row is None:
        raise NotFoundError("person", name)
    return row


def _hashed(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise InvalidRequestError(
            "the password has {count} characters; at least {least} are needed", count=len(password), least=MIN_PASSWORD
        )
    return _HASHER.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _scope(row: sa.RowMapping, form_token: str | None) -> Scope:
    return Scope(
        user_id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        dealer_id=row["dealer_id"],
        language=row["language"],
        form_token=form_token,
    )
