"""Frames that come one by one, gathered into arrays."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from edge_agent.bulk.frames import CLASSIC, LONGEST, Frames
from edge_agent.decoders.layout import EXTENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from can import Message


def chunked(messages: Iterable[Message], size: int) -> Iterator[Frames]:
    """Arrays of at most ``size`` frames."""
    ahead = iter(messages)
    while part := list(itertools.islice(ahead, size)):
        yield gathered(part)


def gathered(messages: Sequence[Message]) -> Frames:
    """The messages as arrays; data beyond 64 bytes, which no frame can have, is cut."""
    count = len(messages)
    width = CLASSIC if all(len(message.data) <= CLASSIC for message in messages) else LONGEST
    content = b"".join(bytes(message.data[:width]).ljust(width, b"\0") for message in messages)
    return Frames(
        times_us=np.fromiter((round(message.timestamp * 1e6) for message in messages), np.int64, count),
        keys=np.fromiter(
            (message.arbitration_id | (EXTENDED if message.is_extended_id else 0) for message in messages),
            np.uint32,
            count,
        ),
        lengths=np.fromiter((min(len(message.data), LONGEST) for message in messages), np.uint8, count),
        data=np.frombuffer(content, np.uint8).reshape(count, width),
    )
