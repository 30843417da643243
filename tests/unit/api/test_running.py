"""The whole service desk as a part of a process: it starts, works by itself, tells of changes, and ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2
import pytest
import sqlalchemy as sa

from api import tables
from api.app import run
from api.auth import service as people
from api.dealers.repository import list_dealers
from api.errors import ExposureError, ListenError
from api.listening import open_socket
from api.settings import ApiSettings
from diagnostics.findings import Severity
from ingest.devices import enrol
from ingest.storage.database import open_database, reading, transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

PATIENCE_S = 20.0


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, with patience."""
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


@pytest.fixture(name="settings")
def _settings(world, tmp_path: Path, database_url: str) -> ApiSettings:
    """Settings of a desk over the world's database, on a free port."""
    assert world
    with open_socket(ApiSettings(data_dir=tmp_path, database_url="", port=0)) as probe:
        port = probe.getsockname()[1]
    return ApiSettings(data_dir=tmp_path, database_url=database_url, port=port, poll_s=0.05)


@pytest.fixture(name="client")
async def _client(settings: ApiSettings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a running desk, which is ended after."""
    stop, ready = asyncio.Event(), asyncio.Event()
    desk = asyncio.create_task(run(settings, stop=stop, ready=ready.set), name="desk")
    async with asyncio.timeout(PATIENCE_S):
        await ready.wait()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
        yield client
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await desk


def headers_of(world, scope) -> dict[str, str]:
    with transaction(world.engine) as connection:
        _, secret, _ = people.make_token(connection, scope, label="test", now=datetime.now(UTC))
    return {"Authorization": f"Bearer {secret}"}


async def test_many_at_once_wait_for_each_other_and_nobody_else(world, client) -> None:
    """More writers than connections and threads: one proposes, the others are told so, and none runs into a limit."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    headers = headers_of(world, world.here.advisor)
    asked = [client.post("/api/v1/appointments", json={"suggestion_id": "s1"}, headers=headers) for _ in range(60)]
    answers = await asyncio.gather(*asked)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 59}


async def test_strangers_keep_nobody_waiting(world, client) -> None:
    """Who is not signed in, or may not, is refused without waiting for the one who writes."""
    headers = headers_of(world, world.here.owner)
    with transaction(world.engine):
        asked = [client.post("/api/v1/appointments", json={}) for _ in range(60)]
        asked += [client.post("/api/v1/appointments", json={"suggestion_id": "s1"}, headers=headers) for _ in range(10)]
        async with asyncio.timeout(PATIENCE_S):
            answers = await asyncio.gather(*asked)
        wrong = await client.post("/api/v1/session", json={"name": "nobody", "password": "wrong password"})
    assert Counter(answer.status_code for answer in answers) == {401: 60, 403: 10}
    assert wrong.status_code == 401


async def test_advice_becomes_a_proposal_and_a_message_by_itself(world, client, settings: ApiSettings) -> None:
    """Without a person: a time is proposed, and the owner's message lies in the outbox, in their language."""
    world.suggest()
    await until(lambda: len(list(settings.outbox_folder.glob("*.txt"))) == 1)
    (path,) = settings.outbox_folder.glob("*.txt")
    assert "更换节温器" in path.read_text(encoding="utf-8")
    answer = await client.get("/api/v1/appointments", headers=headers_of(world, world.here.owner))
    assert [one["state"] for one in answer.json()["items"]] == ["proposed"]


async def test_a_new_device_brings_its_car_into_care(world, client) -> None:
    """The vehicle of a device that was enrolled is the first dealer's, under the device's name."""
    with transaction(world.engine) as connection:
        vehicle_id = enrol(connection, name="fresh", now=datetime.now(UTC)).vehicle_id
    headers = headers_of(world, world.here.advisor)

    def known() -> bool:
        with reading(world.engine) as connection:
            return vehicle_id in set(connection.execute(sa.select(tables.vehicles.c.id)).scalars())

    await until(known)
    answer = (await client.get(f"/api/v1/vehicles/{vehicle_id}", headers=headers)).json()
    assert (answer["model"], [one["name"] for one in answer["devices"]]) == ("fresh", ["fresh"])


async def test_listeners_are_told_of_changes(world, client) -> None:
    """A stream begins with the present revisions and tells the next ones when a suggestion comes."""
    headers = headers_of(world, world.here.advisor)
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", "/api/v1/stream", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = []
        async for line in stream.aiter_lines():
            if not line.startswith("data:"):
                continue
            told.append(line)
            if len(told) == 1:
                await asyncio.to_thread(world.suggest)
            else:
                break
    assert told[0] == "data: 0.0"
    assert told[1] != told[0]


async def test_an_open_stream_does_not_hold_up_the_end(world, settings: ApiSettings) -> None:
    """The desk ends when asked to, although somebody listens."""
    stop, ready = asyncio.Event(), asyncio.Event()
    desk = asyncio.create_task(run(settings, stop=stop, ready=ready.set), name="desk")
    async with asyncio.timeout(PATIENCE_S):
        await ready.wait()
        base = f"http://127.0.0.1:{settings.port}"
        async with (
            httpx2.AsyncClient(base_url=base, headers=headers_of(world, world.admin)) as client,
            client.stream("GET", "/api/v1/stream") as stream,
        ):
            async for _ in stream.aiter_lines():
                stop.set()
        await desk


async def test_a_worker_that_fails_is_tried_again(world, client, settings: ApiSettings, monkeypatch) -> None:
    """An error of the desk's own work is logged, and neither ends the server nor the work."""
    from api.reminders import worker  # noqa: PLC0415  patched here

    monkeypatch.setattr(worker, "FAILURE_PAUSE_S", 0.05)
    real, failures = worker.turn, []

    def turn(*arguments: object, **more: object) -> None:
        if len(failures) < 2:
            failures.append(1)
            raise RuntimeError("broken for a moment")
        real(*arguments, **more)

    monkeypatch.setattr(worker, "turn", turn)
    await until(lambda: len(failures) == 2)
    world.suggest()
    await until(lambda: len(list(settings.outbox_folder.glob("*.txt"))) == 1)
    assert (await client.get("/readyz")).status_code == 200


async def test_the_first_start_makes_a_dealer_and_nobody(tmp_path: Path) -> None:
    """A fresh folder gets its tables and one dealer from the settings; no person, so no default password."""
    url = f"sqlite:///{tmp_path}/new/desk.db"
    settings = ApiSettings(data_dir=tmp_path, database_url=url, port=0, dealer_name_zh="旗舰店", dealer_bays=5)
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await run(settings, stop=stop)
        await run(settings, stop=stop)
    engine = open_database(url)
    with reading(engine) as connection:
        (dealer,) = list_dealers(connection)
        assert connection.execute(sa.select(tables.users)).all() == []
    engine.dispose()
    assert (dealer.name["zh"], dealer.opening.bays) == ("旗舰店", 5)


async def test_a_desk_that_cannot_open_says_why(settings: ApiSettings, tmp_path: Path) -> None:
    """A port in use or a public address ends the start with a sentence."""
    with open_socket(settings), pytest.raises(ListenError):
        await run(settings, stop=asyncio.Event())
    public = ApiSettings(data_dir=tmp_path, database_url=settings.database_url, host="0.0.0.0")  # noqa: S104  refused
    with pytest.raises(ExposureError):
        await run(public, stop=asyncio.Event())
