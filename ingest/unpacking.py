"""Many packed batches of one signal set as arrays, all at once: what `vehicle.packing` reads one by one.

All batches are laid behind one another and read by numpy: the first number of each, the second of each, and so on, then
their bitmaps and what is behind them. A batch that anything is wrong with, or odd about, is left to
:meth:`vehicle.wire.Packed.unpack`, which says what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vehicle.packing import MAX_CELLS, MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from vehicle.signal_set import SignalSet
    from vehicle.wire import Packed

    Integers = NDArray[np.int64]
    Numbers = NDArray[np.uint64]
    Bits = NDArray[np.bool_]
    Bytes = NDArray[np.uint8]

_NONE, _ALL, _SOME = range(3)
_BITS, _LAST_BYTE, _LONGEST = 7, 0x7F, 8
"""Numbers of more than 8 bytes (56 bits) are left to the slow reader, which knows all about overflow."""
_LONGEST_NUMBER = 9
_PLACES = np.arange(_LONGEST_NUMBER)
"""Numbers of a head may have 9 bytes (63 bits): a boot's number is as long."""
_MOST_RUNS = 64
"""Batches whose steps change more often than that are left to the slow reader (our choice)."""
_LONG_MS = 1 << 40
"""So are those with a step of more than thirty years."""
_FAR = 1 << 61
CELLS_AT_ONCE = 250_000
"""Cells that are laid out together (our choice): 2 MB of integers, so that a block stays near the processor."""


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
class _Heads:
    """Batches up to their bitmaps, an element or row each: how much of ``flat`` is read of each and where it ends.

    ``counts`` and ``steps`` are ``(n, most runs)``, zero where a batch has fewer runs.
    """

    flat: Bytes
    at: Integers
    end: Integers
    rows: Integers
    first_ms: Integers
    counts: Integers
    steps: Integers

    def some(self, which: NDArray[np.intp] | Bits) -> _Heads:
        """Those of them."""
        chosen = (one[which] for one in (self.at, self.end, self.rows, self.first_ms, self.counts, self.steps))
        return _Heads(self.flat, *chosen)


