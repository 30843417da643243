"""Recorded logs of frames, in every format: the same frames from each, and nothing lost but what cannot be read."""

from __future__ import annotations

import gzip
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import can
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.bulk import candump, logs
from edge_agent.buses import python_can
from edge_agent.buses.recorded import Reading, messages
from edge_agent.decoders.layout import EXTENDED
from edge_agent.errors import LogError
from tests.property_examples import examples

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.bulk.frames import Frames

START_S = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
FORMATS = ("log", "asc", "blf", "trc")


def recorded(count: int = 50, *, fd: bool = False) -> list[can.Message]:
    """Frames of both kinds of identifier and of all lengths."""
    chance = random.Random(count)
    found = []
    for number in range(count):
        extended = chance.random() < 0.3
        length = chance.choice((0, 1, 5, 8, 12, 20, 64) if fd else (0, 1, 2, 5, 8, 8, 8))
        found.append(
            can.Message(
                timestamp=START_S + number / 100,
                arbitration_id=chance.randrange(1 << (29 if extended else 11)),
                is_extended_id=extended,
                is_fd=fd,
                data=chance.randbytes(length),
                channel=0,
            )
        )
    return found


def write(path: Path, frames: list[can.Message]) -> Path:
    """A log as python-can writes it."""
    with can.Logger(str(path)) as log:
        for frame in frames:
            log.on_message_received(frame)
    return path


def as_rows(parts: list[Frames]) -> list[tuple[float, int, bytes]]:
    """Time to the hundredth of a second, key and data of each frame."""
    return [
        (round(int(time) / 1e6, 2), int(key), bytes(data[:length]))
        for part in parts
        for time, key, length, data in zip(part.times_us, part.keys, part.lengths, part.data, strict=True)
    ]


def expected(frames: list[can.Message]) -> list[tuple[float, int, bytes]]:
    """The same of what was written."""
    return [
        (round(frame.timestamp, 2), frame.arbitration_id | (EXTENDED if frame.is_extended_id else 0), bytes(frame.data))
        for frame in frames
    ]


def read(path: Path, size: int = 7) -> tuple[list[Frames], Reading]:
    """All frames of a log, in chunks of odd size, and what was counted."""
    reading = Reading()
    return list(logs.frames(path, reading, size)), reading


@pytest.mark.parametrize(
    ("form", "fd"), [*((form, False) for form in FORMATS), ("log", True), ("asc", True), ("blf", True)]
)
def test_every_format_gives_the_frames_that_were_recorded(tmp_path: Path, form: str, fd: bool) -> None:
    """Time, identifier and data come back from each format, in chunks of any size."""
    frames = recorded(fd=fd)
    parts, reading = read(write(tmp_path / f"drive.{form}", frames))
    assert as_rows(parts) == expected(frames)
    assert (reading.frames, reading.unreadable, reading.incomplete) == (len(frames), 0, "")


@pytest.mark.parametrize("form", ["log", "asc", "trc"])
def test_logs_may_be_compressed(tmp_path: Path, form: str) -> None:
    """A log with .gz behind its name is read as it is."""
    frames = recorded()
    path = write(tmp_path / f"drive.{form}", frames)
    packed = tmp_path / f"drive.{form}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert as_rows(read(packed)[0]) == expected(frames)


def test_a_compressed_log_that_was_cut_gives_what_is_there(tmp_path: Path) -> None:
    """The frames before the cut are read; the cut is told."""
    frames = recorded(2000)
    path = write(tmp_path / "drive.log", frames)
    packed = tmp_path / "drive.log.gz"
    packed.write_bytes(gzip.compress(path.read_bytes())[:-2000])
    parts, reading = read(packed, 100)
    rows = as_rows(parts)
    assert rows == expected(frames)[: len(rows)]
    assert 0 < len(rows) < len(frames)
    assert "ends early" in reading.incomplete


