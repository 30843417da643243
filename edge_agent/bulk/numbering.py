"""Which message each frame is: identifiers to numbers by a table without collisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

Array: TypeAlias = NDArray[Any]
_MULTIPLIER = 2_654_435_761
"""Odd, near 2**32 divided by the golden ratio: spreads neighbouring numbers (Knuth, volume 3, section 6.4)."""
_TRIES = 64
_BITS = 32
_MOST_BITS = 20
"""A table of a million slots takes 6 MB."""
_NEVER = np.uint32(0x7FFF_FFFF)
"""The key of no frame: 11-bit identifiers are below 2048, 29-bit ones have bit 31 set."""


class Numbering:
    """Numbers keys 0, 1, 2 … in ascending order; a key that is not known gets the number after the last.

    The table has a slot for each value of ``(key * multiplier mod 2**32) >> shift``, with a multiplier that gives each
    known key a slot of its own, so that one look and one comparison settle a frame. Where so many keys are known that
    no table of a bearable size has that, they are searched instead.
    """

    def __init__(self, keys: Iterable[int]) -> None:
        self.keys = np.array(sorted(keys), dtype=np.uint32)
        found = _collision_free(self.keys)
        self._hashed = found is not None
        self._multiplier, self._shift = found or (np.uint32(1), np.uint32(_BITS - 1))
        if not self._hashed:
            return
        slots = self._slots(self.keys)
        self._key_at = np.full(1 << (_BITS - int(self._shift)), _NEVER, dtype=np.uint32)
        self._key_at[slots] = self.keys
        self._number_at = np.zeros(len(self._key_at), dtype=np.uint16)
        self._number_at[slots] = np.arange(len(self.keys))

    def __len__(self) -> int:
        return len(self.keys)

    def numbers(self, keys: Array) -> Array:
        """The number of each key, shape and order of ``keys`` (uint32)."""
        if not self._hashed:
            return self._searched(keys)
        slots = self._slots(keys).astype(np.intp)
        numbers = self._number_at.take(slots)
        numbers[self._key_at.take(slots) != keys] = len(self.keys)
        return numbers

    def _searched(self, keys: Array) -> Array:
        numbers = np.searchsorted(self.keys, keys)
        known = self.keys[np.minimum(numbers, len(self.keys) - 1)] == keys
        return np.where(known, numbers, len(self.keys))

    def _slots(self, keys: Array) -> Array:
        return (keys * self._multiplier) >> self._shift


def _collision_free(keys: Array) -> tuple[np.uint32, np.uint32] | None:
    """The multiplier and shift of the smallest table in which no two keys meet; None if it would be too large."""
    bits = max(1, len(keys).bit_length())
    while bits <= _MOST_BITS:
        shift = np.uint32(_BITS - bits)
        for at in range(_TRIES):
            multiplier = np.uint32(_MULTIPLIER * (2 * at + 1) % (1 << _BITS))
            slots = (keys * multiplier) >> shift
            if len(np.unique(slots)) == len(keys):
                return multiplier, shift
        bits += 1
    return None
