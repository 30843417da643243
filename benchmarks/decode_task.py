"""What the benchmark `decode` works on, and the comparison of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import edge_agent.buses.python_can  # noqa: F401  before cantools, which would load more of python-can
from benchmarks import opendbc
from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.bulk.frames import Frames
from edge_agent.decoders.dbc import layout
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.decoders.layout import EXTENDED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cantools.database.can import Message
    from numpy.typing import NDArray

    from edge_agent.bulk.decoder import Decoded

DBC = "vw_mqb.dbc"
SEED = 20_261_123
FRAMES = 1_000_000
SLICE = 50_000
LENGTH = 8


@dataclass(frozen=True, slots=True)
class Task:
    """The same frames in the shapes that the contestants take: arrays; pairs of message and bytes."""

    path: Path
    messages: list[Message]
    frames: Frames
    pairs: list[tuple[Message, bytes]]

    def __str__(self) -> str:
        return f"{DBC}, {len(self.pairs)} random frames of {LENGTH} bytes, seed {SEED}, {len(self.messages)} messages"

    def by_message(self) -> Iterator[tuple[Message, NDArray[Any], NDArray[Any]]]:
        """Payload, shape ``(k, 8)``, and times of each message's frames."""
        for message in self.messages:
            chosen = self.frames.keys == _key(message)
            if chosen.any():
                yield message, np.ascontiguousarray(self.frames.data[chosen]), self.frames.times_us[chosen] / 1e6


def make_task(*, bench: str) -> Task:
    """Random frames of the messages of eight bytes; those that cantools refuses are left out.

    It refuses the one message whose signals overlap, and multiplexer values that the file does not name.

    Raises:
        MissingPeerError: opendbc is not installed.
    """
    import cantools  # noqa: PLC0415  after python-can, which is loaded in our own way

    path = opendbc.file(DBC, bench=bench)
    database: Any = cantools.database.load_file(path, strict=False)
    usable = [message for message in database.messages if message.length == LENGTH and _unpacks(message)]
    chance = np.random.default_rng(SEED)
    chosen = chance.integers(0, len(usable), FRAMES)
    data = chance.integers(0, 256, (FRAMES, LENGTH), dtype=np.uint8)
    pairs = [(usable[number], row.tobytes()) for number, row in zip(chosen.tolist(), data, strict=True)]
    taken = np.array([not message.is_multiplexed() or _takes(message, row) for message, row in pairs])
    frames = Frames(
        times_us=np.arange(int(taken.sum())) * 500,
        keys=np.array([_key(message) for message in usable], dtype=np.uint32)[chosen][taken],
        lengths=np.full(int(taken.sum()), LENGTH, dtype=np.uint8),
        data=data[taken],
    )
    return Task(path, usable, frames, [pair for pair, kept in zip(pairs, taken.tolist(), strict=True) if kept])


def compare(task: Task) -> tuple[int, bool]:
    """How many values there are, and whether ours are those of cantools: in bulk and frame by frame, and their types.

    Slice after slice, since the values of a million frames as Python's objects would not fit a small machine.
    """
    found = layout(task.messages)
    bulk, single = BulkDecoder(found), FrameDecoder(found)
    count, equal = 0, True
    for start in range(0, len(task.pairs), SLICE):
        theirs: list[dict[str, Any]] = [_decoded(message, data) for message, data in task.pairs[start : start + SLICE]]
        for (message, data), values in zip(task.pairs[start : start + SLICE], theirs, strict=True):
            ours = single.decode(message.frame_id, data, extended=message.is_extended_frame)
            equal = equal and ours == values
        decoded = list(bulk.decode(task.frames[start : start + SLICE]))
        values_here = sum(len(one.signals) * len(one.frames) for one in decoded)
        equal = equal and values_here == sum(map(len, theirs)) and all(_same(one, theirs) for one in decoded)
        count += values_here
    return count, equal


def _decoded(message: Message, data: bytes) -> dict[str, Any]:
    found: Any = message.decode(data, decode_choices=False)
    return dict(found)


def _same(decoded: Decoded, theirs: list[dict[str, Any]]) -> bool:
    rows = [theirs[at] for at in decoded.frames.tolist()]
    for signal, values in zip(decoded.signals, decoded.values, strict=True):
        ours, wanted = values.tolist(), [row[signal.name] for row in rows]
        if ours != wanted or set(map(type, ours)) != set(map(type, wanted)):
            return False
    return True


def _key(message: Message) -> int:
    return int(message.frame_id) | (EXTENDED if message.is_extended_frame else 0)


def _takes(message: Message, data: bytes) -> bool:
    from cantools.database.errors import DecodeError  # noqa: PLC0415  as above

    try:
        message.decode(data, decode_choices=False)
    except DecodeError:
        return False
    return True


def _unpacks(message: Message) -> bool:
    """Whether cantools can take any frame of a message apart."""
    return message.is_multiplexed() or _takes(message, bytes(LENGTH))