@pytest.mark.parametrize("form", ["log", "asc", "trc"])
@pytest.mark.parametrize("harm", ["cut", *range(5)])
def test_a_compressed_log_gives_what_comes_before_the_harm(tmp_path: Path, form: str, harm: str | int) -> None:
    """Also where the whole log would be read at once; the harm is told."""
    frames = recorded(2000)
    path = write(tmp_path / f"drive.{form}", frames)
    content = bytearray(gzip.compress(path.read_bytes()))
    if harm == "cut":
        del content[len(content) * 3 // 4 :]
    else:
        content[len(content) * 3 // 4 :] = random.Random(harm).randbytes(len(content) // 4)
    packed = tmp_path / f"drive.{form}.gz"
    packed.write_bytes(content)
    parts, reading = read(packed)
    half = len(frames) // 2
    assert as_rows(parts)[:half] == expected(frames)[:half]
    assert reading.incomplete.startswith("its compression ")


@pytest.mark.parametrize("form", ["log", "asc", "trc"])
def test_what_is_not_compressed_is_refused_as_such(tmp_path: Path, form: str) -> None:
    """An ending .gz that is not true is said to be the log's fault."""
    path = tmp_path / f"drive.{form}.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(LogError, match="its compression is damaged"):
        read(path)


@pytest.mark.parametrize("form", ["log", "asc", "trc"])
def test_a_line_that_cannot_be_read_costs_itself_only(tmp_path: Path, form: str) -> None:
    """All other frames come; the line is counted with its number and text."""
    frames = recorded()
    path = write(tmp_path / f"drive.{form}", frames)
    lines = path.read_text().split("\n")
    at = len(lines) - 11
    lines[at] = {"log": "(x) can0 1#2", "asc": " 0.40 1 zz Rx d 1 2", "trc": "1 40.0"}[form]
    path.write_text("\n".join(lines))
    parts, reading = read(path)
    rows, wanted = as_rows(parts), expected(frames)
    assert len(rows) == len(wanted) - 1
    assert set(rows) < set(wanted)
    assert reading.unreadable == 1
    assert f"line {at + 1}" in reading.first


def test_a_blf_file_that_was_cut_gives_what_is_there(tmp_path: Path) -> None:
    """The header promises more bytes than there are: that is told, and the rest is read."""
    frames = recorded(30_000)
    path = write(tmp_path / "drive.blf", frames)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    parts, reading = read(path, 1000)
    rows = as_rows(parts)
    assert rows == expected(frames)[: len(rows)]
    assert len(rows) > len(frames) // 4
    assert "bytes that its header promises" in reading.incomplete


def test_a_hole_in_a_blf_file_costs_that_part_only(tmp_path: Path) -> None:
    """Bytes overwritten in the middle are counted; the frames of the parts before and behind it come."""
    frames = recorded(30_000)
    path = write(tmp_path / "drive.blf", frames)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xaa" * 64
    path.write_bytes(content)
    parts, reading = read(path, 1000)
    rows = set(as_rows(parts))
    wanted = expected(frames)
    assert rows < set(wanted)
    assert wanted[0] in rows
    assert wanted[-1] in rows
    assert reading.unreadable >= 1


def test_remote_and_error_frames_are_counted(tmp_path: Path) -> None:
    """They hold no data and no signal."""
    path = tmp_path / "drive.log"
    path.write_text(
        "(1700000000.000000) can0 123#R\n(1700000000.100000) can0 20000080#0000000000000000\n"
        "(1700000000.200000) can0 123#11 T\n(1.5) can0 123#12\n"
    )
    parts, reading = read(path, 100)
    assert as_rows(parts) == [(1700000000.2, 0x123, b"\x11"), (1.5, 0x123, b"\x12")]
    assert (reading.without_data, reading.frames) == (2, 2)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("drive.log", b"  can0  123   [2]  11 22\n", "no frame"),
        ("drive.asc", b"\x00\x01\x02", "no frame"),
        ("drive.trc", b"hello\n", "no frame"),
        ("drive.blf", b"LOGG", "no BLF"),
        ("drive.blf", b"x" * 500, "no BLF"),
        ("drive.mf4", b"x" * 500, "no MF4"),
        ("drive.txt", b"", "should end in"),
    ],
)
def test_what_is_no_log_is_refused_with_its_name(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """The error names the file and says what is wrong with it."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LogError, match=said) as caught:
        read(path)
    assert name in str(caught.value)


def test_a_missing_log_is_refused(tmp_path: Path) -> None:
    """Each way of reading says so."""
    for form in (*FORMATS, "mf4"):
        with pytest.raises(LogError, match="No such file"):
            read(tmp_path / f"none.{form}")


def test_an_asc_without_a_first_event_line_loses_no_frame(tmp_path: Path) -> None:
    """python-can takes the first line after a short header for part of it; we don't."""
    path = tmp_path / "drive.asc"
    path.write_text(
        "date Mon Nov 23 08:00:00.000 2026\nbase hex  timestamps absolute\n"
        "   0.010000 1  123             Rx   d 2 11 22\n   0.020000 1  124             Rx   d 1 33\n"
    )
    assert as_rows(read(path)[0]) == [(START_S + 0.01, 0x123, b"\x11\x22"), (START_S + 0.02, 0x124, b"\x33")]


@given(content=st.binary(max_size=400), form=st.sampled_from(FORMATS))
@settings(max_examples=examples(150), deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, form: str) -> None:
    """No content ends in anything but frames or our own error."""
    path = tmp_path_factory.mktemp("logs") / f"any.{form}"
    path.write_bytes(content)
    try:
        read(path)
    except LogError as error:
        assert "any" in str(error)


STAMP = r"\([0-9]{9,11}\.[0-9]{5,7}\) [a-z]{1,9}[0-9]? "
# The flags of CAN FD are a hexadecimal digit; python-can stumbles over A to F, where we follow can-utils.
ANY_FRAME = STAMP + r"[0-9A-Fa-f]{2,9}(#|##[0-9])[0-9A-FRa-f]{0,20}( [RT])?"
GOOD_FRAME = r"\([0-9]{10}\.[0-9]{6}\) can0 ([0-9A-F]{3}|[01][0-9A-F]{7})#([0-9A-F]{2}){0,8}( [RT])?"
LINES = st.lists(
    st.from_regex(ANY_FRAME, fullmatch=True)
    | st.from_regex(GOOD_FRAME, fullmatch=True)
    | st.text(alphabet="()#. 0129AFRcant\t", max_size=40),
    max_size=8,
)


@given(lines=LINES, ending=st.sampled_from(["\n", "\r\n"]), last=st.booleans(), block=st.integers(1, 90))
@settings(max_examples=examples(300), deadline=None)
def test_candump_in_bulk_reads_what_python_can_reads(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ending: str, last: bool, block: int
) -> None:
    """Lines of any kind, in blocks of any size: the same frames and the same counts as one by one."""
    path = tmp_path_factory.mktemp("logs") / "any.log"
    path.write_bytes((ending.join(lines) + (ending if last else "")).encode())
    single, bulk = Reading(), Reading()
    try:
        wanted = [
            (round(m.timestamp * 1e6), m.arbitration_id, m.is_extended_id, bytes(m.data))
            for m in messages(path, single)
        ]
    except LogError:
        wanted = []
    with path.open("rb") as content:
        parts = list(candump.frames(content, bulk, block))
    found = [
        (int(time), int(key) & ~EXTENDED, bool(int(key) & EXTENDED), bytes(data[:length]))
        for part in parts
        for time, key, length, data in zip(part.times_us, part.keys, part.lengths, part.data, strict=True)
    ]
    assert [frame[1:] for frame in found] == [frame[1:] for frame in wanted]
    assert all(abs(ours[0] - theirs[0]) <= 2 for ours, theirs in zip(found, wanted, strict=True))  # theirs is a float
    assert (bulk.frames, bulk.without_data, bulk.unreadable) == (single.frames, single.without_data, single.unreadable)


def measurement(path: Path, frames: list[can.Message]) -> Path:
    """An MF4 file as a logger of frames writes it."""
    library: Any = python_can.asammdf()
    fields = [("ID", "<u4"), ("IDE", "u1"), ("DLC", "u1"), ("DataLength", "u1"), ("DataBytes", "(64,)u1")]
    rows = np.zeros(len(frames), dtype=[(f"CAN_DataFrame.{name}", kind) for name, kind in fields])
    for row, frame in zip(rows, frames, strict=True):
        row["CAN_DataFrame.ID"], row["CAN_DataFrame.IDE"] = frame.arbitration_id, frame.is_extended_id
        row["CAN_DataFrame.DataLength"] = len(frame.data)
        row["CAN_DataFrame.DataBytes"][: len(frame.data)] = list(frame.data)
    made = library.MDF(version="4.10")
    made.header.start_time = datetime.fromtimestamp(START_S, UTC)
    times_s = np.array([frame.timestamp - START_S for frame in frames])
    made.append(library.Signal(rows, times_s, name="CAN_DataFrame"))
    made.save(path)
    made.close()
    return path


def test_measurement_files_are_read(tmp_path: Path) -> None:
    """MF4, through asammdf: the frames, a chunk at a time."""
    pytest.importorskip("pandas", reason="asammdf is not installed: pip install 'roadworthy[mf4]'")
    frames = recorded(fd=True)
    parts, reading = read(measurement(tmp_path / "drive.mf4", frames))
    assert as_rows(parts) == expected(frames)
    assert reading.frames == len(frames)
    assert len(parts) > 1


def test_without_asammdf_a_measurement_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""

    def absent() -> None:
        raise ImportError

    monkeypatch.setattr(python_can, "asammdf", absent)
    (tmp_path / "drive.mf4").write_bytes(b"x")
    with pytest.raises(LogError, match=r"roadworthy\[mf4\]"):
        read(tmp_path / "drive.mf4")
