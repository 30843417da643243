"""Logs that were good once: bytes changed, lost or doubled on the card. What is left is read, the rest is told."""

from __future__ import annotations

import gc
import re
import sys
from typing import TYPE_CHECKING

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.bulk import logs
from edge_agent.buses import python_can
from edge_agent.buses.recorded import Reading, messages
from edge_agent.errors import LogError
from tests.property_examples import examples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMATS = ("log", "asc", "blf", "trc", "mf4")
FRAMES = 40
START_S = 1_795_000_000.0
REASONS = (
    r"no frame in it can be read; \S.+; is it what its ending \.(log|asc|blf|trc|mf4) says\?$",
    r"it is no BLF file \(.+\)$",
    r"is no MF4 file that can be read \(\w+: .*\)$",
    r"holds no frames of a CAN bus: no channel is called \w+$",
    r"cannot be read there \(\w+: .*\)$",
)
"""What an error about harm says; that the ending is not known, or the file not there, would be none."""


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The same frames in every format, as python-can writes them."""
    pytest.importorskip("asammdf")
    python_can.asammdf()
    folder, found = tmp_path_factory.mktemp("whole"), {}
    for form in FORMATS:
        path = folder / f"whole.{form}"
        with can.Logger(str(path)) as log:
            for number in range(FRAMES):
                data = bytes([number, 255 - number]) * (number % 5)
                frame = can.Message(
                    timestamp=START_S + number / 10, arbitration_id=0x100 + number, data=data, channel=0
                )
                frame.is_extended_id = bool(number % 2)
                log.on_message_received(frame)
        found[form] = path.read_bytes()
    return found


PLACE = st.floats(0, 1, exclude_max=True)
HARM = st.tuples(PLACE, st.sampled_from(["change", "drop", "double", "cut"]), st.binary(min_size=1, max_size=12))


def harmed(content: bytes, harm: list[tuple[float, str, bytes]]) -> bytes:
    """The content after each harm."""
    for place, kind, data in harm:
        at, size = int(place * len(content)), len(data)
        middle = {"change": data, "drop": b"", "double": content[at : at + size] * 2, "cut": b""}[kind]
        content = content[:at] + middle + (b"" if kind == "cut" else content[at + size :])
    return content


@pytest.mark.parametrize("form", FORMATS)
@given(harm=st.lists(HARM, min_size=1, max_size=4))
@settings(max_examples=examples(25), deadline=None)
def test_harm_ends_in_frames_or_our_own_error(
    tmp_path_factory: pytest.TempPathFactory,
    whole: Mapping[str, bytes],
    form: str,
    harm: list[tuple[float, str, bytes]],
) -> None:
    """Read in bulk and one by one; what came is counted, and where nothing could be read, it is said why."""
    path = tmp_path_factory.mktemp("harmed") / f"harmed.{form}"
    path.write_bytes(harmed(whole[form], harm))
    for read in (in_bulk,) if form == "mf4" else (in_bulk, one_by_one):
        reading = Reading()
        try:
            count = read(path, reading)
        except LogError as error:
            why = str(error).removeprefix(f"log {error.path}: ")
            assert any(re.match(one, why, re.DOTALL) for one in REASONS), why
        else:
            assert count == reading.frames
    path.unlink()


def test_a_file_that_cannot_be_opened_leaves_no_traceback_behind(
    tmp_path: Path, whole: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library had begun goes without a word, when it is collected."""
    path = tmp_path / "headless.mf4"
    path.write_bytes(whole["mf4"][:100])
    gone: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", gone.append)
    with pytest.raises(LogError, match="is no MF4 file that can be read"):
        in_bulk(path, Reading())
    gc.collect()
    assert not gone


def in_bulk(path: Path, reading: Reading) -> int:
    return sum(len(part) for part in logs.frames(path, reading, 7))


def one_by_one(path: Path, reading: Reading) -> int:
    return sum(1 for _ in messages(path, reading))


@pytest.mark.parametrize("form", ["log", "asc", "trc"])
@given(place=PLACE, byte=st.integers(33, 126).map(lambda code: bytes([code])))
@settings(max_examples=examples(40), deadline=None)
def test_no_line_goes_without_a_word(
    tmp_path_factory: pytest.TempPathFactory, whole: Mapping[str, bytes], form: str, place: float, byte: bytes
) -> None:
    """One changed character behind the header costs its line at most, and then that is counted."""
    content = whole[form]
    start = header(content, form)
    at = start + int(place * (len(content) - start))
    if content[at : at + 1].isspace():
        return
    path = tmp_path_factory.mktemp("harmed") / f"harmed.{form}"
    path.write_bytes(content[:at] + byte + content[at + 1 :])
    reading = Reading()
    count = one_by_one(path, reading)
    path.unlink()
    assert count >= FRAMES - 1
    assert reading.frames + reading.without_data + reading.unreadable >= FRAMES


def header(content: bytes, form: str) -> int:
    """Where the first frame's line begins."""
    lines = content.splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if form == "log" or line.split()[0][:1].isdigit())
    return sum(map(len, lines[:first]))
