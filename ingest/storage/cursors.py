"""How far each consumer of the inbox has come; kept in the same transaction as the consumer's effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.storage.tables import cursors

if TYPE_CHECKING:
    from collections.abc import Iterable


def read_cursor(connection: sa.Connection, consumer: str) -> int:
    """Id of the last inbox row that ``consumer`` has dealt with; 0 before the first."""
    found = connection.execute(sa.select(cursors.c.position).where(cursors.c.consumer == consumer)).scalar()
    return int(found or 0)


def write_cursor(connection: sa.Connection, consumer: str, position: int) -> None:
    """Notes that ``consumer`` has dealt with everything up to inbox row ``position``."""
    mine = cursors.c.consumer == consumer
    if connection.execute(cursors.update().where(mine).values(position=position)).rowcount == 0:
        connection.execute(cursors.insert().values(consumer=consumer, position=position))


def slowest(connection: sa.Connection, *, but: Iterable[str] = ()) -> int | None:
    """Position of the consumer that is furthest behind; None where there is none."""
    query = sa.select(sa.func.min(cursors.c.position)).where(cursors.c.consumer.not_in(tuple(but)))
    found = connection.execute(query).scalar()
    return None if found is None else int(found)
