"""Which parameters to ask for next: by rates, within what the car has, with patience for what stays silent. Pure.

Nothing is ever asked for that the bitmaps of service 01 don't name.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from edge_agent.protocols.obd import BUSY_REPEAT, MOST_PIDS
from vehicle.obd import PIDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FAST_S, MEDIUM_S, SLOW_S = 1.0, 5.0, 10.0
"""Seconds between readings (our choice): what moves with the pedal, with the drive, temperatures and levels."""
LONGEST_S = 300.0
"""A parameter that stays silent or is refused is asked for at least so often, in case it comes back."""
FASTEST_S = 0.1
"""No parameter is asked for more often (our choice): about what one request at a time can bring."""
LOOK = (0x0C, 0x0D, 0x42)
"""Engine speed, vehicle speed, voltage: whether the car is driven."""
SPACING_S = 0.05
"""Between two requests at least 50 ms, so that a car's gateway is never kept busy by us."""

_FAST = (
    0x04, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x10, 0x11, 0x42, 0x43, 0x44, 0x49, 0x5E,
    *range(0x14, 0x1C), *range(0x24, 0x2C), *range(0x34, 0x3C),
)  # fmt: skip
_MEDIUM = (
    0x01, 0x03, 0x05, 0x0A, 0x0F, 0x22, 0x23, 0x2C, 0x2D, 0x2E, 0x32, 0x45, 0x47, 0x48, 0x4A, 0x4B, 0x4C, 0x59, 0x5A,
    0x5C, 0x5D, 0x61, 0x62, 0x66, 0x67, 0x68, 0x8D, 0x8E, 0x9D, 0x9E, 0xA2,
)  # fmt: skip
_ONCE = (0x12, 0x13, 0x1C, 0x1D, 0x4F, 0x50, 0x51, 0x5F, 0x63)
"""What a car is, not what it does: read when a connection begins, and every five minutes."""

PERIODS_S: Mapping[int, float] = MappingProxyType(
    dict.fromkeys(PIDS, SLOW_S)
    | dict.fromkeys(_FAST, FAST_S)
    | dict.fromkeys(_MEDIUM, MEDIUM_S)
    | dict.fromkeys(_ONCE, LONGEST_S)
)
"""Seconds between two readings of a parameter."""


@dataclass(slots=True)
class _Turn:
    ecu: str
    due_s: float
    failures: int = 0
    alone: bool = False
    read_s: float = 0.0


class Poller:
    """The turns of each parameter. ``supported`` names the ECUs, the first that has a parameter gives it."""

    def __init__(self, supported: Mapping[str, Collection[int]], now_s: float, *, at_once: int = MOST_PIDS) -> None:
        self.at_once = at_once
        self._turns: dict[int, _Turn] = {}
        self._wanted: dict[int, float] = {}
        for ecu, pids in sorted(supported.items()):
            for pid in sorted(set(pids) & PIDS.keys()):
                self._turns.setdefault(pid, _Turn(ecu, now_s))

    @property
    def pids(self) -> frozenset[int]:
        """What is polled."""
        return frozenset(self._turns)

    def want(self, periods_s: Mapping[str, float]) -> None:
        """From now on these signals (by VSS path) are read at least so often, as far as the car has them."""
        self._wanted = {
            pid: max(FASTEST_S, min(periods_s[field.path] for field in PIDS[pid].fields if field.path in periods_s))
            for pid in self._turns
            if any(field.path in periods_s for field in PIDS[pid].fields)
        }
        for pid, period_s in self._wanted.items():
            turn = self._turns[pid]
            if not turn.failures:
                turn.due_s = min(turn.due_s, turn.read_s + period_s)

    def _period_s(self, pid: int) -> float:
        return min(PERIODS_S[pid], self._wanted.get(pid, LONGEST_S))

    def due(self, now_s: float) -> tuple[str, tuple[int, ...]] | None:
        """The ECU to ask, and for which parameters: the most overdue first; what failed is asked for alone."""
        waiting = sorted((turn.due_s, pid) for pid, turn in self._turns.items() if turn.due_s <= now_s)
        if not waiting:
            return None
        first = waiting[0][1]
        turn = self._turns[first]
        if turn.alone or self.at_once == 1:
            return turn.ecu, (first,)
        same = [pid for _, pid in waiting if self._turns[pid].ecu == turn.ecu and not self._turns[pid].alone]
        return turn.ecu, tuple(same[: self.at_once])

    def look(self) -> tuple[str, tuple[int, ...]] | None:
        """The ECU to ask, and for what, to see whether the car is driven; None where it tells nothing of that."""
        there = [pid for pid in LOOK if pid in self._turns]
        if not there:
            return None
        ecu = self._turns[there[0]].ecu
        of_it = [pid for pid in there if self._turns[pid].ecu == ecu]
        return ecu, tuple(of_it[: self.at_once])

    def next_due_s(self) -> float:
        """When :meth:`due` will have something to say; infinity where nothing is polled."""
        return min((turn.due_s for turn in self._turns.values()), default=float("inf"))

    def answered(self, pid: int, now_s: float) -> None:
        """A value came: the next turn is a period after this one was due, but never in the past."""
        turn = self._turns[pid]
        turn.failures, turn.alone = 0, False
        turn.due_s, turn.read_s = max(turn.due_s + self._period_s(pid), now_s), now_s

    def failed(self, pid: int, now_s: float, *, refusal: int | None = None) -> None:
        """Silence or a refusal: the wait doubles each time; what an ECU refuses for good waits longest at once."""
        turn = self._turns[pid]
        turn.failures, turn.alone = turn.failures + 1, True
        wait_s = min(LONGEST_S, self._period_s(pid) * 2**turn.failures)
        if refusal is not None and refusal != BUSY_REPEAT:
            wait_s = LONGEST_S
        turn.due_s = now_s + wait_s

    def left_out(self, pid: int, now_s: float) -> None:
        """A request for several brought nothing for this one: it is asked for alone, at once, before it is judged."""
        turn = self._turns[pid]
        turn.alone, turn.due_s = True, now_s

    def one_at_a_time(self) -> None:
        """From now on each request names one parameter: this car does not take more."""
        self.at_once = 1
