"""The socket and the server loop of the service desk."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from api.errors import ExposureError, ListenError, PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import uvicorn
    from fastapi import FastAPI

    from api.settings import ApiSettings

_LOOK_S = 0.05
_BACKLOG = 512


def refuse_exposure(settings: ApiSettings) -> None:
    """Lets a loopback address pass, and any other that was asked for.

    Raises:
        ExposureError: an address that others can reach, without ``public``.
    """
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(settings.host).is_loopback:
            return
    if settings.host != "localhost" and not settings.public:
        raise ExposureError(settings.host)


def open_socket(settings: ApiSettings) -> socket.socket:
    """The listening socket.

    Raises:
        ListenError: the port is in use.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(settings.host, settings.port) from error
    return listener


async def serve(
    server: uvicorn.Server, listener: socket.socket, stop: asyncio.Event, ready: Callable[[], None] | None
) -> None:
    """Serves until ``stop`` is set; signals are the front door's matter, not uvicorn's."""
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="api.server")
    while not server.started and not serving.done():
        await asyncio.wait([serving], timeout=_LOOK_S)
    if ready is not None and server.started:
        ready()
    stopping = asyncio.create_task(stop.wait(), name="api.stop")
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


def operations(app: FastAPI) -> Iterator[str]:
    """Method and path of each operation of the app.

    Raises:
        PolicyError: a router was included, whose operations could not be told apart here.
    """
    for route in app.routes:
        if not isinstance(route, (Route, Mount)):
            raise PolicyError([repr(route)])
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                yield f"{method} {route.path}"
