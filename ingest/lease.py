"""Who of several ingest workers does what only one may do: a lock of PostgreSQL, held as long as its connection."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from ingest.ending import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = logging.getLogger(__name__)
LEASE = 7_237_002
"""Number of the advisory lock (our choice; advisory locks are of one database)."""
LOOK_S = 1.0
"""So often the holder looks whether it still is, and the others whether there is none (our choice)."""
_Found = TypeVar("_Found")
_SETTINGS = ("tcp_keepalives_idle = 5", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 3")
"""A holder whose machine went dark is given up after 11 s, not after Linux's two hours (our choice)."""


class Lease:
    """``held`` is set while this worker holds it, ``lost`` while it does not; the only worker on SQLite always does."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "ingest-lease")
        self._failing = False
        self.held, self.lost = asyncio.Event(), asyncio.Event()
        self.lost.set()

    async def run(self) -> None:
        """Takes the lease whenever nobody has it, until cancelled; the database may come and go."""
        if self._engine.dialect.name != "postgresql":
            self._note(held=True)
            return
        try:
            while not is_cancelled():
                try:
                    await self._compete()
                except sa.exc.DBAPIError as error:
                    if not self._failing:
                        LOG.warning("cannot ask the database whose turn it is (%s); trying again", error.orig)
                    self._failing = True
                await asyncio.sleep(LOOK_S)
        finally:
            self._thread.shutdown()

    async def _compete(self) -> None:
        connection = await self._aside(self._connect)
        try:
            while not is_cancelled():
                self._note(held=await self._aside(lambda: self._ask(connection)))
                self._failing = False
                await asyncio.sleep(LOOK_S)
        finally:
            self._note(held=False)
            self._thread.submit(_close, connection)

    async def _aside(self, call: Callable[[], _Found]) -> _Found:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _connect(self) -> sa.Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for setting in _SETTINGS:
            connection.exec_driver_sql(f"SET {setting}")
        return connection

    def _ask(self, connection: sa.Connection) -> bool:
        statement = "SELECT true" if self.held.is_set() else f"SELECT pg_try_advisory_lock({LEASE})"
        return bool(connection.exec_driver_sql(statement).scalar())

    def _note(self, *, held: bool) -> None:
        if held == self.held.is_set():
            return
        if held:
            LOG.info("this worker keeps history, presence and commands")
            self.lost.clear()
            self.held.set()
        else:
            self.held.clear()
            self.lost.set()


def _close(connection: sa.Connection) -> None:
    # Given back to the pool it would keep the lock.
    connection.invalidate()
    connection.close()
