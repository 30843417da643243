"""Readings, as they come, on a grid of times. Pure.

Only what was read anew since the last grid point is a sample: a slow parameter leaves gaps, and is never repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Sampler:
    """Collects readings for one grid point; of several readings of a signal the last counts."""

    period_s: float
    next_s: float
    _fresh: dict[str, int] = field(default_factory=dict)

    @classmethod
    def starting(cls, now_s: float, period_s: float) -> Sampler:
        """A grid whose first point is one period from ``now_s``."""
        return cls(period_s, now_s + period_s)

    def take(self, values: Mapping[str, int]) -> None:
        """Notes what was read."""
        self._fresh.update(values)

    def row(self, now_s: float) -> dict[str, int] | None:
        """What was read since the last grid point, once the next one is reached; else None.

        Grid points that were missed, because a request took long, are left out.
        """
        if now_s < self.next_s:
            return None
        missed = int((now_s - self.next_s) // self.period_s)
        self.next_s += (missed + 1) * self.period_s
        fresh, self._fresh = self._fresh, {}
        return fresh
