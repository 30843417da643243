"""History for people and programs: names, times and formats."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from ingest.errors import ColumnError, IngestError, StoreError, TimeFormatError
from vehicle.errors import UnknownSignalError
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TIME = "%Y-%m-%dT%H:%M:%S%.3fZ"


class FormatError(IngestError):
    """A format that history does not have."""

    def __init__(self, form: str) -> None:
        super().__init__(f"there is no format {form!r}; there are {', '.join(_WRITERS)}")


class TerminalError(IngestError):
    """Bytes that a terminal cannot show."""

    def __init__(self) -> None:
        super().__init__("Parquet is not for a terminal; give --out FILE, or send the output to a file")


def path_of(text: str) -> str:
    """The catalogue path that ``text`` names: the path itself, or an unambiguous end of it.

    Raises:
        ColumnError: nothing or several match; names them.
    """
    if text in CATALOGUE:
        return text
    wanted = text.lower()
    found = [path for path in CATALOGUE if path.lower() == wanted or path.lower().endswith("." + wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ColumnError(text, f"could be {', '.join(found)}; write more of the path")
    raise ColumnError(text, str(UnknownSignalError(text, CATALOGUE)).removeprefix(f"signal {text!r} "))


def moment(text: str) -> datetime:
    """The time in ``text`` (ISO 8601), UTC where it names no zone.

    Raises:
        TimeFormatError: it is not a time.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeFormatError(text) from error
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def writer(form: str) -> Callable[[pl.DataFrame], bytes]:
    """The function that turns a frame into the bytes of a format.

    Raises:
        FormatError: there is no such format.
    """
    if form not in _WRITERS:
        raise FormatError(form)
    return _WRITERS[form]


def deliver(content: bytes, out: Path | None, *, binary: bool) -> None:
    """Writes to a file or standard output.

    Raises:
        TerminalError: binary content for a terminal.
        StoreError: the file cannot be written.
    """
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(content)
        except OSError as error:
            raise StoreError(f"{out} cannot be written", error.strerror or str(error)) from error
        return
    if binary and sys.stdout.isatty():
        raise TerminalError
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except (
        BrokenPipeError
    ):  # whoever reads, such as head, has enough; nothing more must reach the pipe, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def hex_dump(payload: bytes, *, width: int = 16) -> str:
    """Offset, bytes and printable characters, a line each ``width`` bytes."""
    lines = []
    for at in range(0, len(payload), width):
        part = payload[at : at + width]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004  printable ASCII
        lines.append(f"{at:08x}  {part.hex(' '):<{3 * width}} {text}")
    return "\n".join(lines)


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.with_columns(pl.col("time").dt.strftime(_TIME)).write_csv().encode()


def _json(frame: pl.DataFrame) -> bytes:
    return frame.with_columns(pl.col("time").dt.strftime(_TIME)).write_json().encode() + b"\n"


def _parquet(frame: pl.DataFrame) -> bytes:
    import io  # noqa: PLC0415  only this format needs it

    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {"csv": _csv, "parquet": _parquet, "json": _json}
