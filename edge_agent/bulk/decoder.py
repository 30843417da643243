"""Decodes arrays of frames: sorts them by message, then runs each message's plan over all of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.bulk.groups import Assembler, Groups, are_packets, rows_of
from edge_agent.bulk.numbering import Numbering
from edge_agent.bulk.plan import Plan, padded, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.bulk.frames import Frames
    from edge_agent.decoders.layout import Layout, Message, Signal

Array: TypeAlias = NDArray[Any]
_WORD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Signals that came in the same frames of one message.

    Attributes:
        message: what the frames are.
        frames: positions of the frames in the input, shape ``(k,)``, ascending.
        signals: which signals.
        values: of each signal the values, shape ``(k,)``: whole numbers in the smallest type that holds all of them
            where the conversion is in whole numbers, else float64; Python's numbers where neither is exact.
    """

    message: Message
    frames: Array
    signals: list[Signal]
    values: list[Array]


@dataclass(slots=True)
class Tally:
    """What became of frames: all, those of unknown identifiers, those shorter than their message.

    Of J1939: packets of longer messages (and no message of the layout themselves), how many messages these became,
    and how many did not become whole.
    """

    frames: int = 0
    unknown: int = 0
    short: int = 0
    packets: int = 0
    assembled: int = 0
    lost: int = 0


class BulkDecoder:
    """Decodes frames by the million; the plans of messages are kept from call to call.

    A layout with messages of J1939 has packets put together, too, across calls; such a message is at the position of
    the packet that completed it. Short frames, long frames and unknown multiplexer values are treated as
    :class:`~edge_agent.decoders.frame.FrameDecoder` does.
    """

    def __init__(self, layout: Layout) -> None:
        self._messages = [layout.messages[key] for key in sorted(layout.messages)]
        self._reach = [message.reach for message in self._messages]
        self._numbering = Numbering(layout.messages)
        number_of = {message.key: number for number, message in enumerate(self._messages)}
        self._groups = Groups(layout, number_of) if layout.groups else None
        self._assembler = Assembler()
        self._plans: dict[tuple[int, int], Plan] = {}
        self.tally = Tally()

    def decode(self, frames: Frames) -> Iterator[Decoded]:
        """What is in the frames, message by message; counts in :attr:`tally`."""
        numbers = self._numbers(frames.keys)
        order = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers, minlength=len(self._messages) + 1)
        starts = (np.cumsum(counts) - counts).tolist()
        self.tally.frames += len(frames)
        self.tally.unknown += int(counts[-1])
        data, whole = _gathered(frames.data, order), self._all_whole(frames)
        lengths = None if whole else frames.lengths.take(order)
        for number in np.flatnonzero(counts[:-1]).tolist():
            part = slice(starts[number], starts[number + 1])
            if lengths is None:
                yield from self._alike(number, self._reach[number], order[part], data[part])
            else:
                yield from self._mixed(number, order[part], data[part], lengths[part])
        if self._groups is not None:
            yield from self._in_packets(frames)

    def unknown(self, keys: Array) -> Array:
        """Those of the keys that the layout does not know, and that are no packets of J1939."""
        unknown = self._numbers(keys) == len(self._numbering)
        found: Array = keys[unknown if self._groups is None else unknown & ~are_packets(keys)]
        return found

    def _numbers(self, keys: Array) -> Array:
        """Which message each key is; the number after the last where the layout does not know it."""
        numbers = self._numbering.numbers(keys)
        if self._groups is None:
            return numbers
        others = np.flatnonzero(numbers == len(self._numbering))
        numbers[others] = self._groups.numbers(keys[others])
        return numbers

    def _in_packets(self, frames: Frames) -> Iterator[Decoded]:
        """What is in the messages that packets make."""
        at = np.flatnonzero(are_packets(frames.keys))
        found, tally = self._assembler.take(frames, at), self.tally
        packets = int((self._numbers(frames.keys[at]) == len(self._numbering)).sum())
        tally.unknown -= packets
        tally.packets += packets
        tally.assembled += len(found.data)
        tally.lost = self._assembler.lost
        numbers = self._numbers(found.keys)
        for number in np.unique(numbers[numbers < len(self._numbering)]).tolist():
            which = np.flatnonzero(numbers == number)
            data = [found.data[one] for one in which.tolist()]
            lengths = np.array([len(one) for one in data])
            yield from self._mixed(number, found.frames[which], rows_of(data, max(map(len, data))), lengths)

    def _all_whole(self, frames: Frames) -> bool:
        """Whether no frame can be too short for any message."""
        return bool(len(frames)) and int(frames.lengths.min()) >= max(self._reach, default=0)

    def _mixed(self, number: int, rows: Array, data: Array, lengths: Array) -> Iterator[Decoded]:
        """Decodes frames of one message, some of which may be too short, those of a length together."""
        reach = self._reach[number]
        if int(lengths.min()) >= reach:
            yield from self._alike(number, reach, rows, data)
            return
        self.tally.short += int((lengths < self._messages[number].length).sum())
        usable = np.minimum(lengths, reach)
        for length in np.unique(usable).tolist():
            chosen = usable == length
            yield from self._alike(number, length, rows[chosen], data[chosen])

    def _alike(self, number: int, length: int, rows: Array, data: Array) -> Iterator[Decoded]:
        """Decodes frames of one message of which ``length`` bytes are to be used."""
        message = self._messages[number]
        found = self._plans.get((number, length))
        if found is None:
            found = self._plans[number, length] = plan(message, length)
        for chosen, signals, values in found.run(_of_width(data, padded(length))):
            at = rows if chosen is None else rows[chosen]
            yield Decoded(message=message, frames=at, signals=signals, values=values)


def _gathered(data: Array, order: Array) -> Array:
    """The rows of ``data`` in this order; rows of eight bytes are moved as one number each."""
    if data.shape[1] == _WORD and data.flags.c_contiguous:
        return data.view(np.uint64).ravel().take(order).view(np.uint8).reshape(-1, _WORD)
    return data.take(order, axis=0)


def _of_width(data: Array, width: int) -> Array:
    """``data`` with so many columns, contiguous; columns that are missing become zeros, which no signal looks at."""
    if data.shape[1] >= width:
        return np.ascontiguousarray(data[:, :width])
    return np.pad(data, ((0, 0), (0, width - data.shape[1])))
