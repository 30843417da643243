"""Growing numbers: over all changes of appointments, and how far each worker of the desk has come."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa

from api.tables import revisions

_NAME = "appointments"


def following(connection: sa.Connection) -> int:
    """The next revision; its row stays locked until commit, so that revisions become visible in order."""
    c = revisions.c
    _make_sure_of(connection, _NAME)
    connection.execute(revisions.update().where(c.name == _NAME).values(value=c.value + 1))
    return int(connection.execute(sa.select(c.value).where(c.name == _NAME)).scalar_one())


def latest(connection: sa.Connection) -> int:
    """The last revision that was given out; 0 before the first."""
    return int(connection.execute(sa.select(revisions.c.value).where(revisions.c.name == _NAME)).scalar() or 0)


def reached(connection: sa.Connection, worker: str) -> int:
    """How far a worker has come; 0 before its first step."""
    return int(connection.execute(sa.select(revisions.c.value).where(revisions.c.name == worker)).scalar() or 0)


def reach(connection: sa.Connection, worker: str, value: int) -> None:
    """Notes how far a worker has come, in the transaction of what it did."""
    _make_sure_of(connection, worker)
    connection.execute(revisions.update().where(revisions.c.name == worker).values(value=value))


def _make_sure_of(connection: sa.Connection, name: str) -> None:
    if connection.execute(sa.select(revisions.c.name).where(revisions.c.name == name)).first() is None:
        # Of two first writers one waits here for the other's commit, and then finds its row.
        with contextlib.suppress(sa.exc.IntegrityError), connection.begin_nested():
            connection.execute(revisions.insert().values(name=name, value=0))
