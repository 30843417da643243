"""Messages that wait to be stored: what happens now before what happened earlier, and neither starves. Pure."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from vehicle.wire import MAGIC, Lane

MOST, MOST_BYTES = 20_000, 64 * 1024 * 1024
"""Where so many wait, or so many bytes, no more is read (our choice); windows bound what the broker keeps then."""
BACKLOG_PART = 4
"""At least one in so many taken at once is of the backlog, where there is one (our choice)."""
_LANE_AT = 4
_Item = TypeVar("_Item")


class Waiting(Generic[_Item]):
    """Two queues that look like one; within each the order is that of coming."""

    def __init__(self) -> None:
        self._now: deque[tuple[_Item, int]] = deque()
        self._earlier: deque[tuple[_Item, int]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._now) + len(self._earlier)

    def put(self, item: _Item, size: int, *, backlog: bool = False) -> None:
        """Adds one of ``size`` bytes at the end of its queue."""
        (self._earlier if backlog else self._now).append((item, size))
        self._bytes += size

    def take(self, most: int) -> list[_Item]:
        """Takes at most so many out."""
        earlier = min(len(self._earlier), max(most - len(self._now), most // BACKLOG_PART))
        found = [self._now.popleft() for _ in range(min(len(self._now), most - earlier))]
        found += [self._earlier.popleft() for _ in range(earlier)]
        self._bytes -= sum(size for _, size in found)
        return [item for item, _ in found]

    @property
    def is_full(self) -> bool:
        """Whether no more should be read."""
        return len(self) >= MOST or self._bytes >= MOST_BYTES

    @property
    def has_room(self) -> bool:
        """Whether reading should go on after a pause: half is free."""
        return len(self) < MOST // 2 and self._bytes < MOST_BYTES // 2


def is_backlog(payload: bytes) -> bool:
    """Whether a message says in its header that it is of the backlog; anything else counts as happening now."""
    return payload[: len(MAGIC)] == MAGIC and payload[_LANE_AT : _LANE_AT + 1] == bytes((Lane.BACKLOG,))
