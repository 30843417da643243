"""Recorded logs of frames: candump (.log), ASC, BLF and TRC through python-can's readers, which are kept going.

A line or a stretch of bytes that cannot be read is counted, its place and reason remembered, and reading goes on
behind it. Files may be compressed with gzip (``.log.gz``). MF4 has a reader of its own (:mod:`edge_agent.bulk.mf4`).

Times are UTC. An ASC file has no time zone; what it says is taken as UTC. A log that does not say when it was
recorded starts at 1970-01-01.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from edge_agent.buses.python_can import BLFParseError, can
from edge_agent.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from can import Message

_UNREADABLE = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    NotImplementedError,
    struct.error,
    zlib.error,
    can.CanError,
    BLFParseError,
)
"""What python-can's readers raise at something that they cannot read."""
UNPACKING = (EOFError, gzip.BadGzipFile)
"""What a compressed file raises where it is cut off or damaged."""
_END_OF_TIME_S = 253_402_300_800
_LARGEST_ID = 0x1FFF_FFFF
_MOST_BYTES = 64
_SHOWN = 60
_AFTER_HEADER = "no internal events logged\n"
"""A line of ASC that ends its header and says nothing."""
_ASC_WORDS = 5
_TRC_OTHERS = frozenset({"ST", "EC", "ER", "EV", "Warng", "Error", "Event", "FFFFFFFF"})
"""Records of TRC that are no frames: status, error counters, errors and events."""
_OBJECT = b"LOBJ"
_BLOCK = 1 << 16


@dataclass(slots=True)
class Reading:
    """What became of a log.

    Attributes:
        size: bytes of the file.
        position: how many of them are read.
        frames: frames with data.
        without_data: remote and error frames.
        unreadable: lines, or stretches of a binary file, that could not be read.
        first: place of and reason for the first of these.
        latest: the same of the latest.
        incomplete: how the file shows that its end is missing, or "".
    """

    size: int = 0
    position: int = 0
    frames: int = 0
    without_data: int = 0
    unreadable: int = 0
    first: str = ""
    latest: str = ""
    incomplete: str = ""

    def counts(self, message: Message) -> bool:
        """Counts a message, and tells whether it is a frame with data. CAN FD has no remote frames."""
        wrong = _impossible(message)
        if wrong:
            self.refuse(f"frame {self.frames + self.without_data + self.unreadable + 1}", wrong)
            return False
        data = not message.is_error_frame and (message.is_fd or not message.is_remote_frame)
        self.frames += data
        self.without_data += not data
        return data

    def refuse(self, place: str, why: object) -> None:
        """Counts something unreadable."""
        self.unreadable += 1
        self.latest = f"{place}: {str(why) or type(why).__name__}"
        self.first = self.first or self.latest


def _impossible(message: Message) -> str:
    """What no frame can have, or ""."""
    if not 0 <= message.timestamp < _END_OF_TIME_S:
        return f"its time, {message.timestamp} s, lies outside the years 1970 to 9999"
    if not 0 <= message.arbitration_id <= _LARGEST_ID:
        return f"its identifier, {message.arbitration_id:X}, has more than 29 bits"
    if len(message.data) > _MOST_BYTES:
        return f"it has {len(message.data)} bytes; a frame has at most {_MOST_BYTES}"
    return ""


class _Unpacked(gzip.GzipFile):
    """Says of every damage that it is one: readers go on behind a ``zlib.error`` of theirs, which never ends here."""

    def read(self, size: int | None = -1) -> bytes:
        """As of a file."""
        return self._whole(super().read, size)

    def read1(self, size: int = -1) -> bytes:
        """As of a file."""
        return self._whole(super().read1, size)

    @staticmethod
    def _whole(read: Callable[[Any], bytes], size: int | None) -> bytes:
        try:
            return read(size)
        except zlib.error as error:
            raise gzip.BadGzipFile(str(error)) from error


def suffix_of(path: Path) -> str:
    """The ending that tells the format, in small letters, without ``.gz``."""
    name = path.name.lower().removesuffix(".gz")
    return name[name.rfind(".") :] if "." in name else ""


