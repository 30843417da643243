"""Routes whose POSTs honour Idempotency-Key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.responses import Response

from api import idempotency
from api.auth.service import digest
from api.web import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from fastapi import Request

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"


class IdempotentRoute(APIRoute):
    """A route that answers a repeated POST as it did the first time, without doing it again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, wrapped."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if request.method != "POST" or not key:
                return await handle(request)
            slot = idempotency.Slot(principal=_principal(request), route=request.url.path, key=key)
            engine = request.app.state.desk.engine
            body = await request.body()
            earlier = await asyncio.to_thread(idempotency.reserve, engine, slot, body, now=datetime.now(UTC))
            if earlier is not None:
                headers = {REPLAYED: "true"}
                return Response(earlier.body, earlier.status, headers, media_type="application/json")
            return await _first(handle, request, slot)

        return once


async def _first(
    handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request, slot: idempotency.Slot
) -> Response:
    engine = request.app.state.desk.engine
    try:
        response = await handle(request)
    except BaseException:
        await asyncio.to_thread(idempotency.free, engine, slot)
        raise
    if response.status_code < HTTPStatus.BAD_REQUEST:
        answer = idempotency.Answer(response.status_code, bytes(response.body).decode())
        await asyncio.to_thread(idempotency.keep, engine, slot, answer)
    else:
        await asyncio.to_thread(idempotency.free, engine, slot)
    return response


def _principal(request: Request) -> str:
    return digest(request.headers.get("Authorization") or request.cookies.get(COOKIE) or "nobody")
