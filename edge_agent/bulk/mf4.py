"""Frames from measurement files (ASAM MDF 4, ``.mf4``), a stretch at a time, through the optional library asammdf."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agent.bulk.frames import CLASSIC, LONGEST, Frames
from edge_agent.buses import python_can
from edge_agent.buses.recorded import check_some
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.buses.recorded import Reading

_GROUP = "CAN_DataFrame"
_ID_MASK = 0x1FFF_FFFF


def frames(path: Path, reading: Reading, size: int) -> Iterator[Frames]:
    """The frames of a file, at most ``size`` at a time; group after group, in the order of time in each.

    Raises:
        LogError: asammdf is not installed, the file cannot be read, or holds no recorded frames.
    """
    measurement = _opened(path)
    try:
        start_us = round(measurement.header.start_time.timestamp() * 1e6)
        groups = _groups(measurement)
    except Exception as error:
        raise LogError(path, f"is no MF4 file that can be read ({type(error).__name__}: {error})") from error
    if not groups:
        raise LogError(path, f"holds no frames of a CAN bus: no channel is called {_GROUP}")
    total = sum(count for _, count in groups)
    with measurement:
        for number, count in groups:
            for part in _of_group(measurement, number, count, size, start_us, reading):
                reading.frames += len(part)
                reading.position = reading.size * reading.frames // max(total, 1)
                yield part
    check_some(path, reading)


def _groups(measurement: Any) -> list[tuple[int, int]]:
    """Number and records of each group that holds frames."""
    return [
        (number, int(group.channel_group.cycles_nr))
        for number, group in enumerate(measurement.groups)
        if _GROUP in {channel.name for channel in group.channels}
    ]


def _of_group(
    measurement: Any, number: int, count: int, size: int, start_us: int, reading: Reading
) -> Iterator[Frames]:
    """The frames of a group as far as it can be read; harm ends it, and is counted."""
    for offset in range(0, count, size):
        wanted = min(size, count - offset)
        try:
            part = _part(measurement, number, offset, wanted, start_us)
        except LogError as error:
            reading.refuse(f"group {number}, from record {offset}", error)
            return
        if len(part) < wanted:
            reading.refuse(f"group {number}, from record {offset}", f"{len(part)} of {wanted} records are there")
        if len(part):
            yield part
        if len(part) < wanted:
            return


def _opened(path: Path) -> Any:
    try:
        python_can.asammdf()
        from asammdf import MDF  # noqa: PLC0415  heavy, and optional
        from asammdf.blocks import mdf_v3, mdf_v4  # noqa: PLC0415  as above
    except ImportError as error:
        raise LogError(path, "an MF4 file is read with asammdf: pip install 'roadworthy[mf4]'") from error
    for reader in (mdf_v3.MDF3, mdf_v4.MDF4):
        reader.__del__ = _collected  # type: ignore[method-assign]  # as it says itself
    try:
        return MDF(path)
    except OSError as error:
        raise LogError(path, f"cannot be opened ({error.strerror})") from error
    except Exception as error:
        # asammdf raises what comes along: its own errors, struct's, KeyError, UnicodeDecodeError
        raise LogError(path, f"is no MF4 file that can be read ({type(error).__name__}: {error})") from error


def _collected(reader: Any) -> None:
    """What asammdf does when a file goes, without a word: of one that it could not open half is missing (8.8).

    It would end in a traceback on the terminal, whenever that may be.
    """
    with contextlib.suppress(Exception):
        reader.close()


def _part(measurement: Any, group: int, offset: int, count: int, start_us: int) -> Frames:
    """Records of a group.

    Raises:
        LogError: asammdf cannot read them.
    """
    try:
        return _read(measurement, group, offset, count, start_us)
    except Exception as error:
        # asammdf raises what comes along where a file is damaged
        raise LogError(measurement.name, f"cannot be read there ({type(error).__name__}: {error})") from error


def _read(measurement: Any, group: int, offset: int, count: int, start_us: int) -> Frames:
    found = measurement.get(_GROUP, group=group, raw=True, record_offset=offset, record_count=count)
    fields = {name.rpartition(".")[2]: found.samples[name] for name in found.samples.dtype.names}
    data = np.asarray(fields["DataBytes"], np.uint8)
    width = CLASSIC if data.shape[1] <= CLASSIC else LONGEST
    identifiers = np.asarray(fields["ID"], np.uint32)
    extended = np.asarray(fields.get("IDE", identifiers >> 31)) != 0
    return Frames(
        times_us=start_us + np.round(found.timestamps * 1e6).astype(np.int64),
        keys=(identifiers & _ID_MASK) | np.where(extended, np.uint32(EXTENDED), np.uint32(0)),
        lengths=np.minimum(np.asarray(fields["DataLength"], np.uint8), width),
        data=np.pad(data[:, :width], ((0, 0), (0, max(0, width - data.shape[1])))),
    )
