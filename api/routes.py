"""Routes that are worked on to their end, and those whose POSTs honour Idempotency-Key besides."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.responses import Response

from api.auth.service import digest
from api.errors import RouteError
from api.idempotency import AnsweredError, Claim, keep
from api.web import COOKIE, database, now, signed_in

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from fastapi import Request
    from fastapi.dependencies.models import Dependant
    from starlette.types import Receive, Scope, Send

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_S = 15.0
"""So long what is under way may take when the server ends (our choice; a writer waits ten seconds for another)."""


class UnderWay:
    """Requests that are being worked on.

    Endpoints run in threads, and so does the end of their transaction. If a request were cancelled, as is done to slow
    ones when the server ends, its connection would be closed while its thread still used it, which ends the process.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def whole(self, work: Coroutine[Any, Any, None]) -> None:
        """Does the work; a caller who is cancelled meanwhile goes on only when it has come to its end."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await _end_of(task)
            raise

    async def ended(self) -> None:
        """Waits until nothing is under way, or only what clients neither finish sending nor take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                while self._tasks:
                    await asyncio.wait(self._tasks)


async def _end_of(task: asyncio.Task[None]) -> None:
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # nobody is there any more to whom it could be said


class WholeRoute(APIRoute):
    """A route whose requests are worked on to their end, whoever goes away meanwhile."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        under_way: UnderWay = scope["app"].state.under_way
        await under_way.whole(super().handle(scope, receive, send))


class IdempotentRoute(WholeRoute):
    """A route that answers a repeated POST as it did the first time, without doing it again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, wrapped.

        Raises:
            RouteError: a POST without a ``Database`` parameter: its answer could not be kept with its effect.
        """
        if "POST" in (self.methods or ()) and database not in _calls(self.dependant):
            raise RouteError(self.path)
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if request.method != "POST" or not key:
                return await handle(request)
            body = await request.body()
            claim = Claim.of(principal=_principal(request), route=request.url.path, key=key, body=body)
            request.state.claim = claim
            try:
                response = await handle(request)
            except AnsweredError as answered:
                # An answer is for who may still ask: a session or token that has ended since is refused.
                await asyncio.to_thread(signed_in, request, request.app.state.desk, now())
                headers = {REPLAYED: "true"}
                return Response(answered.body, answered.status, headers, media_type="application/json")
            text = bytes(response.body).decode()
            # The request's transaction ends only after this: effect and answer are kept together.
            await asyncio.to_thread(keep, request.state.connection, claim, status=response.status_code, body=text)
            return response

        return once


def _principal(request: Request) -> str:
    return digest(request.headers.get("Authorization") or request.cookies.get(COOKIE) or "nobody")


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from _calls(one)
