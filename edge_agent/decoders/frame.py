"""Frame by frame: each message is compiled to one Python function when its first frame comes. No numpy.

The text that is compiled holds numbers and quoted names only. A frame is read as one whole number in each byte order,
so that a signal costs a shift and a mask.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from edge_agent.decoders.layout import Coding, Conversion, Layout, Message, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Values: TypeAlias = "dict[str, float]"
"""Value by name of signal; ints where the conversion is in whole numbers."""

_FLOATS: Mapping[int, str] = {16: "e", 32: "f", 64: "d"}


class FrameDecoder:
    """Decodes frames as they come.

    A frame that is shorter than its message gives the signals that it holds whole; one that is longer gives what the
    message describes. A multiplexer value that the layout does not know gives the signals that are always there.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._compiled: dict[tuple[int, int], Callable[[bytes], Values]] = {}

    def decode(self, identifier: int, data: bytes, *, extended: bool = False) -> Values | None:
        """The values in a frame, or None if the layout does not know its identifier.

        Args:
            identifier: 11 or 29 bits.
            data: up to 64 bytes; of J1939's messages in packets up to 1785.
            extended: whether the identifier has 29 bits.
        """
        found = self._compiled.get((identifier << 1 | extended, len(data)))
        if found is None:
            message = self._layout.find(identifier, extended=extended)
            if message is None:
                return None
            found = self._of(message, len(data))
        return found(data)

    def _of(self, message: Message, length: int) -> Callable[[bytes], Values]:
        """Kept by the message's own identifier: many a frame's is another, where a parameter group tells them."""
        key = (message.identifier << 1 | message.extended, length)
        if key not in self._compiled:
            self._compiled[key] = compile_message(message, length)
        return self._compiled[key]


def compile_message(message: Message, length: int) -> Callable[[bytes], Values]:
    """A function from the data of a frame of ``length`` bytes to the values in it."""
    names: dict[str, object] = {f"float{bits}": struct.Struct(f">{letter}").unpack for bits, letter in _FLOATS.items()}
    text = "\n".join(_source(message.within(length), length))
    exec(compile(text, f"<message {message.name!r}>", "exec"), names)  # noqa: S102  made of numbers and quoted names
    decode: Callable[[bytes], Values] = names["decode"]  # type: ignore[assignment]
    return decode


def _source(message: Message, length: int) -> Iterator[str]:
    roots = [signal for signal in message.signals if signal.selection is None]
    yield "def decode(data):"
    for word, big_endian in (("little", False), ("big", True)):
        if any(signal.big_endian is big_endian for signal in message.signals):
            yield f"    {word} = int.from_bytes(data, {word!r})"
    yield f"    values = {{{', '.join(f'{s.name!r}: {_value(s, length)}' for s in roots)}}}"
    yield from _selected(message, roots, length, depth=1)
    yield "    return values"


def _selected(message: Message, above: Iterable[Signal], length: int, *, depth: int) -> Iterator[str]:
    """Statements that add the signals that those of ``above`` select, and so on downwards."""
    pad = "    " * depth
    for selector in above:
        below = [signal for signal in message.signals if signal.selection and signal.selection.by == selector.name]
        if below:
            yield f"{pad}selector{depth} = {_raw(selector, length)}"
        for ids in {signal.selection.ids: None for signal in below if signal.selection}:
            chosen = [signal for signal in below if signal.selection and signal.selection.ids == ids]
            yield f"{pad}if selector{depth} in {_set(ids)}:"
            yield from (f"{pad}    values[{s.name!r}] = {_value(s, length)}" for s in chosen)
            yield from _selected(message, chosen, length, depth=depth + 1)


def _set(ids: frozenset[int]) -> str:
    return f"{{{', '.join(str(number) for number in sorted(ids))}}}"


def _bits(signal: Signal, length: int) -> str:
    shift = 8 * length - signal.end if signal.big_endian else signal.first
    word = "big" if signal.big_endian else "little"
    moved = f"{word} >> {shift}" if shift else word
    return f"({moved} & {(1 << signal.length) - 1})"


def _raw(signal: Signal, length: int) -> str:
    bits = _bits(signal, length)
    if signal.coding is Coding.SIGNED:
        sign = 1 << (signal.length - 1)
        return f"(({bits} ^ {sign}) - {sign})"
    if signal.coding is Coding.FLOAT:
        return f"float{signal.length}({bits}.to_bytes({signal.length // 8}, 'big'))[0]"
    return bits


def _value(signal: Signal, length: int) -> str:
    raw = _raw(signal, length)
    if signal.conversion is Conversion.NONE:
        return raw
    whole = signal.conversion is Conversion.INTEGER
    scale, offset = (int(part) if whole else part for part in (signal.scale, signal.offset))
    return f"{raw} * {scale!r} + {offset!r}"
