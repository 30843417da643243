"""Recorded logs as arrays of frames, by the quickest way that the format allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from edge_agent.bulk import candump, mf4
from edge_agent.bulk.collect import chunked
from edge_agent.buses.recorded import UNPACKING, check_some, damaged, messages, open_bytes, suffix_of
from edge_agent.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.bulk.frames import Frames
    from edge_agent.buses.recorded import Reading

CHUNK = 200_000
"""Frames at a time: more does not decode faster, and takes memory."""
_BYTES_PER_LINE = 40


def frames(path: Path, reading: Reading, size: int = CHUNK) -> Iterator[Frames]:
    """The frames of a log, about ``size`` at a time; what else is in it is counted in ``reading``.

    Raises:
        LogError: it cannot be opened, its format is not known, or nothing in it can be read.
    """
    suffix = suffix_of(path)
    if suffix == ".mf4":
        reading.size = _size(path)
        yield from mf4.frames(path, reading, size)
    elif suffix == ".log":
        yield from _candump(path, reading, size)
    else:
        yield from chunked(messages(path, reading), size)


def _candump(path: Path, reading: Reading, size: int) -> Iterator[Frames]:
    content, tell = open_bytes(path, reading)
    with content:
        try:
            for part in candump.frames(cast("candump.Content", content), reading, size * _BYTES_PER_LINE):
                reading.position = tell()
                yield part
        except UNPACKING as error:
            reading.incomplete = damaged(error)
    check_some(path, reading)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise LogError(path, f"cannot be opened ({error.strerror})") from error