def open_bytes(path: Path, reading: Reading) -> tuple[IO[bytes], Callable[[], int]]:
    """The content of a log, decompressed, and what tells how many bytes of the file are read.

    Raises:
        LogError: it cannot be opened.
    """
    try:
        raw = path.open("rb")
        reading.size = path.stat().st_size
    except OSError as error:
        raise LogError(path, f"cannot be opened ({error.strerror})") from error
    if path.name.lower().endswith(".gz"):
        unpacked: Any = _Unpacked(fileobj=raw)
        return unpacked, raw.tell
    return raw, raw.tell


def damaged(error: Exception) -> str:
    """How a compressed file shows that it cannot be unpacked further."""
    return f"its compression {'ends early' if isinstance(error, EOFError) else 'is damaged'} ({error})"


def messages(path: Path, reading: Reading) -> Iterator[Message]:
    """The frames of a log in the order in which they stand there; what else is in it is counted in ``reading``.

    Raises:
        LogError: the file cannot be opened, its format is not known, or nothing in it can be read.
    """
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        raise LogError(path, f"its name should end in {', '.join(_READERS)} or .mf4, which tells its format")
    content, tell = open_bytes(path, reading)
    with content:
        try:
            for message in reader(path, content, reading):
                reading.position = tell()
                if reading.counts(message):
                    yield message
        except UNPACKING as error:
            reading.incomplete = damaged(error)
    reading.position = reading.size
    check_some(path, reading)


def check_some(path: Path, reading: Reading) -> None:
    """Refuses a log that holds something of which nothing could be read.

    Raises:
        LogError: so it is.
    """
    if not reading.frames and not reading.without_data and (reading.unreadable or reading.incomplete):
        why = reading.first or reading.incomplete
        raise LogError(path, f"no frame in it can be read; {why}; is it what its ending {suffix_of(path)} says?")


