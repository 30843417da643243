"""The spool behind the event loop: every call runs in a thread, one at a time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from edge_agent.spool import CodeChange, Entry, Position, Record, Spool
    from vehicle.messages import Ack
    from vehicle.signal_set import SignalSet

_Result = TypeVar("_Result")


class Store:
    """Async face of a :class:`~edge_agent.spool.Spool`."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self._lock = spool, threading.Lock()
        self._new_sets = False
        self.epoch = spool.epoch

    async def append(
        self, entries: Sequence[Entry], position: Position | None = None, codes: Sequence[CodeChange] = ()
    ) -> None:
        """Commits entries; when this returns they survive a power cut. A cancelled caller does not undo it."""
        await self._run(lambda: self._spool.append(entries, position, codes))

    async def codes(self) -> set[tuple[str, str, str]]:
        """The trouble codes that were there at last."""
        return await self._run(self._spool.codes)

    async def keep_set(self, chosen: SignalSet) -> None:
        """Keeps a signal set; the uplink announces it before the next batch."""
        await self._run(lambda: self._spool.keep_set(chosen.id, chosen.announced()))
        self._new_sets = True

    def take_new_sets(self) -> bool:
        """Whether a set came since this was last asked."""
        new, self._new_sets = self._new_sets, False
        return new

    async def waiting(self, *, but: Collection[int], limit: int) -> list[Record]:
        """The next records to send."""
        if limit <= 0:
            return []
        left_out = frozenset(but)
        return await self._run(lambda: self._spool.waiting(but=left_out, limit=limit))

    async def acknowledge(self, ack: Ack) -> int:
        """Deletes what the server holds; how many."""
        return await self._run(lambda: self._spool.acknowledge(ack))

    async def begin_sending(self) -> None:
        """Makes what is here backlog."""
        await self._run(self._spool.begin_sending)

    async def end_sending(self) -> None:
        """Notes that nothing is sent any more."""
        await self._run(self._spool.end_sending)

    async def bounds(self) -> tuple[int, int, int]:
        """First, last and number of waiting records."""
        return await self._run(self._spool.bounds)

    async def sets(self) -> dict[str, list[list[str | int]]]:
        """All kept signal sets."""
        return await self._run(self._spool.sets)

    async def position(self, key: str) -> Position | None:
        """How far a finite source has been read."""
        return await self._run(lambda: self._spool.position(key))

    async def latest_ms(self) -> int | None:
        """The latest time of any finite source."""
        return await self._run(self._spool.latest_ms)

    async def close(self) -> None:
        """Closes the spool, after what is still being written."""
        await self._run(self._spool.close)

    async def _run(self, call: Callable[[], _Result]) -> _Result:
        # The lock is the thread's, not the task's: a cancelled task goes, its write is finished all the same.
        return await asyncio.to_thread(self._alone, call)

    def _alone(self, call: Callable[[], _Result]) -> _Result:
        with self._lock:
            return call()
