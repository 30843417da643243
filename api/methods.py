"""HEAD as GET without its body, and which methods an address really takes."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Methods:
    """Answers HEAD wherever there is a GET, and tells with 405 all methods that there are, not the first route's."""

    app: ASGIApp
    routes: Sequence[BaseRoute]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                MutableHeaders(scope=message)["Allow"] = ", ".join(sorted(self._allowed(scope)))
            await send(message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self.app({**scope, "method": "GET"}, *_without_body(receive, told))
        else:
            await self.app(scope, receive, told)

    def _allowed(self, scope: Scope) -> set[str]:
        found: set[str] = set()
        for route in self.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                found |= route.methods or set()
        return found | ({"HEAD"} if "GET" in found else set())


def _without_body(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The same channels for an answer that ends with its headers: for a stream, as if its listener had gone then."""
    started = False

    async def next_message() -> Message:
        return {"type": "http.disconnect"} if started else await receive()

    async def headers_only(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start":
            started = True
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return next_message, headers_only