class Lines:
    """The lines of a text, one by one, which counts them and takes lines back; python-can reads it as a file."""

    def __init__(self, content: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(content, encoding="utf-8", errors="replace")
        self._next: deque[str] = deque()
        self.number = 0
        self.line = ""
        self.ended = False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._next:
            return self._next.popleft()
        line = self._text.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.line = line
        return line

    def insert(self, line: str) -> None:
        """Gives ``line`` next."""
        self._next.append(line)

    def read(self, size: int = -1) -> str:
        """Only there so that python-can takes this for a file."""
        raise io.UnsupportedOperation(str(size))

    def close(self) -> None:
        """Nothing; the file belongs to the caller."""


class _AscLines(Lines):
    """Ends the header before the first line that begins with a time: python-can would take that line for header.

    Counts lines that python-can passes over though they look like frames; ``settled`` is told of each
    that it read, or stumbled over and that is counted elsewhere.
    """

    def __init__(self, content: IO[bytes], reading: Reading) -> None:
        super().__init__(content)
        self._in_header, self._reading, self._doubtful = True, reading, ""

    def settled(self) -> None:
        """The latest line has its fate: it became a frame, or its refusal is counted by who read it."""
        self._doubtful = ""

    def refused(self) -> None:
        """Counts the latest line, if nothing became of it."""
        if self._doubtful:
            self._reading.refuse(f"line {self.number} ({self._doubtful.strip()[:_SHOWN]})", "it is no frame of ASC")
        self._doubtful = ""

    def __next__(self) -> str:
        if self._next:
            return self._next.popleft()
        self.refused()
        line = super().__next__()
        self._doubtful = line if _almost_a_frame(line.split()) else ""
        if self._in_header and line.lstrip()[:1].isdigit():
            self._in_header = False
            self.insert(line)
            return _AFTER_HEADER
        return line


def _almost_a_frame(words: list[str]) -> bool:
    """Whether a line has three of four marks of ASC's frames: time, channel, direction, kind or, of CAN FD, channel."""
    if len(words) < _ASC_WORDS:
        return False
    time, channel, second, direction, kind = words[:_ASC_WORDS]
    fd = channel == "CANFD"
    marks = (
        time.replace(".", "", 1).isdecimal(), fd or channel.isdecimal(), direction in ("Rx", "Tx"),
        second.isdecimal() if fd else kind in ("d", "r"),
    )  # fmt: skip
    return sum(marks) >= len(marks) - 1


class _TrcReader(can.TRCReader):
    """Tells of lines that it cannot read instead of passing over them."""

    def _parse_line(self, line: str) -> Message | None:
        if not line:
            return None
        columns = tuple(line.split(maxsplit=self._num_columns))
        found: Message | None = self._parse_cols(columns)
        if found is None and not _TRC_OTHERS.intersection(columns[:4]):
            raise ValueError("it is no kind of record that TRC has")
        return found


def kept_going(
    reader: Any, lines: Lines, reading: Reading, *, again: str = "", settled: Callable[[], None] = lambda: None
) -> Iterator[Message]:
    """The messages of a reader that is started anew behind each line that it stumbles over.

    ``again`` is a line that the reader needs to see when it is started anew; ``settled`` is called once the latest line
    has a fate: it became a message, or was refused.
    """
    while not lines.ended:
        try:
            for message in reader:
                settled()
                yield message
        except _UNREADABLE as error:
            settled()
            shown = lines.line.strip()[:_SHOWN]
            reading.refuse(f"line {lines.number} ({shown})", error)
            if again:
                lines.insert(again)


def python_can_candump(lines: Lines) -> Any:
    """python-can's reader of candump's lines."""
    as_file: Any = lines
    return can.CanutilsLogReader(as_file)


def _candump(path: Path, content: IO[bytes], reading: Reading) -> Iterator[Message]:
    del path
    lines = Lines(content)
    yield from kept_going(python_can_candump(lines), lines, reading)


def _trc(path: Path, content: IO[bytes], reading: Reading) -> Iterator[Message]:
    del path
    lines = Lines(content)
    as_file: Any = lines
    yield from kept_going(_TrcReader(as_file), lines, reading)


def _asc(path: Path, content: IO[bytes], reading: Reading) -> Iterator[Message]:
    del path
    lines = _AscLines(content, reading)
    as_file: Any = lines
    reader = can.ASCReader(as_file, relative_timestamp=False)
    local, shift_s = 0.0, 0.0
    for message in kept_going(reader, lines, reading, again=_AFTER_HEADER, settled=lines.settled):
        if reader.start_time != local:
            local = reader.start_time
            shift_s = _as_utc(local) - local
        message.timestamp += shift_s
        yield message
    if reader.date is None and not reading.frames and lines.number:
        reading.refuse("line 1", "neither a date nor a frame of ASC is in it")


def _as_utc(local_s: float) -> float:
    """The time that reads in UTC as ``local_s`` reads in this machine's zone."""
    return datetime.fromtimestamp(local_s).replace(tzinfo=UTC).timestamp()  # noqa: DTZ006  python-can took it for local


def _blf(path: Path, content: IO[bytes], reading: Reading) -> Iterator[Message]:
    as_file: Any = content
    try:
        reader: Any = can.BLFReader(as_file)
    except _UNREADABLE as error:
        raise LogError(path, f"it is no BLF file ({str(error) or 'its header is cut off'})") from error
    if reading.size < reader.file_size and not path.name.endswith(".gz"):
        reading.incomplete = f"it has {reading.size} of the {reader.file_size} bytes that its header promises"
    while True:
        try:
            yield from reader
        except _UNREADABLE as error:
            reading.refuse(f"before byte {content.tell()}", error)
        else:
            return
        reader._tail = b""  # noqa: SLF001  what is left of the part that cannot be read
        if not _next_object(content):
            return


def _next_object(content: IO[bytes]) -> bool:
    """Goes to the next object of a BLF file, if there is one."""
    before = b""
    while block := content.read(_BLOCK):
        found = (before + block).find(_OBJECT)
        if found >= 0:
            content.seek(found - len(before) - len(block), io.SEEK_CUR)
            return True
        before = block[-len(_OBJECT) + 1 :]
    return False


_READERS: Mapping[str, Callable[[Path, IO[bytes], Reading], Iterator[Message]]] = {
    ".log": _candump,
    ".asc": _asc,
    ".blf": _blf,
    ".trc": _trc,
}
