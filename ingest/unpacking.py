"""Many packed batches of one signal set as arrays, all at once: what `vehicle.packing` reads one by one.

The bitmaps and numbers of all batches are laid behind one another and read by numpy; only the head of each batch is
read by itself. A batch that anything is wrong with is left to :meth:`vehicle.wire.Packed.unpack`, which says what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vehicle.errors import WireError
from vehicle.packing import MAX_CELLS, MAX_ROWS, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from vehicle.signal_set import SignalSet
    from vehicle.wire import Packed

    Integers = NDArray[np.int64]
    Numbers = NDArray[np.uint64]
    Bits = NDArray[np.bool_]

_NONE, _ALL, _SOME = range(3)
_BITS, _LAST_BYTE, _LONGEST = 7, 0x7F, 8
"""Numbers of more than 8 bytes (56 bits) are left to the slow reader, which knows all about overflow."""
_FAR = 1 << 62
CELLS_AT_ONCE = 1_000_000
"""Cells that are laid out together (our choice): 8 MB of integers, so that a block stays near the processor."""


@dataclass(frozen=True, slots=True)
class Block:
    """Batches of equal length: ``which`` of those asked for ``(n,)``, ``times_ms`` ``(n, n_rows)``, and the columns.

    ``raw`` and ``present`` are ``(n, n_columns, n_rows)``; where nothing is present ``raw`` means nothing.
    """

    which: Sequence[int]
    times_ms: Integers
    raw: Integers
    present: Bits


@dataclass(frozen=True, slots=True)
class _Part:
    """One batch before its bitmaps and numbers are read: what its head says, and the bytes behind."""

    place: int
    rows: int
    first_ms: int
    counts: list[int]
    steps: list[int]
    forms: bytes
    bitmaps: bytes
    numbers: bytes


def unpack_many(batches: Sequence[Packed], signal_set: SignalSet) -> tuple[list[Block], list[int]]:
    """The batches as blocks of equal length, and the places of those that could not be read so."""
    columns = len(signal_set.entries)
    by_rows: dict[int, list[_Part]] = {}
    blocks, odd = [], []
    for place, packed in enumerate(batches):
        part = _part(place, packed, columns) if packed.signal_set_id == signal_set.id else None
        if part is None:
            odd.append(place)
        else:
            by_rows.setdefault(part.rows, []).append(part)
    for rows, parts in by_rows.items():
        for some in _split(parts, max(1, CELLS_AT_ONCE // (rows * max(1, columns)))):
            block, wrong = _block(some, rows, columns)
            blocks += [block] if block is not None else []
            odd += wrong
    return blocks, sorted(odd)


def _split(parts: list[_Part], most: int) -> Iterator[list[_Part]]:
    for start in range(0, len(parts), most):
        yield parts[start : start + most]


def _part(place: int, packed: Packed, columns: int) -> _Part | None:
    """The batch up to its bitmaps; None where it cannot be one of a block."""
    read = Reader(packed.body, packed.at)
    try:
        rows, first_ms, runs = read.varint(), read.zigzag(), read.varint()
        if not 1 <= rows <= MAX_ROWS or runs >= rows:
            return None
        pairs = [read.varint() for _ in range(2 * runs)]
        if read.varint() != columns or columns * rows > MAX_CELLS:
            return None
        forms = read.take(columns)
        bitmaps = read.take((columns - forms.count(_NONE) + forms.count(_SOME)) * ((rows + 7) // 8))
    except WireError:
        return None
    counts, steps = pairs[::2], pairs[1::2]
    span_ms = sum(count * step for count, step in zip(counts, steps, strict=True))
    if 0 in pairs or sum(counts) != rows - 1 or abs(first_ms) + span_ms >= _FAR or max(forms, default=0) > _SOME:
        return None
    return _Part(place, rows, first_ms, counts, steps, forms, bitmaps, packed.body[read.at :])


def _block(parts: list[_Part], rows: int, columns: int) -> tuple[Block | None, list[int]]:
    """Batches of equal length as one block, without those that something is wrong with; the places of the latter."""
    forms = np.frombuffer(b"".join(part.forms for part in parts), np.uint8).reshape(len(parts), columns)
    used = forms != _NONE
    present, changed = _bitmaps(parts, forms, rows)
    first_row = present.argmax(axis=2)
    firsts, changes = used.sum(axis=1), changed.sum(axis=(1, 2))
    numbers, sound = _varints([part.numbers for part in parts], firsts + changes)
    right = sound & _agree(present, changed, used, first_row, rows)
    if not right.all():
        good = [part for part, is_right in zip(parts, right, strict=True) if is_right]
        wrong = [part.place for part, is_right in zip(parts, right, strict=True) if not is_right]
        return (_block(good, rows, columns)[0] if good else None), wrong
    changed, present = changed[:, :, :rows], present[:, :, :rows]
    is_first = np.repeat(_taking_turns(True, False, len(parts)), np.stack((firsts, changes), axis=1).ravel())
    raw = np.zeros(changed.shape, np.int64)
    raw[changed] = _signed(numbers[~is_first] + np.uint64(1))
    raw[(*np.nonzero(used), first_row[used])] = _signed(numbers[is_first])
    np.cumsum(raw, axis=2, out=raw)
    return Block([part.place for part in parts], _times(parts, rows), raw, present), []


def _taking_turns(one: bool, other: bool, count: int) -> Bits:  # noqa: FBT001  two equal values, no switches
    return np.tile(np.array([one, other]), count)


def _times(parts: list[_Part], rows: int) -> Integers:
    steps = np.array([step for part in parts for step in part.steps], np.int64)
    counts = np.array([count for part in parts for count in part.counts], np.int64)
    times = np.empty((len(parts), rows), np.int64)
    times[:, 0] = [part.first_ms for part in parts]
    times[:, 1:] = np.repeat(steps, counts).reshape(len(parts), rows - 1)
    return np.cumsum(times, axis=1, out=times)


def _bitmaps(parts: list[_Part], forms: NDArray[np.uint8], rows: int) -> tuple[Bits, Bits]:
    """Where something is present and where it changes: ``(n, n_columns, n_rows`` rounded up to whole bytes)."""
    width = (rows + 7) // 8
    bitmaps = np.frombuffer(b"".join(part.bitmaps for part in parts), np.uint8).reshape(-1, width)
    bits = np.unpackbits(bitmaps, axis=1, bitorder="little").view(np.bool_)
    some, used = forms == _SOME, forms != _NONE
    counts = np.stack((some.sum(axis=1), used.sum(axis=1)), axis=1).ravel()
    of_presence = np.repeat(_taking_turns(True, False, len(parts)), counts)
    present, changed = np.zeros((2, *forms.shape, 8 * width), np.bool_)
    present[..., :rows] = (forms == _ALL)[..., None]
    present[some] = bits[of_presence]
    changed[used] = bits[~of_presence]
    return present, changed


def _agree(present: Bits, changed: Bits, used: Bits, first_row: NDArray[np.intp], rows: int) -> Bits:
    """Of each batch whether its bitmaps hold together: what `vehicle.packing` looks for one by one."""
    beyond = (present | changed)[..., rows:].any(axis=(1, 2))
    changed_nothing = (changed & ~present).any(axis=(1, 2))
    changed_first = np.take_along_axis(changed, first_row[..., None], axis=2).any(axis=(1, 2))
    empty = (used & ~present.any(axis=2)).any(axis=1)
    return np.logical_not(beyond | changed_nothing | changed_first | empty)


def _varints(parts: Sequence[bytes], expected: Integers) -> tuple[Numbers, Bits]:
    """The numbers of all parts behind one another, and of each part whether it is ``expected`` whole numbers."""
    joined = np.frombuffer(b"".join(parts), np.uint8)
    bounds = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=bounds[1:])
    is_end = joined <= _LAST_BYTE
    ends = np.flatnonzero(is_end)
    lengths = np.diff(ends, prepend=-1)
    sound = np.diff(np.searchsorted(ends, bounds)) == expected
    sound &= np.array([not part or part[-1] <= _LAST_BYTE for part in parts])
    sound[np.searchsorted(bounds, ends[lengths > _LONGEST], side="right") - 1] = False
    begins = ends - lengths + 1
    numbers = (joined[begins] & _LAST_BYTE).astype(np.uint64)
    for at in range(1, min(_LONGEST, int(lengths.max(initial=0)))):
        longer = np.flatnonzero(lengths > at)
        piece = (joined[begins[longer] + at] & _LAST_BYTE).astype(np.uint64)
        numbers[longer] |= piece << np.uint64(_BITS * at)
    return numbers, sound


def _signed(zigzags: Numbers) -> Integers:
    one = np.uint64(1)
    return ((zigzags >> one) ^ (~(zigzags & one) + one)).view(np.int64)
