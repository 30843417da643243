"""Readiness, live changes as server-sent events, and what could not be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api import revisions
from api.policy import V1
from api.routes import WholeRoute
from api.web import Database, Desk, Person, TheDesk, is_still_signed_in, now
from diagnostics.repository import latest_revision
from ingest.storage.database import reading
from ingest.storage.letters import counts_by_reason

router = APIRouter(prefix=V1, tags=["operations"], route_class=WholeRoute)
health = APIRouter(include_in_schema=False, route_class=WholeRoute)
LOOK_EVERY_S = 1.0
BEAT_EVERY = 15


@health.get("/healthz")
def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@health.get("/readyz")
def readyz(desk: TheDesk) -> dict[str, str]:
    """The database answers."""
    with reading(desk.engine) as connection:
        connection.execute(sa.text("SELECT 1"))
    return {"status": "ready"}


@router.get("/ingest/dead-letters")
def dead_letters(connection: Database, person: Person) -> dict[str, int]:
    """How many messages could not be read, by reason."""
    del person
    return counts_by_reason(connection)


@router.get("/stream", response_class=StreamingResponse)
def stream(request: Request, desk: TheDesk, person: Person) -> StreamingResponse:
    """Server-sent events: ``changed`` with the latest revisions whenever suggestions or appointments change."""
    del person
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(changes(request, desk), media_type="text/event-stream", headers=headers)


async def changes(request: Request, desk: Desk) -> AsyncIterator[str]:
    """The events of a stream, until the listener, their session or the server goes."""
    known: tuple[int, int] | None = None
    silent = 0
    stop: asyncio.Event = request.app.state.stop
    while not stop.is_set() and not await request.is_disconnected():
        latest = await asyncio.to_thread(_latest, request, desk)
        if latest is None:
            return
        silent += 1
        if latest != known:
            known, silent = latest, 0
            yield f"event: changed\ndata: {latest[0]}.{latest[1]}\n\n"
        elif silent % BEAT_EVERY == 0:
            yield ": still here\n\n"
        await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    waiting: asyncio.Task[Any] = asyncio.ensure_future(stop.wait())
    await asyncio.wait([waiting], timeout=LOOK_EVERY_S)
    waiting.cancel()


def _latest(request: Request, desk: Desk) -> tuple[int, int] | None:
    """The revisions that are the latest, or None for who is not signed in any more."""
    with reading(desk.engine) as connection:
        if not is_still_signed_in(request, connection, now()):
            return None
        return latest_revision(connection), revisions.latest(connection)
