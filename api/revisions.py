"""Growing numbers: over all changes of appointments, and how far each worker of the desk has come."""

from __future__ import annotations

import sqlalchemy as sa

from api.tables import revisions

_NAME = "appointments"


def following(connection: sa.Connection) -> int:
    """The next revision; its row stays locked until commit, so that revisions become visible in order."""
    c = revisions.c
    raised = revisions.update().where(c.name == _NAME).values(value=c.value + 1)
    if connection.execute(raised).rowcount == 0:
        connection.execute(revisions.insert().values(name=_NAME, value=1))
    return int(connection.execute(sa.select(c.value).where(c.name == _NAME)).scalar_one())


def latest(connection: sa.Connection) -> int:
    """The last revision that was given out; 0 before the first."""
    return int(connection.execute(sa.select(revisions.c.value).where(revisions.c.name == _NAME)).scalar() or 0)


def reached(connection: sa.Connection, worker: str) -> int:
    """How far a worker has come; 0 before its first step."""
    return int(connection.execute(sa.select(revisions.c.value).where(revisions.c.name == worker)).scalar() or 0)


def reach(connection: sa.Connection, worker: str, value: int) -> None:
    """Notes how far a worker has come, in the transaction of what it did."""
    mine = revisions.c.name == worker
    if connection.execute(revisions.update().where(mine).values(value=value)).rowcount == 0:
        connection.execute(revisions.insert().values(name=worker, value=value))
