"""candump's logs in bulk: lines of the common shape are read from the bytes with numpy, the others by python-can.

The common shape is ``(1436509052.249713) can0 044#2A366C2B``, with ten digits of seconds and six of fractions, an
identifier of three or eight digits, ``##`` and a flag for CAN FD, and perhaps `` R`` or `` T`` behind the data.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.bulk.collect import gathered
from edge_agent.bulk.frames import CLASSIC, LONGEST, Frames
from edge_agent.buses.recorded import UNPACKING, Lines, kept_going, python_can_candump
from edge_agent.decoders.layout import EXTENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.buses.recorded import Reading

Array: TypeAlias = NDArray[Any]
_SECONDS, _FRACTION = 10, 6
_SHORT_ID, _LONG_ID = 3, 8
_STAMP = 1 + _SECONDS + 1 + _FRACTION
"""Characters before the closing parenthesis."""
_MARGIN = 2 * LONGEST + 8
"""Bytes that may be looked at behind the end of a line."""
_BAD = 255


def _digits() -> Array:
    table = np.full(256, _BAD, np.uint8)
    for value, characters in enumerate(zip("0123456789ABCDEF", "0123456789abcdef", strict=True)):
        for character in characters:
            table[ord(character)] = value
    return table


_DIGIT = _digits()
"""Value of each byte as a hexadecimal digit, or 255."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where the parts of each line are: positions of its first byte, ``#``, data, end of data, and end."""

    start: Array
    mark: Array
    data: Array
    end: Array
    stop: Array

    def __getitem__(self, chosen: Array) -> _Shape:
        return _Shape(self.start[chosen], self.mark[chosen], self.data[chosen], self.end[chosen], self.stop[chosen])


class Content(Protocol):
    """A file that gives what it has."""

    def read1(self, size: int, /) -> bytes:
        """Some bytes, at most ``size``; none at its end."""
        ...


def frames(content: Content, reading: Reading, block: int) -> Iterator[Frames]:
    """The frames of a log, about ``block`` bytes of it at a time; all before the place where it cannot be unpacked.

    Raises:
        EOFError, OSError: where that is.
    """
    number, rest = 0, b""
    for piece in _blocks(content, block):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield _parsed(whole + newline, number, reading)
            number += whole.count(b"\n") + 1
    if rest:
        yield _parsed(rest + b"\n", number, reading)


def _blocks(content: Content, size: int) -> Iterator[bytes]:
    """What there is, ``size`` bytes at a time; before damage what was unpacked until then."""
    pieces: list[bytes] = []
    missing = size
    try:
        while piece := content.read1(missing):
            pieces.append(piece)
            missing -= len(piece)
            if not missing:
                yield b"".join(pieces)
                pieces, missing = [], size
    except UNPACKING:
        yield b"".join(pieces)
        raise
    yield b"".join(pieces)


def _parsed(text: bytes, before: int, reading: Reading) -> Frames:
    """The frames in whole lines, of which ``before`` precede them in the file."""
    padded = np.frombuffer(b" " * _MARGIN + text + b" " * _MARGIN, np.uint8)
    shape = _shapes(padded)
    common = _is_common(padded, shape)
    width = CLASSIC if ((shape.end - shape.data)[common] <= 2 * CLASSIC).all() else LONGEST
    quick, readable = _quick(padded, shape[common], width)
    places = np.flatnonzero(common)[readable]
    odd = np.setdiff1d(np.arange(len(common)), places, assume_unique=True)
    reading.frames += len(places)
    if not odd.size:
        return quick
    lines = [(at, bytes(padded[shape.start[at] : shape.stop[at]])) for at in odd.tolist()]
    return _merged(quick, places, _by_python_can(lines, before, reading))


def _shapes(text: Array) -> _Shape:
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.append(_MARGIN, ends[:-1] + 1)
    marks = np.append(np.flatnonzero(text == ord("#")), len(text) - 1)
    mark = marks[np.searchsorted(marks, starts)]
    data = mark + np.where(text[np.minimum(mark + 1, len(text) - 1)] == ord("#"), 3, 1)
    stops = ends - ((text[ends - 1] == ord("\r")) & (ends > starts))
    letter = text[stops - 1] | 32
    direction = (text[stops - 2] == ord(" ")) & ((letter == ord("r")) | (letter == ord("t"))) & (stops > starts + 2)
    return _Shape(starts, mark, data, stops - 2 * direction, stops)


