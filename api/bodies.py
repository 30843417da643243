"""How large a request may be; counted as it comes, so that no more of it is ever held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from api import problems
from api.errors import BodyTooLargeError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1024 * 1024
"""The largest body that is read (our choice: the longest note of an outcome has 4,000 characters)."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """Refuses larger bodies: at once where the request says its length, else when that much has come."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _told_length(scope) > MOST_BYTES:
            await _refuse(scope, receive, send)
        else:
            await _Counting(scope, receive, send).run(self.app)


class _Counting:
    """A request whose body is counted; once it is too large, the refusal takes the place of the app's answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._count = 0
        self._too_large = self._answering = False

    async def run(self, app: ASGIApp) -> None:
        """The app's answer, or the refusal."""
        try:
            await app(self._scope, self._next, self._answer)
        except BodyTooLargeError:
            if self._answering:
                raise
        if self._too_large and not self._answering:
            await _refuse(self._scope, self._receive, self._send)

    async def _next(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        if self._count > MOST_BYTES:
            self._too_large = True
            raise BodyTooLargeError(MOST_BYTES)
        return message

    async def _answer(self, message: Message) -> None:
        # What the framework makes of an error in the middle of a body is nothing that a client could use.
        if not self._too_large or self._answering:
            self._answering = True
            await self._send(message)


def _told_length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else 0


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problems.document(Request(scope), BodyTooLargeError(MOST_BYTES))
    await answer(scope, receive, send)
