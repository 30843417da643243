"""What happened lately: bounded by time and by bytes, the oldest goes first. Pure."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Ring(Generic[_Item]):
    """Items of the last ``span`` units of time, at most ``most_bytes`` of them.

    ``lost`` is the time of the latest item that went for want of room, before its time.
    """

    def __init__(self, span: int, most_bytes: int) -> None:
        self._span, self._most_bytes = span, most_bytes
        self._items: deque[tuple[int, int, _Item]] = deque()
        self._bytes = 0
        self.lost: int | None = None

    def add(self, at: int, item: _Item, size: int) -> None:
        """Takes an item of about ``size`` bytes; items come in the order of time."""
        self._items.append((at, size, item))
        self._bytes += size
        while self._items and self._items[0][0] < at - self._span:
            self._drop()
        while self._bytes > self._most_bytes:
            self.lost = self._drop()

    def _drop(self) -> int:
        at, size, _ = self._items.popleft()
        self._bytes -= size
        return at

    def after(self, at: int) -> list[_Item]:
        """The items from ``at`` on."""
        return [item for when, _, item in self._items if when >= at]
