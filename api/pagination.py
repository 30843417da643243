"""Keyset pages: an opaque cursor says behind which row the next page begins, so rows are never skipped or repeated."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from api.errors import InvalidRequestError
from api.times import is_usable

Key = tuple[datetime, str]
DEFAULT_LIMIT, MAX_LIMIT = 50, 200
_Item = TypeVar("_Item")
_Source = TypeVar("_Source")


class Page(BaseModel, Generic[_Item]):
    """Items and the cursor of the next page, None on the last."""

    items: list[_Item]
    next_cursor: str | None = None


class PageRequest:
    """``limit`` and ``cursor`` of a request."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items a page.")] = DEFAULT_LIMIT,
        cursor: Annotated[str | None, Query(description="next_cursor of the page before.")] = None,
    ) -> None:
        self._request, self._response = request, response
        self.limit = limit
        self.after = decode(cursor) if cursor else None

    def page(
        self, rows: Sequence[_Source], key: Callable[[_Source], Key], item: Callable[[_Source], _Item]
    ) -> Page[_Item]:
        """A page of ``rows``, of which one more than the limit was asked for."""
        shown = rows[: self.limit]
        following = encode(key(shown[-1])) if len(rows) > self.limit else None
        if following is not None:
            target = self._request.url.include_query_params(cursor=following, limit=self.limit)
            self._response.headers["Link"] = f'<{target.path}?{target.query}>; rel="next"'
        return Page(items=[item(row) for row in shown], next_cursor=following)


Paging = Annotated[PageRequest, Depends()]


def encode(key: Key) -> str:
    """The cursor behind a row."""
    return base64.urlsafe_b64encode(f"{key[0].isoformat()}|{key[1]}".encode()).decode().rstrip("=")


def decode(cursor: str) -> Key:
    """The row that a cursor stands for.

    Raises:
        InvalidRequestError: it is none of ours.
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, _, identity = text.partition("|")
        at = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError("the cursor is not one that was given out; begin without it") from error
    if not is_usable(at):
        raise InvalidRequestError("the cursor is not one that was given out; begin without it")
    return at, identity
