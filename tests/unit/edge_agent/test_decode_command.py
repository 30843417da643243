"""`roadworthy decode`: from a recorded log and a DBC to a table, and a sentence for everything that can go wrong."""

from __future__ import annotations

import csv
import random
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import can
import cantools
import polars as pl
import pytest
from typer.testing import CliRunner

import roadworthy
from edge_agent.bulk import decode_log
from edge_agent.decoders.dbc import load
from edge_agent.decoders.layout import Coding
from edge_agent.errors import AgentError, DbcError, LogError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterable

DBC = Path(__file__).parents[2] / "golden" / "dbc" / "codings.dbc"
MULTIPLEXED = 512
START_S = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()


@pytest.fixture(name="drive")
def _drive(tmp_path: Path) -> Path:
    """A log of all messages of the DBC, of frames that it does not know, and of frames that are too short."""
    chance = random.Random(7)
    known = [(message.frame_id, message.is_extended_frame, message.length) for message in theirs().messages]
    path = tmp_path / "drive.log"
    with can.Logger(str(path)) as log:
        for number in range(500):
            identifier, extended, length = chance.choice([*known, (0x7A0, False, 8), (0x7A0, True, 8)])
            short = length > 2 and chance.random() < 0.1
            log.on_message_received(
                can.Message(
                    timestamp=START_S + number / 100,
                    arbitration_id=identifier,
                    is_extended_id=extended,
                    is_fd=length > 8,
                    data=data(chance, identifier, length // 2 if short else length),
                )
            )
    return path


def data(chance: random.Random, identifier: int, length: int) -> bytes:
    """Random bytes; those of the multiplexed message select pages that the DBC names."""
    found = bytearray(chance.randbytes(length))
    if identifier == MULTIPLEXED:
        found[0] = chance.choice((0, 1, 2, 5, 6, 7))
        found[2] = chance.choice((1, 2, 3))
    return bytes(found)


def theirs() -> Any:
    """The DBC as cantools reads it."""
    return cantools.database.load_file(DBC)


def wanted(path: Path, *, texts: bool) -> Iterable[tuple[Any, ...]]:
    """The rows that cantools gives, in the order of the log; within a frame in any order."""
    database = theirs()
    for frame in can.CanutilsLogReader(path):
        try:
            message = database.get_message_by_frame_id(frame.arbitration_id, frame.is_extended_id)
            values = message.decode(frame.data, decode_choices=False, allow_truncated=True)
        except (KeyError, cantools.database.errors.DecodeError):
            continue
        time = datetime.fromtimestamp(round(frame.timestamp, 2), UTC)
        for name, value in values.items():
            raw = message.decode(frame.data, scaling=False, decode_choices=False, allow_truncated=True)[name]
            text = (message.get_signal_by_name(name).choices or {}).get(raw)
            yield (time, message.name, name, float(value), *([None if text is None else str(text)] if texts else []))


def plain(row: tuple[Any, ...]) -> list[str]:
    """A row as words: not-a-number is then equal to itself."""
    return [row[0].isoformat(), *map(str, row[1:])]


def run(*arguments: object) -> Any:
    """The command line's answer."""
    return CliRunner().invoke(roadworthy.app, ["decode", *map(str, arguments)])


@pytest.mark.parametrize("texts", [False, True])
def test_a_log_becomes_a_parquet_table(drive: Path, texts: bool) -> None:
    """Every value that cantools finds stands in the table, with its time in UTC; nothing else does."""
    out = drive.with_name("out.parquet")
    answer = run(drive, "--dbc", DBC, "--out", out, *(["--texts"] if texts else []))
    assert answer.exit_code == 0, answer.output
    table = pl.read_parquet(out)
    assert table.columns == ["time", "message", "signal", "value", *(["text"] if texts else [])]
    assert table.schema["time"] == pl.Datetime("us", "UTC")
    assert table["time"].is_sorted()
    assert sorted(map(plain, table.rows())) == sorted(map(plain, wanted(drive, texts=texts)))


def test_a_csv_table_says_the_same(drive: Path) -> None:
    """CSV has the same rows, its times in ISO 8601 with a Z."""
    assert run(drive, "--dbc", DBC, "--out", drive.with_name("out.csv")).exit_code == 0
    assert run(drive, "--dbc", DBC, "--out", drive.with_name("out.parquet")).exit_code == 0
    with drive.with_name("out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    table = pl.read_parquet(drive.with_name("out.parquet"))
    assert [str(float(line["value"])) for line in lines] == [str(value) for value in table["value"]]
    assert [line["signal"] for line in lines] == table["signal"].to_list()
    assert lines[0]["time"].startswith("2026-11-23T08:00:0")
    assert lines[0]["time"].endswith("Z")


def test_the_summary_counts_everything(drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames, values, unknown identifiers, short frames, lines that could not be read; in chunks of any size."""
    monkeypatch.setattr(decode_log, "_CHUNK", 3)
    with drive.open("a") as file:
        file.write("nothing\n(1700000000.0) can0 123#R\n")
    out = drive.with_name("out.csv")
    said = run(drive, "--dbc", DBC, "--out", out).output
    rows = out.read_text().count("\n") - 1
    assert "500 frames" in said
    assert f"{rows:,} values" in said
    assert "2 unknown identifiers" in said
    assert "7A0 (" in said
    assert "000007A0 (" in said
    assert "shorter than their message" in said
    assert "1 remote and error frames" in said
    assert "1 could not be read; the first: line 501 (nothing)" in said
    assert str(out) in said


def test_a_log_that_the_dbc_does_not_know_is_told(tmp_path: Path) -> None:
    """No value at all is no error; the summary names the identifiers that were there."""
    log = tmp_path / "a.log"
    log.write_text("(1700000000.000000) can0 7FF#00\n")
    answer = run(log, "--dbc", DBC, "--out", tmp_path / "a.parquet")
    assert answer.exit_code == 0
    assert "7FF (1)" in answer.output
    assert pl.read_parquet(tmp_path / "a.parquet").is_empty()


@pytest.mark.parametrize(
    ("log", "dbc", "out", "error", "said"),
    [
        ("none.log", DBC, "o.csv", LogError, "No such file"),
        ("good.log", "none.dbc", "o.csv", DbcError, "No such file"),
        ("good.log", "good.log", "o.csv", DbcError, "cannot be read"),
        ("good.log", DBC, "o.xlsx", TableError, r"\.parquet or \.csv"),
        ("good.log", DBC, "no/o.csv", TableError, "cannot be written"),
        ("good.log", DBC, "no/o.parquet", TableError, "cannot be written"),
        ("bad.log", DBC, "o.csv", LogError, "no frame"),
        ("bad.log", DBC, "o.parquet", LogError, "no frame"),
    ],
)
def test_mistakes_end_in_a_sentence(
    tmp_path: Path, log: str, dbc: Path | str, out: str, error: type[AgentError], said: str
) -> None:
    """The error names the file; no table and no part of one is left behind."""
    (tmp_path / "good.log").write_text("(1700000000.000000) can0 7FF#00\n")
    (tmp_path / "bad.log").write_text("bad\n")
    answer = run(tmp_path / log, "--dbc", tmp_path / dbc, "--out", tmp_path / out)
    assert isinstance(answer.exception, error)
    assert re.search(said, str(answer.exception))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.log", "good.log"]


def test_an_existing_table_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    """A failed run leaves the table of an earlier one as it was."""
    out = tmp_path / "out.csv"
    out.write_text("before")
    (tmp_path / "bad.log").write_text("bad\n")
    run(tmp_path / "bad.log", "--dbc", DBC, "--out", out)
    assert out.read_text() == "before"


def test_the_golden_dbc_has_every_coding() -> None:
    """Both byte orders, signed, floats, both kinds of identifier, multiplexers below multiplexers, texts, CAN FD."""
    found = load(DBC.read_bytes(), source=str(DBC)).messages.values()
    signals = [signal for message in found for signal in message.signals]
    kinds = {(signal.coding, signal.big_endian) for signal in signals}
    assert kinds == {(coding, order) for coding in Coding for order in (False, True)}
    assert {message.extended for message in found} == {True, False}
    assert max(message.length for message in found) == 64
    selectors = {s.selection.by for s in signals if s.selection}
    assert any(s.name in selectors and s.selection for s in signals)
    assert any(s.texts for s in signals)