def _is_common(text: Array, shape: _Shape) -> Array:
    """Which lines have the punctuation of the common shape, where it should be."""
    size = shape.end - shape.data
    first, second = shape.start + _STAMP + 1, _space_before_id(text, shape.mark)
    blanks = np.append(np.flatnonzero((text <= ord(" ")) | (text > ord("~"))), [len(text)] * 3)
    at = np.searchsorted(blanks, shape.start)
    common: Array = (
        (shape.mark < shape.end)
        & (size >= 0)
        & (size % 2 == 0)
        & (size <= 2 * np.where(shape.data - shape.mark > 1, LONGEST, CLASSIC))
        & (text[shape.start] == ord("("))
        & (text[shape.start + _SECONDS + 1] == ord("."))
        & (text[shape.start + _STAMP] == ord(")"))
        & (blanks[at] == first)
        & (blanks[at + 1] == second)
        & (second > first + 1)
        & (blanks[at + 2] >= shape.end)
    )
    return common


def _space_before_id(text: Array, mark: Array) -> Array:
    """Where the space before the identifier must be: three or eight digits before the ``#``."""
    short = mark - _SHORT_ID - 1
    return np.where(text[short] == ord(" "), short, mark - _LONG_ID - 1)


def _quick(text: Array, shape: _Shape, width: int) -> tuple[Frames, Array]:
    """The frames of lines of the common shape that hold digits where digits belong, and which lines these are."""
    seconds, first = _number(text, shape.start + 1, _SECONDS, 10)
    fraction, second = _number(text, shape.start + _SECONDS + 2, _FRACTION, 10)
    extended = text[shape.mark - _SHORT_ID - 1] != ord(" ")
    short, third = _number(text, shape.mark - _SHORT_ID, _SHORT_ID, 16)
    long, fourth = _number(text, shape.mark - _LONG_ID, _LONG_ID, 16)
    data, lengths, fifth = _data(text, shape, width)
    identified = np.where(extended, fourth & (long < EXTENDED >> 2), third)
    readable = first & second & identified & fifth
    keys = np.where(extended, long | EXTENDED, short).astype(np.uint32)
    whole = Frames(times_us=seconds * 1_000_000 + fraction, keys=keys, lengths=lengths, data=data)
    return (whole, readable) if readable.all() else (whole[readable], readable)


def _number(text: Array, at: Array, digits: int, base: int) -> tuple[Array, Array]:
    """Numbers of so many digits at these places, and whether they are ones."""
    total, fine = np.zeros(len(at), np.int64), np.ones(len(at), np.bool_)
    for position in range(digits):
        digit = _DIGIT.take(text.take(at + position))
        fine &= digit < base
        total *= base
        total += digit
    return total, fine


def _data(text: Array, shape: _Shape, width: int) -> tuple[Array, Array, Array]:
    """Bytes, their number, and whether all are hexadecimal; zeros behind the end."""
    size = shape.end - shape.data
    data = np.zeros((len(size), width), np.uint8)
    fine = np.ones(len(size), np.bool_)
    for position in range(int(size.max(initial=0)) // 2):
        there = size > 2 * position
        high = _DIGIT.take(text.take(shape.data + 2 * position))
        low = _DIGIT.take(text.take(shape.data + 2 * position + 1))
        fine &= ~there | ((high != _BAD) & (low != _BAD))
        data[:, position] = np.where(there, (high << 4) | low, 0)
    return data, (size // 2).astype(np.uint8), fine


def _by_python_can(lines: list[tuple[int, bytes]], before: int, reading: Reading) -> list[tuple[int, Frames]]:
    """The frames of single lines, each with its place."""
    found: list[tuple[int, Frames]] = []
    for at, line in lines:
        one = Lines(io.BytesIO(line))
        one.number = before + at
        messages = kept_going(python_can_candump(one), one, reading)
        found += [(at, gathered([message])) for message in messages if reading.counts(message)]
    return found


def _merged(quick: Frames, places: Array, others: list[tuple[int, Frames]]) -> Frames:
    """All frames in the order of their lines."""
    if not others:
        return quick
    parts = [quick, *(frames for _, frames in others)]
    order = np.argsort(np.concatenate([places, [at for at, _ in others]]), kind="stable")
    return Frames.joined(parts)[order]
