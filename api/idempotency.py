"""Idempotency-Key: a POST that is sent again has one effect and the same answer.

The first answer is kept for a day by principal, route and key. The reservation commits before the work, so that of
parallel requests one works and the others are told to wait.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api.errors import InvalidRequestError, KeyInProgressError, KeyReusedError
from api.tables import idempotency
from ingest.storage.database import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=1)
"""A reservation without an answer for so long was left by a killed process (our choice)."""
MAX_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where an answer is kept."""

    principal: str
    route: str
    key: str

    @property
    def where(self) -> Iterator[sa.ColumnElement[bool]]:
        """Condition of its row."""
        c = idempotency.c
        yield from (c.principal == self.principal, c.route == self.route, c.key == self.key)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: str


def reserve(engine: sa.Engine, slot: Slot, body: bytes, *, now: datetime) -> Answer | None:
    """The earlier answer to the same request, or None after reserving the slot for this one.

    Raises:
        InvalidRequestError: the key is too long.
        KeyReusedError: the key came with another body before.
        KeyInProgressError: the first request still runs.
    """
    if len(slot.key) > MAX_KEY:
        raise InvalidRequestError(f"the Idempotency-Key has {len(slot.key)} characters, at most {MAX_KEY} are taken")
    body_hash = hashlib.sha256(body).hexdigest()
    c = idempotency.c
    with transaction(engine) as connection:
        connection.execute(idempotency.delete().where(c.created_at < now - KEPT))
        abandoned = (*slot.where, c.status.is_(None), c.created_at < now - ABANDONED)
        connection.execute(idempotency.delete().where(*abandoned))
        row = connection.execute(sa.select(idempotency).where(*slot.where)).first()
        if row is None:
            values = {"principal": slot.principal, "route": slot.route, "key": slot.key, "created_at": now}
            connection.execute(idempotency.insert().values(**values, body_hash=body_hash))
            return None
    if row.body_hash != body_hash:
        raise KeyReusedError
    if row.status is None:
        raise KeyInProgressError
    return Answer(row.status, row.body)


def keep(engine: sa.Engine, slot: Slot, answer: Answer) -> None:
    """Keeps the answer of a request that had its effect."""
    with transaction(engine) as connection:
        kept = idempotency.update().where(*slot.where)
        connection.execute(kept.values(status=answer.status, body=answer.body))


def free(engine: sa.Engine, slot: Slot) -> None:
    """Gives a slot back whose request failed without effect, so that it can be tried again."""
    with transaction(engine) as connection:
        connection.execute(idempotency.delete().where(*slot.where))
