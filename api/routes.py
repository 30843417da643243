"""Routes whose POSTs honour Idempotency-Key."""

from __future__ import annotations

import asyncio
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

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"


class IdempotentRoute(APIRoute):
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
