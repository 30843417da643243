"""Where in a frame each signal lies and what its bits mean, free of the library that read the file.

Bits are counted as on the bus: bit 0 is the most significant bit of byte 0 (``network`` order), bit 8 that of byte 1.
A signal of little-endian (Intel) byte order is described by its least significant bit instead, as DBC files do.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from edge_agent.protocols.j1939 import ANY_SOURCE, group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXTENDED = 1 << 31
"""Set in the key of a 29-bit identifier, so that it differs from an 11-bit one of the same number."""


class Coding(StrEnum):
    """How the bits of a signal make a number."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"
    """IEEE 754 of 16, 32 or 64 bits."""


class Conversion(StrEnum):
    """What has to be done to a raw number, and of which kind the result is."""

    NONE = "none"
    """The value is the raw number."""
    INTEGER = "integer"
    """``raw * scale + offset`` in whole numbers."""
    REAL = "real"
    """``raw * scale + offset`` in floating point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """When a multiplexed signal is in a frame: while the raw value of ``by`` is one of ``ids``, and ``by`` is there."""

    by: str
    ids: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal of a message.

    ``start`` is the bit number that a DBC file gives: of the least significant bit in little-endian order, of the most
    significant in big-endian order; both count from the least significant bit of byte 0. ``length`` is in bits.
    ``texts`` names raw values; ``spn`` is the suspect parameter number of J1939, 0 where the file gives none.
    """

    name: str
    start: int
    length: int
    big_endian: bool
    coding: Coding = Coding.UNSIGNED
    scale: float = 1
    offset: float = 0
    unit: str = ""
    texts: Mapping[int, str] = field(default_factory=dict)
    selection: Selection | None = None
    spn: int = 0

    @property
    def first(self) -> int:
        """Number of its first bit: in network order if big-endian, else from the least significant bit of byte 0."""
        return self.start ^ 7 if self.big_endian else self.start

    @property
    def end(self) -> int:
        """Number of the bit after its last; a frame of ``n`` bytes holds the signal if this is at most ``8 * n``."""
        return self.first + self.length

    @property
    def conversion(self) -> Conversion:
        """Which arithmetic leads to its value."""
        if self.scale == 1 and self.offset == 0:
            return Conversion.NONE
        whole = float(self.scale).is_integer() and float(self.offset).is_integer()
        return Conversion.INTEGER if whole and self.coding is not Coding.FLOAT else Conversion.REAL

    def value(self, raw: float) -> float:
        """The value of a raw number: an int where scale and offset are whole, else a float."""
        if self.conversion is Conversion.NONE:
            return raw
        if self.conversion is Conversion.INTEGER:
            return raw * int(self.scale) + int(self.offset)
        return raw * self.scale + self.offset

    def value_texts(self) -> dict[float, str]:
        """Names by value instead of by raw number."""
        return {self.value(raw): text for raw, text in self.texts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One kind of frame: its identifier, how many bytes it should have, its signals.

    One of J1939 (``j1939``) is known by its parameter group: frames of every priority, destination and source are it,
    or those of one source, if its identifier does not end in FE.
    """

    identifier: int
    extended: bool
    name: str
    length: int
    signals: tuple[Signal, ...]
    j1939: bool = False

    @property
    def key(self) -> int:
        """The identifier, with :data:`EXTENDED` set if it has 29 bits."""
        return self.identifier | (EXTENDED if self.extended else 0)

    @property
    def reach(self) -> int:
        """Bytes of a frame that matter: those of the message, and of a signal that does not fit into it."""
        return max([self.length, *((signal.end + 7) // 8 for signal in self.signals)])

    def within(self, length: int) -> Message:
        """The same message with the signals that a frame of ``length`` bytes holds.

        A multiplexed signal goes with its multiplexer: where that is cut off, nobody can tell which signals are there.
        """
        held = {signal.name: signal for signal in self.signals if signal.end <= 8 * length}
        kept = tuple(signal for signal in held.values() if _whole_chain(signal, held))
        return dataclasses.replace(self, length=length, signals=kept)


class Layout:
    """The messages of a bus by the key of their identifier; where two share one, the later counts.

    ``groups`` holds those of J1939 by parameter group and source.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = {message.key: message for message in messages}
        self.groups = {group(message.identifier): message for message in self.messages.values() if message.j1939}

    def find(self, identifier: int, *, extended: bool) -> Message | None:
        """The message of an identifier, or None if the layout does not know it.

        One with this very identifier comes first, then one of J1939 of its source, then one of any source.
        """
        found = self.messages.get(identifier | (EXTENDED if extended else 0))
        if found is None and extended and self.groups:
            return self.groups.get(group(identifier)) or self.groups.get(group(identifier, ANY_SOURCE))
        return found

    def by_group(self) -> Layout:
        """The same layout with all messages of 29 bits taken for J1939."""
        return Layout(dataclasses.replace(message, j1939=message.extended) for message in self.messages.values())


def _whole_chain(signal: Signal, held: Mapping[str, Signal]) -> bool:
    seen: set[str] = set()
    while signal.selection is not None:
        if signal.name in seen or signal.selection.by not in held:
            return False
        seen.add(signal.name)
        signal = held[signal.selection.by]
    return True
