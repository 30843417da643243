"""Many frames as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
CLASSIC, LONGEST = 8, 64
"""Most bytes of data in a frame of classic CAN, and of CAN FD."""

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """``n`` frames, in the order in which they were recorded.

    Attributes:
        times_us: shape ``(n,)``, microseconds since 1970-01-01 UTC, int64.
        keys: shape ``(n,)``, identifiers, with bit 31 set where they have 29 bits, uint32.
        lengths: shape ``(n,)``, bytes of data of each, uint8.
        data: shape ``(n, width)``, the data, zeros after its end; ``width`` is 8, or 64 where a frame is longer.
    """

    times_us: Array
    keys: Array
    lengths: Array
    data: Array

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, part: slice | Array) -> Frames:
        return Frames(
            times_us=self.times_us[part], keys=self.keys[part], lengths=self.lengths[part], data=self.data[part]
        )

    @staticmethod
    def joined(parts: Sequence[Frames]) -> Frames:
        """Several arrays of frames as one, one after the other."""
        width = max(part.data.shape[1] for part in parts)
        return Frames(
            times_us=np.concatenate([part.times_us for part in parts]),
            keys=np.concatenate([part.keys for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
            data=np.concatenate([np.pad(part.data, ((0, 0), (0, width - part.data.shape[1]))) for part in parts]),
        )
