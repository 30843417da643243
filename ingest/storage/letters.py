"""Dead letters: listing, showing, and trying them again with today's software."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.errors import UnknownLetterError
from ingest.storage.tables import dead_letters

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be taken, whole, with the reason and its source."""

    id: int
    device_id: str | None
    topic: str
    reason: str
    sentence: str
    received_at: datetime
    size: int
    payload: bytes
    replayed_at: datetime | None


def list_letters(
    connection: sa.Connection,
    *,
    device_id: str | None = None,
    reason: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[DeadLetter]:
    """The newest dead letters first; those that were replayed with success are left out."""
    c = dead_letters.c
    query = sa.select(dead_letters).where(c.replayed_at.is_(None)).order_by(c.id.desc()).limit(limit)
    if device_id is not None:
        query = query.where(c.device_id == device_id)
    if reason is not None:
        query = query.where(c.reason == reason)
    if before is not None:
        query = query.where(c.id < before)
    return [_letter(row) for row in connection.execute(query)]


def numbers(connection: sa.Connection) -> list[int]:
    """The numbers of all letters that were not replayed with success, oldest first."""
    c = dead_letters.c
    return list(connection.execute(sa.select(c.id).where(c.replayed_at.is_(None)).order_by(c.id)).scalars())


def letter(connection: sa.Connection, number: int) -> DeadLetter:
    """The dead letter of that number.

    Raises:
        UnknownLetterError: there is none.
    """
    row = connection.execute(sa.select(dead_letters).where(dead_letters.c.id == number)).first()
    if row is None:
        raise UnknownLetterError(number)
    return _letter(row)


def mark_replayed(connection: sa.Connection, number: int, now: datetime) -> None:
    """Notes that a letter could be read after all."""
    connection.execute(dead_letters.update().where(dead_letters.c.id == number).values(replayed_at=now))


def counts_by_reason(connection: sa.Connection) -> dict[str, int]:
    """How many dead letters there are of each reason."""
    c = dead_letters.c
    query = sa.select(c.reason, sa.func.count()).where(c.replayed_at.is_(None)).group_by(c.reason).order_by(c.reason)
    return {name: count for name, count in connection.execute(query)}  # noqa: C416  rows are not pairs to mypy


def forget_beyond(connection: sa.Connection, device_id: str | None, *, keep: int) -> int:
    """Removes a device's oldest letters beyond ``keep``, so that a broken device cannot fill the disk.

    ``None`` are the letters that no device could be made out for.
    """
    c = dead_letters.c
    mine = c.device_id.is_(None) if device_id is None else c.device_id == device_id
    newest = sa.select(c.id).where(mine).order_by(c.id.desc())
    oldest_kept = connection.execute(newest.limit(1).offset(keep - 1)).scalar()
    if oldest_kept is None:
        return 0
    return connection.execute(dead_letters.delete().where(mine, c.id < oldest_kept)).rowcount


def _letter(row: sa.Row[tuple[object, ...]]) -> DeadLetter:
    fields = row._mapping  # noqa: SLF001  SQLAlchemy's documented mapping of a row
    return DeadLetter(**{name: fields[name] for name in DeadLetter.__dataclass_fields__})
