"""Decodes arrays of frames: sorts them by message, then runs each message's plan over all of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    """What became of frames: all, those of unknown identifiers, those shorter than their message."""

    frames: int = 0
    unknown: int = 0
    short: int = 0


class BulkDecoder:
    """Decodes frames by the million; the plans of messages are kept from call to call.

    Short frames, long frames and unknown multiplexer values are treated as
    :class:`~edge_agent.decoders.frame.FrameDecoder` does.
    """

    def __init__(self, layout: Layout) -> None:
        self._messages = [layout.messages[key] for key in sorted(layout.messages)]
        self._numbering = Numbering(layout.messages)
        self._plans: dict[tuple[int, int], Plan] = {}
        self.tally = Tally()

    def decode(self, frames: Frames) -> Iterator[Decoded]:
        """What is in the frames, message by message; counts in :attr:`tally`."""
        numbers = self._numbering.numbers(frames.keys)
        order = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers, minlength=len(self._messages) + 1)
        ends = np.cumsum(counts)
        self.tally.frames += len(frames)
        self.tally.unknown += int(counts[-1])
        for number in np.flatnonzero(counts[:-1]).tolist():
            yield from self._message(number, order[ends[number] - counts[number] : ends[number]], frames)

    def _message(self, number: int, rows: Array, frames: Frames) -> Iterator[Decoded]:
        message = self._messages[number]
        lengths = frames.lengths.take(rows)
        reach = message.reach
        if int(lengths.min()) >= reach:
            yield from self._alike(number, reach, rows, frames)
            return
        self.tally.short += int((lengths < message.length).sum())
        usable = np.minimum(lengths, reach)
        for length in np.unique(usable).tolist():
            yield from self._alike(number, length, rows[usable == length], frames)

    def _alike(self, number: int, length: int, rows: Array, frames: Frames) -> Iterator[Decoded]:
        """Decodes frames of one message of which ``length`` bytes are to be used."""
        message = self._messages[number]
        if (number, length) not in self._plans:
            self._plans[number, length] = plan(message, length)
        data = _gathered(frames.data, rows, padded(length))
        for chosen, signals, values in self._plans[number, length].run(data):
            at = rows if chosen is None else rows[chosen]
            yield Decoded(message=message, frames=at, signals=signals, values=values)


def _gathered(data: Array, rows: Array, width: int) -> Array:
    """The rows of ``data`` with ``width`` columns, contiguous."""
    if data.shape[1] == _WORD == width and data.flags.c_contiguous:
        return data.view(np.uint64).ravel().take(rows).view(np.uint8).reshape(-1, _WORD)
    found = data.take(rows, axis=0)
    if found.shape[1] >= width:
        return np.ascontiguousarray(found[:, :width])
    return np.pad(found, ((0, 0), (0, width - found.shape[1])))
