"""Rows of raw integers as few bytes: presence, change, and only the differences that are not nothing. Pure.

On a bus most values are as they were, so a bit that says "as before" is the commonest thing to be told, and zstd packs
many equal bits well. Byte by byte in docs/protocol.md. A *varint* is LEB128, unsigned, 64 bits; a *zigzag* is a varint
of a signed number, 0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from vehicle.errors import Reason, WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ROWS = 100_000
MAX_COLUMNS = 1_000
MAX_CELLS = 4_000_000
"""Rows times columns of one batch (our choice), so that a few bytes cannot fill the memory."""
_NONE, _ALL, _SOME = range(3)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_MAX_VARINT = 1 << 64
_LAST_BYTE, _MORE = 0x7F, 0x80
_MOST_SHIFT = 63

Column = tuple[int | None, ...]


def put_varint(out: bytearray, value: int) -> None:
    """Appends an unsigned number below 2⁶⁴."""
    while value > _LAST_BYTE:
        out.append(value & _LAST_BYTE | _MORE)
        value >>= 7
    out.append(value)


def zigzag(value: int) -> int:
    """A signed number as an unsigned one: small ones stay small."""
    return value << 1 if value >= 0 else ~(value << 1)


def pack_rows(times_ms: Sequence[int], columns: Iterable[Column]) -> bytes:
    """Times and columns of a batch; ``columns`` are ``(n_signals,)`` of ``(n_rows,)`` raw integers or None."""
    out = bytearray()
    rows = len(times_ms)
    put_varint(out, rows)
    put_varint(out, zigzag(times_ms[0]) if times_ms else 0)
    runs = _runs(later - earlier for earlier, later in pairwise(times_ms))
    put_varint(out, len(runs))
    for count, step in runs:
        put_varint(out, count)
        put_varint(out, step)
    forms, present, changed, first, different = bytearray(), bytearray(), bytearray(), bytearray(), bytearray()
    width = (rows + 7) // 8
    for column in columns:
        form, change_bits = _pack_column(column, first, different)
        forms.append(form)
        if form == _SOME:
            bits = sum(1 << row for row, value in enumerate(column) if value is not None)
            present += bits.to_bytes(width, "little")
        if form != _NONE:
            changed += change_bits.to_bytes(width, "little")
    put_varint(out, len(forms))
    return bytes(out + forms + present + changed + first + different)


def _pack_column(column: Column, first: bytearray, different: bytearray) -> tuple[int, int]:
    """Form and change bits of a column, whose numbers are appended."""
    before: int | None = None
    bits = gaps = 0
    for row, value in enumerate(column):
        if value is None:
            gaps += 1
        elif value != before:
            if before is None:
                put_varint(first, zigzag(value))
            else:
                bits |= 1 << row
                put_varint(different, zigzag(_wrapped(value - before)) - 1)
            before = value
    if before is None:
        return _NONE, 0
    return _SOME if gaps else _ALL, bits


def _wrapped(value: int) -> int:
    """As 64-bit arithmetic has it, which a difference of far values overflows and its sum undoes."""
    return value if _LOWEST <= value <= _HIGHEST else (value - _LOWEST) % _MAX_VARINT + _LOWEST


def _runs(steps: Iterable[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][1] == step:
            runs[-1][0] += 1
        else:
            runs.append([1, step])
    return runs


def unpack_rows(body: bytes, at: int, expected: int) -> tuple[tuple[int, ...], tuple[Column, ...]]:
    """Times and columns of what :func:`pack_rows` wrote, from byte ``at`` to the end; ``expected`` columns.

    Raises:
        WireError: it ends too early or too late, its parts disagree, or it would be too large.
    """
    read = Reader(body, at)
    rows, first_ms, runs = read.varint(), read.zigzag(), read.varint()
    if not 1 <= rows <= MAX_ROWS or runs >= rows:
        raise WireError(Reason.DECODE, f"it says {rows} rows and {runs} runs of steps; 1 to {MAX_ROWS} rows are taken")
    times = _times(read, rows, first_ms, runs)
    count = read.varint()
    if count != expected:
        raise WireError(Reason.UNKNOWN_SCHEMA, f"{count} columns, its signal set has {expected}")
    if count * rows > MAX_CELLS:
        raise WireError(Reason.DECODE, f"{count} columns of {rows} rows are more than {MAX_CELLS} cells")
    return times, _columns(read, rows, count)


def _times(read: Reader, rows: int, first_ms: int, runs: int) -> tuple[int, ...]:
    steps: list[int] = []
    for _ in range(runs):
        count, step = read.varint(), read.varint()
        if not count or not step or count > rows - 1 - len(steps):
            raise WireError(Reason.DECODE, "the times of its rows do not increase, or are more or fewer than its rows")
        steps += [step] * count
    times = tuple(accumulate(steps, initial=first_ms))
    if len(times) != rows or not _LOWEST <= times[-1] <= _HIGHEST:
        raise WireError(Reason.DECODE, f"its steps lead to {len(times)} rows, it says {rows}, or beyond 64 bits")
    return times


def _columns(read: Reader, rows: int, count: int) -> tuple[Column, ...]:
    width = (rows + 7) // 8
    forms = read.take(count)
    if any(form > _SOME for form in forms):
        raise WireError(Reason.DECODE, f"a column's form is none of {_NONE}, {_ALL}, {_SOME}")
    present = [_bits(read.take(width), rows) if form == _SOME else None for form in forms]
    changed = [_bits(read.take(width), rows) if form != _NONE else 0 for form in forms]
    first = [read.zigzag() if form != _NONE else 0 for form in forms]
    nothing: Column = (None,) * rows
    columns = tuple(
        nothing if form == _NONE else _unpack_column(read, rows, here, change, value)
        for form, here, change, value in zip(forms, present, changed, first, strict=True)
    )
    read.end()
    return columns


def _unpack_column(read: Reader, rows: int, present: int | None, changed: int, value: int) -> Column:
    if present is not None and (not present or changed & ~present):
        raise WireError(Reason.DECODE, "a column changes where it has no value, or has none at all")
    first_row = 0 if present is None else (present & -present).bit_length() - 1
    if changed & ((2 << first_row) - 1):
        raise WireError(Reason.DECODE, "a column changes before its first value")
    cells: list[int | None] = []
    while changed:
        lowest = changed & -changed
        cells += [value] * (lowest.bit_length() - 1 - len(cells))
        different = read.varint() + 1
        value += different >> 1 if not different & 1 else -(different + 1 >> 1)
        if not _LOWEST <= value <= _HIGHEST:
            value = _wrapped(value)
        changed ^= lowest
    cells += [value] * (rows - len(cells))
    if present is not None:
        cells = [cell if present >> row & 1 else None for row, cell in enumerate(cells)]
    return tuple(cells)


def _bits(mask: bytes, rows: int) -> int:
    bits = int.from_bytes(mask, "little")
    if bits >> rows:
        raise WireError(Reason.DECODE, f"a bitmap has bits beyond its {rows} rows")
    return bits


class Reader:
    """Numbers and bytes one after the other.

    Raises:
        WireError: from any of its methods: there is not so much, or there is more.
    """

    def __init__(self, body: bytes, at: int = 0) -> None:
        self._body, self.at = body, at

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        taken = self._body[self.at : self.at + count]
        if len(taken) != count:
            raise WireError(Reason.DECODE, f"it ends after {len(self._body)} bytes, in the middle of something")
        self.at += count
        return taken

    def varint(self) -> int:
        """The next unsigned number."""
        body, at = self._body, self.at
        try:
            value = byte = body[at]
            shift = 0
            while byte > _LAST_BYTE and shift < _MOST_SHIFT:
                value -= _MORE << shift
                at, shift = at + 1, shift + 7
                byte = body[at]
                value += byte << shift
        except IndexError:
            raise WireError(Reason.DECODE, f"it ends after {len(body)} bytes, in the middle of a number") from None
        if value >= _MAX_VARINT:
            raise WireError(Reason.DECODE, "a number is beyond 64 bits")
        self.at = at + 1
        return value

    def zigzag(self) -> int:
        """The next signed number."""
        value = self.varint()
        return value >> 1 if not value & 1 else -(value + 1 >> 1)

    def end(self) -> None:
        """Looks that nothing is left."""
        if self.at != len(self._body):
            raise WireError(Reason.DECODE, f"{len(self._body) - self.at} bytes are left over at its end")
