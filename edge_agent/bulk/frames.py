"""Many frames as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


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
