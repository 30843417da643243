"""What a trip's sums would be, had all of it arrived: batches get lost, and no value stands for longer than it holds.

The part of a trip of which nothing arrived is taken for like the rest of it. Without that, wear is counted too low on a
bad line by as much as is lost, and with it what is left of parts too high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums

MOST = 3.0
"""Less than a third of a trip tells too little of it: no sum is raised by more (our choice)."""
LEAST_MS = 1000.0


def whole(sums: Sums, name: str) -> Floats:
    """A sum over the time with the engine on or in motion, for the whole of that time."""
    active = sums["active_ms"]
    return _raised(sums[name], active + sums["missed_ms"], active)


def whole_of(sums: Sums, name: str, counted: str) -> Floats:
    """A sum over only the ms that the sum ``counted`` tells, for the whole time with the engine on or in motion."""
    return _raised(sums[name], sums["active_ms"] + sums["missed_ms"], sums[counted])


def _raised(values: Floats, length_ms: Floats, counted_ms: Floats) -> Floats:
    factor = np.clip(length_ms / np.maximum(counted_ms, LEAST_MS), 1.0, MOST)
    return values * factor
