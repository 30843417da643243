"""Which records are under way, and when they are due again. Pure: the time is handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

FIRST_WAIT_S = 15.0
"""An acknowledgement takes well under a second; 15 s tolerates a restart of ingest (our choice)."""
LONGEST_WAIT_S = 300.0
BACKLOG_PART = 2
"""The backlog has at most one part in so many of the window, so that a live batch never waits for it (our choice)."""
_JITTER = (0.5, 1.5)


@dataclass(slots=True)
class Sending:
    """A record under way: how often it was sent, and when it is due again."""

    tries: int
    due_s: float
    backlog: bool = False


@dataclass(slots=True)
class Window:
    """At most ``size`` records without an end-to-end acknowledgement."""

    size: int
    under_way: dict[int, Sending] = field(default_factory=dict)

    def room(self) -> int:
        """How many more may be sent."""
        return max(0, self.size - len(self.under_way))

    def takes_backlog(self) -> bool:
        """Whether one more record of the backlog may be sent: half of the window is kept for what happens now."""
        under_way = sum(sending.backlog for sending in self.under_way.values())
        return under_way < max(1, self.size // BACKLOG_PART)

    def sent(self, sequence: int, now_s: float, rng: Random, *, backlog: bool = False) -> None:
        """Notes a sending; the wait doubles each time, with jitter."""
        tries = self.under_way[sequence].tries + 1 if sequence in self.under_way else 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1))
        self.under_way[sequence] = Sending(tries, now_s + wait_s * rng.uniform(*_JITTER), backlog)

    def give_up(self, now_s: float) -> int:
        """Lets records that are due be sent again; how many."""
        due = [sequence for sequence, sending in self.under_way.items() if sending.due_s <= now_s]
        for sequence in due:
            del self.under_way[sequence]
        return len(due)

    def forget(self) -> None:
        """Lets everything be sent again, as after a new connection."""
        self.under_way.clear()

    def acknowledged(self, upto: int, ranges: Collection[tuple[int, int]], rejected: Collection[int]) -> None:
        """Takes out what the server holds or refused."""
        for sequence in list(self.under_way):
            held = sequence <= upto or any(first <= sequence <= last for first, last in ranges)
            if held or sequence in rejected:
                del self.under_way[sequence]
