"""Of several workers one holds the lease; when it ends, another takes it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from ingest import pipeline
from ingest.errors import WorkersError
from ingest.lease import Lease
from ingest.settings import IngestSettings
from ingest.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import sqlalchemy as sa

PATIENCE_S = 30


@pytest.fixture(name="shared")
def _shared(postgres) -> Iterator[sa.Engine]:
    url = postgres.create()
    engine = open_database(url)
    yield engine
    engine.dispose()
    postgres.drop(url)


@contextlib.asynccontextmanager
async def competing(engine: sa.Engine) -> AsyncIterator[Lease]:
    lease = Lease(engine)
    task = asyncio.create_task(lease.run())
    try:
        yield lease
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def one_holds_it(*leases: Lease) -> Lease:
    """Waits until one of them holds the lease; the one that does."""
    waits = [asyncio.create_task(one.held.wait()) for one in leases]
    done, _ = await asyncio.wait(waits, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    assert done, "nobody took the lease"
    (holder,) = [one for one in leases if one.held.is_set()]
    return holder


async def test_one_holds_it_and_another_takes_over(shared) -> None:
    """When the holder ends, the one that waited has it."""
    async with contextlib.AsyncExitStack() as stack:
        early = await stack.enter_async_context(competing(shared))
        assert await one_holds_it(early) is early
        async with competing(shared) as waiting:
            await stack.aclose()
            assert await one_holds_it(waiting) is waiting


async def test_it_is_lost_with_its_connection_and_passes_on(shared) -> None:
    """PostgreSQL ends the holder's connection: the holder learns of it, and again one of them has it."""
    async with competing(shared) as one, competing(shared) as other:
        holder = await one_holds_it(one, other)
        end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        with shared.connect() as connection:
            connection.exec_driver_sql(end)
        await asyncio.wait_for(holder.lost.wait(), PATIENCE_S)
        await one_holds_it(one, other)


async def test_on_sqlite_the_only_worker_holds_it(engine) -> None:
    """Without waiting."""
    lease = Lease(engine)
    await lease.run()
    assert lease.held.is_set()


@pytest.mark.parametrize("more", [{"workers": 2}, {"group": "pair"}])
async def test_several_workers_on_sqlite_are_refused(engine, tmp_path, more) -> None:
    """With a sentence that says what to do."""
    url = engine.url.render_as_string(hide_password=False)
    with pytest.raises(WorkersError, match="PostgreSQL"):
        await pipeline.run(IngestSettings(data_dir=tmp_path, database_url=url, **more), stop=asyncio.Event())
