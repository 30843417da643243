"""Idempotency-Key: a POST that is sent again has one effect and the same answer.

Reservation, effect and answer are one transaction: either all are there or none is. A parallel request with the same
key waits for the first one's commit at the unique row, and then finds its answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api.errors import InvalidRequestError, KeyInProgressError, KeyReusedError
from api.tables import idempotency

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = timedelta(days=1)
MAX_KEY = 255


class AnsweredError(Exception):
    """Not a failure: the request was answered before, and this is the answer."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        super().__init__(f"answered before with {status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request with a key: who, on which route, and what was asked."""

    principal: str
    route: str
    key: str
    body_hash: str

    @classmethod
    def of(cls, *, principal: str, route: str, key: str, body: bytes) -> Claim:
        """The claim of a request.

        Raises:
            InvalidRequestError: the key is too long.
        """
        if len(key) > MAX_KEY:
            raise InvalidRequestError(
                "the Idempotency-Key has {count} characters, at most {most} are taken", count=len(key), most=MAX_KEY
            )
        return cls(principal=principal, route=route, key=key, body_hash=hashlib.sha256(body).hexdigest())

    @property
    def where(self) -> Iterator[sa.ColumnElement[bool]]:
        """Condition of its row."""
        c = idempotency.c
        yield from (c.principal == self.principal, c.route == self.route, c.key == self.key)


def reserve(connection: sa.Connection, claim: Claim, *, now: datetime) -> None:
    """Reserves a claim's key for this transaction.

    Raises:
        AnsweredError: the same request was answered before.
        KeyReusedError: the key came with another body before.
        KeyInProgressError: another request with the key was quicker, and is not answered yet.
    """
    connection.execute(idempotency.delete().where(idempotency.c.created_at < now - KEPT))
    row = connection.execute(sa.select(idempotency).where(*claim.where)).first()
    if row is not None and row.body_hash != claim.body_hash:
        raise KeyReusedError
    if row is not None:
        raise AnsweredError(row.status, row.body)
    values = {"principal": claim.principal, "route": claim.route, "key": claim.key, "body_hash": claim.body_hash}
    try:
        with connection.begin_nested():
            connection.execute(idempotency.insert().values(**values, created_at=now))
    except sa.exc.IntegrityError as error:
        raise KeyInProgressError from error


def keep(connection: sa.Connection, claim: Claim, *, status: int, body: str) -> None:
    """Keeps the answer of a request, in the transaction of its effect."""
    connection.execute(idempotency.update().where(*claim.where).values(status=status, body=body))