def unpack_many(batches: Sequence[Packed], signal_set: SignalSet) -> tuple[list[Block], list[int]]:
    """The batches as blocks of equal length, and the places of those that could not be read so."""
    columns = len(signal_set.entries)
    mine = np.array([place for place, one in enumerate(batches) if one.signal_set_id == signal_set.id], np.intp)
    if not columns or not len(mine):
        return [], list(range(len(batches)))
    heads, sound = _heads([batches[place] for place in mine], columns)
    blocks, read = [], []
    for rows in np.unique(heads.rows[sound]).tolist():
        same = np.flatnonzero(sound & (heads.rows == rows))
        most = max(1, CELLS_AT_ONCE // (rows * columns))
        for start in range(0, len(same), most):
            which = same[start : start + most]
            block, right = _block(heads.some(which), rows, columns)
            if block is not None:
                places = mine[which[right]].tolist()
                blocks.append(Block(places, *block))
                read += places
    return blocks, sorted(set(range(len(batches))).difference(read))


def _heads(batches: Sequence[Packed], columns: int) -> tuple[_Heads, Bits]:
    """All batches up to their columns' forms, and of which of them that could be read and makes sense."""
    bodies = [one.body for one in batches]
    end = np.cumsum([len(body) for body in bodies])
    flat = np.frombuffer(b"".join([*bodies, bytes(_LONGEST_NUMBER + 1)]), np.uint8)
    read = _Numbers(flat, end - [len(one.body) - one.at for one in batches], end)
    rows, first, runs = read.next(), read.next(), read.next()
    read.sound &= (rows >= 1) & (rows <= MAX_ROWS) & (runs < rows) & (runs <= _MOST_RUNS)
    most = int(runs[read.sound].max(initial=0))
    counts, steps = np.zeros((2, len(batches), most), np.int64)
    for run in range(most):
        which = np.flatnonzero(read.sound & (runs > run))
        count, step = read.next(which), read.next(which)
        counts[which, run], steps[which, run] = count, step
        read.sound[which] &= (count > 0) & (count < rows[which]) & (step > 0) & (step < _LONG_MS)
    read.sound &= (read.next() == columns) & (rows <= MAX_CELLS // columns)
    first_ms = _signed(first.astype(np.uint64))
    read.sound &= (counts.sum(axis=1) == rows - 1) & (np.abs(first_ms) < _FAR)
    return _Heads(flat, read.at, end, rows, first_ms, counts, steps), read.sound


class _Numbers:
    """Varints of many batches, the next of each at once; ``sound`` are those that had one and no longer one each time.

    Below 2⁶³: longer numbers are left to the slow reader.
    """

    def __init__(self, flat: Bytes, at: Integers, end: Integers) -> None:
        self._flat, self.at, self._end = flat, at, end
        self.sound = np.ones(len(at), np.bool_)

    def next(self, which: NDArray[np.intp] | slice = slice(None)) -> Integers:
        """The next number of each batch, or of those at ``which``."""
        at, end = self.at[which], self._end[which]
        window = self._flat[np.minimum(at, end)[:, None] + _PLACES]
        is_end = window <= _LAST_BYTE
        length = is_end.argmax(axis=1) + 1
        self.sound[which] &= is_end.any(axis=1) & (at + length <= end)
        self.at[which] = at + length
        pieces = (window & _LAST_BYTE).astype(np.int64) << (_BITS * _PLACES)
        pieces[length[:, None] <= _PLACES] = 0
        numbers: Integers = pieces.sum(axis=1)
        return numbers


def _block(heads: _Heads, rows: int, columns: int) -> tuple[tuple[Integers, Integers, Bits] | None, Bits]:
    """Batches of equal length as times, raw values and presence, and which of them these are of.

    Without those that something is wrong with.
    """
    forms, right = _forms(heads, columns)
    width = (rows + 7) // 8
    used = forms != _NONE
    bitmaps = used.sum(axis=1) + (forms == _SOME).sum(axis=1)
    numbers_at = heads.at + columns + bitmaps * width
    right &= numbers_at <= heads.end
    if not right.all():
        return _block_of_right(heads, right, rows, columns)
    present, changed = _bitmaps(_slices(heads.flat, heads.at + columns, bitmaps * width), forms, rows)
    first_row = present.argmax(axis=2)
    firsts, changes = used.sum(axis=1), changed.sum(axis=(1, 2))
    lengths = heads.end - numbers_at
    numbers, whole = _varints(_slices(heads.flat, numbers_at, lengths), lengths, firsts + changes)
    right = whole & _agree(present, changed, used, first_row, rows)
    if not right.all():
        return _block_of_right(heads, right, rows, columns)
    changed, present = changed[:, :, :rows], present[:, :, :rows]
    is_first = np.repeat(_taking_turns(True, False, len(heads.at)), np.stack((firsts, changes), axis=1).ravel())
    raw = np.zeros(changed.shape, np.int64)
    raw[changed] = _signed(numbers[~is_first] + np.uint64(1))
    raw[(*np.nonzero(used), first_row[used])] = _signed(numbers[is_first])
    np.cumsum(raw, axis=2, out=raw)
    return (_times(heads, rows), raw, present), right


def _block_of_right(
    heads: _Heads, right: Bits, rows: int, columns: int
) -> tuple[tuple[Integers, Integers, Bits] | None, Bits]:
    if not right.any():
        return None, right
    block, right_of_these = _block(heads.some(right), rows, columns)
    found = right.copy()
    found[right] = right_of_these
    return block, found


def _forms(heads: _Heads, columns: int) -> tuple[Bytes, Bits]:
    """The form of each column ``(n, n_columns)``, and which batches have so many, of forms that there are."""
    right = heads.at + columns <= heads.end
    places = np.minimum(heads.at[:, None] + np.arange(columns), len(heads.flat) - 1)
    forms = heads.flat[places]
    return forms, right & (forms <= _SOME).all(axis=1)


def _slices(flat: Bytes, begins: Integers, lengths: Integers) -> Bytes:
    """Parts of ``flat`` behind one another."""
    before = np.cumsum(lengths) - lengths
    return flat[np.repeat(begins - before, lengths) + np.arange(int(lengths.sum()))]


def _taking_turns(one: bool, other: bool, count: int) -> Bits:  # noqa: FBT001  two equal values, no switches
    return np.tile(np.array([one, other]), count)


def _times(heads: _Heads, rows: int) -> Integers:
    times = np.empty((len(heads.at), rows), np.int64)
    times[:, 0] = heads.first_ms
    times[:, 1:] = np.repeat(heads.steps.ravel(), heads.counts.ravel()).reshape(len(heads.at), rows - 1)
    return np.cumsum(times, axis=1, out=times)


def _bitmaps(flat: Bytes, forms: Bytes, rows: int) -> tuple[Bits, Bits]:
    """Where something is present and where it changes: ``(n, n_columns, n_rows`` rounded up to whole bytes)."""
    width = (rows + 7) // 8
    bits = np.unpackbits(flat.reshape(-1, width), axis=1, bitorder="little").view(np.bool_)
    some, used = forms == _SOME, forms != _NONE
    counts = np.stack((some.sum(axis=1), used.sum(axis=1)), axis=1).ravel()
    of_presence = np.repeat(_taking_turns(True, False, len(forms)), counts)
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


def _varints(joined: Bytes, lengths_of_parts: Integers, expected: Integers) -> tuple[Numbers, Bits]:
    """The numbers of parts behind one another, and of each part whether it is ``expected`` whole numbers."""
    bounds = np.zeros(len(lengths_of_parts) + 1, np.int64)
    np.cumsum(lengths_of_parts, out=bounds[1:])
    is_end = joined <= _LAST_BYTE
    ends = np.flatnonzero(is_end)
    lengths = np.diff(ends, prepend=-1)
    sound = np.diff(np.searchsorted(ends, bounds)) == expected
    sound &= (lengths_of_parts == 0) | is_end[np.maximum(bounds[1:], 1) - 1] if len(joined) else lengths_of_parts == 0
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
