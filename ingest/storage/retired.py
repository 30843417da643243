"""History files that compaction has replaced: kept for a while under another name, for readers already on their way.

A reader lists files in the database and then opens one after the other. The name ends in ``.retired`` meanwhile, so
that whoever reads all ``*.parquet`` (docs/history.md) meets no sample twice.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

T = TypeVar("T")
KEPT = timedelta(minutes=10)
"""No reader takes so long from listing to opening (our choice)."""
_SUFFIX = ".retired"


def retire(folder: Path, paths: Iterable[str]) -> None:
    """Takes files out of history; readers that have listed them still find them for the time of :data:`KEPT`."""
    for path in paths:
        file = folder / path
        with contextlib.suppress(FileNotFoundError):  # a killed keeper's successor has been here
            os.utime(file)  # the time of retirement
            file.replace(file.with_suffix(_SUFFIX))


def opened(file: Path, read: Callable[[Path], T]) -> T:
    """What ``read`` makes of a file of history, though it may be retired at any moment.

    Raises:
        FileNotFoundError: it was retired long ago.
    """
    try:
        return read(file)
    except FileNotFoundError:
        return read(file.with_suffix(_SUFFIX))


def remove_retired(folder: Path, *, now: datetime, age: timedelta = KEPT) -> int:
    """Removes what was retired for longer than ``age``; how many files."""
    gone = 0
    for file in folder.glob(f"day=*/bucket=*/*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another keeper was quicker
            if datetime.fromtimestamp(file.stat().st_mtime, UTC) <= now - age:
                file.unlink()
                gone += 1
    return gone
