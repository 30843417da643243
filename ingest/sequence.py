"""Which sequences of an epoch are held: a contiguous beginning and closed ranges above it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Held:
    """All of 1 … ``upto`` and of the closed ``ranges`` above, which are sorted, apart from each other and above it."""

    upto: int = 0
    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, sequence: int) -> bool:
        if sequence <= self.upto:
            return True
        at = bisect_left(self.ranges, (sequence + 1,))
        return at > 0 and self.ranges[at - 1][1] >= sequence

    def add(self, sequences: Iterable[int]) -> Held:
        """What is held after ``sequences`` have been stored too; those already held change nothing."""
        new = sorted({sequence for sequence in sequences if sequence not in self})
        return _joined(self.upto, sorted([*self.ranges, *((sequence, sequence) for sequence in new)]))

    def with_one(self, sequence: int) -> Held:
        """What is held after ``sequence``, which is not held yet, has been stored too."""
        if sequence == self.upto + 1 and not self.ranges:
            return Held(sequence)
        return self.add([sequence])

    def settle(self, upto: int) -> Held:
        """What is held once 1 … ``upto`` is settled: whatever of it is not here was dropped and will not come."""
        if upto <= self.upto:
            return self
        return _joined(upto, [(max(first, upto + 1), last) for first, last in self.ranges if last > upto])


def _joined(upto: int, ranges: list[tuple[int, int]]) -> Held:
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if first == upto + 1 and not merged:
            upto = last
        elif merged and first == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return Held(upto, tuple(merged))
