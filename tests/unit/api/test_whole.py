"""A request is worked on to its end: its connection is never closed under the thread that uses it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from api.routes import UnderWay, WholeRoute
from api.settings import ApiSettings
from ingest.storage.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 10.0


class Work:
    """Something slow in a thread, as an endpoint is."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.is_done = False

    async def answer(self) -> None:
        """Ends when it may."""
        await asyncio.to_thread(self._work)
        self.is_done = True

    def _work(self) -> None:
        self.begun.set()
        assert self.may_end.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error


async def begun(under_way: UnderWay, work: Work) -> asyncio.Task[None]:
    """A request whose thread runs."""
    request = asyncio.create_task(under_way.whole(work.answer()))
    assert await asyncio.to_thread(work.begun.wait, PATIENCE_S)
    return request


@pytest.mark.parametrize("error", [None, ValueError("nobody hears of it")])
async def test_a_cancelled_request_ends_after_its_thread(error: Exception | None) -> None:
    """However often it is cancelled; what follows it, as the end of its transaction, comes later."""
    under_way, work = UnderWay(), Work()
    work.error = error
    request = await begun(under_way, work)
    for _ in range(3):
        request.cancel()
        await asyncio.wait([request], timeout=0.01)
        assert not request.done()
    work.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await request
    await under_way.ended()


async def test_the_server_ends_after_what_is_under_way() -> None:
    """What is under way is waited for."""
    under_way, work = UnderWay(), Work()
    request = await begun(under_way, work)
    ended = asyncio.create_task(under_way.ended())
    await asyncio.wait([ended], timeout=0.01)
    assert not ended.done()
    work.may_end.set()
    await ended
    await request
    assert work.is_done


async def test_a_request_that_never_ends_does_not_hold_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not send the rest of its request is given up."""
    monkeypatch.setattr("api.routes.LONGEST_S", 0.01)
    under_way = UnderWay()
    request = asyncio.create_task(under_way.whole(asyncio.Event().wait()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await under_way.ended()
    assert not request.done()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request


def test_every_operation_is_worked_on_to_its_end(tmp_path: Path) -> None:
    """A new router cannot forget it."""
    settings = ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/desk.db")
    app = create_app(settings, open_database(settings.database_url))
    operations = [route for route in app.routes if isinstance(route, APIRoute)]
    assert operations
    assert [route.path for route in operations if not isinstance(route, WholeRoute)] == []
