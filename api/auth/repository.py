"""All SQL about people, sessions and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from api.tables import sessions, tokens, users

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def user_by_name(connection: sa.Connection, name: str) -> sa.RowMapping | None:
    """The person who signs in with ``name``, unless disabled."""
    mine = (users.c.name == name.strip().lower(), users.c.disabled_at.is_(None))
    return connection.execute(sa.select(users).where(*mine)).mappings().first()


def user_by_id(connection: sa.Connection, user_id: str) -> sa.RowMapping | None:
    """The person with that id, unless disabled."""
    mine = (users.c.id == user_id, users.c.disabled_at.is_(None))
    return connection.execute(sa.select(users).where(*mine)).mappings().first()


def anyone(connection: sa.Connection, name: str) -> sa.RowMapping | None:
    """The person of that name, also if disabled: a name is given once."""
    return connection.execute(sa.select(users).where(users.c.name == name.strip().lower())).mappings().first()


def list_users(connection: sa.Connection) -> list[sa.RowMapping]:
    """Everyone, by name."""
    return list(connection.execute(sa.select(users).order_by(users.c.name)).mappings())


def insert_user(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Adds a person."""
    connection.execute(users.insert().values(dict(values)))


def set_language(connection: sa.Connection, user_id: str, language: str) -> None:
    """Changes the language in which a person reads."""
    connection.execute(users.update().where(users.c.id == user_id).values(language=language))


def set_password(connection: sa.Connection, user_id: str, password_hash: str) -> None:
    """Changes what a person's password is compared with."""
    connection.execute(users.update().where(users.c.id == user_id).values(password_hash=password_hash))


def disable(connection: sa.Connection, user_id: str, now: datetime) -> None:
    """Keeps a person from signing in; who is disabled already stays so since then."""
    mine = (users.c.id == user_id, users.c.disabled_at.is_(None))
    connection.execute(users.update().where(*mine).values(disabled_at=now))


def sign_out_everywhere(connection: sa.Connection, user_id: str) -> None:
    """Ends all sessions and tokens of a person."""
    for table in (sessions, tokens):
        connection.execute(table.delete().where(table.c.user_id == user_id))


def insert_session(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Adds a session."""
    connection.execute(sessions.insert().values(dict(values)))


def session(connection: sa.Connection, token_hash: str, now: datetime) -> sa.RowMapping | None:
    """The session, and its person, that has not ended."""
    query = (
        sa.select(users, sessions.c.form_token, sessions.c.opened_at, sessions.c.seen_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(sessions.c.token_hash == token_hash, sessions.c.ends_at > now, users.c.disabled_at.is_(None))
    )
    return connection.execute(query).mappings().first()


def prolong(connection: sa.Connection, token_hash: str, *, now: datetime, ends_at: datetime) -> None:
    """Moves a session's end."""
    mine = sessions.c.token_hash == token_hash
    connection.execute(sessions.update().where(mine).values(seen_at=now, ends_at=ends_at))


def end_session(connection: sa.Connection, token_hash: str) -> None:
    """Ends a session."""
    connection.execute(sessions.delete().where(sessions.c.token_hash == token_hash))


def forget_ended(connection: sa.Connection, now: datetime) -> None:
    """Removes sessions and tokens whose time is over."""
    connection.execute(sessions.delete().where(sessions.c.ends_at <= now))
    connection.execute(tokens.delete().where(tokens.c.ends_at <= now))


def insert_token(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Adds an API token."""
    connection.execute(tokens.insert().values(dict(values)))


def token(connection: sa.Connection, token_hash: str, now: datetime) -> sa.RowMapping | None:
    """The person whose token it is, where it has not ended."""
    query = (
        sa.select(users)
        .join(tokens, tokens.c.user_id == users.c.id)
        .where(tokens.c.token_hash == token_hash, tokens.c.ends_at > now, users.c.disabled_at.is_(None))
    )
    return connection.execute(query).mappings().first()


def tokens_of(connection: sa.Connection, user_id: str) -> list[sa.RowMapping]:
    """A person's tokens, newest first, without their hashes."""
    c = tokens.c
    query = sa.select(c.id, c.label, c.created_at, c.ends_at).where(c.user_id == user_id)
    return list(connection.execute(query.order_by(c.created_at.desc())).mappings())


def delete_token(connection: sa.Connection, user_id: str, token_id: str) -> bool:
    """Ends a token of that person; whether there was one."""
    mine = (tokens.c.user_id == user_id, tokens.c.id == token_id)
    return connection.execute(tokens.delete().where(*mine)).rowcount == 1
