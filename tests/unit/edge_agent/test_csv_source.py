"""Recorded logs, as they are: short rows, long rows, impossible cells, damaged files."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buses.base import open_source
from edge_agent.errors import SourceError
from edge_agent.health import Health
from edge_agent.settings import Collect
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, SPEED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="chosen")
def _chosen(tmp_path: Path) -> Path:
    """A map of two columns."""
    path = tmp_path / "two.toml"
    path.write_text(f'[columns]\n"speed" = "{SPEED}"\n"coolant" = "{COOLANT_TEMPERATURE}"\n')
    return path


@pytest.fixture(name="rows_of")
def _rows_of(tmp_path: Path, chosen: Path, opened):
    """The rows of a log with this content."""

    def reading(content: str | bytes, *, skip: int = 0, query: str = "") -> list:
        path = tmp_path / "log.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = opened(f"csv:{path}?map={chosen}{query}")

        async def whole() -> list:
            return [row async for row in source.rows(skip=skip, start_ms=1_000_000)]

        return asyncio.run(whole())

    return reading


def raw(path: str, value: float) -> int:
    return CATALOGUE[path].raw(value)


def test_cells_become_samples(rows_of) -> None:
    """A second apart, at the catalogue's resolution; an empty cell is no sample."""
    rows = rows_of("speed,coolant\n50,88\n,89\n52,\n")
    assert [row.time_ms for row in rows] == [1_000_000, 1_001_000, 1_002_000]
    assert [dict(row.values) for row in rows] == [
        {SPEED: raw(SPEED, 50), COOLANT_TEMPERATURE: raw(COOLANT_TEMPERATURE, 88)},
        {COOLANT_TEMPERATURE: raw(COOLANT_TEMPERATURE, 89)},
        {SPEED: raw(SPEED, 52)},
    ]


def test_short_rows_are_kept_and_long_ones_set_apart(rows_of, health) -> None:
    """What is there of a short row counts; of a long one it is not known which cell belongs where: it is reported."""
    rows = rows_of("speed,coolant\n50\n51,88,7\n52,90,\n")
    assert dict(rows[0].values) == {SPEED: raw(SPEED, 50)}
    ((kind, data),) = rows[1].events
    assert (kind, data["place"], data["text"]) == ("unreadable", "line 3", "51,88,7")
    assert not rows[1].values
    assert rows[2].values[COOLANT_TEMPERATURE] == raw(COOLANT_TEMPERATURE, 90)
    assert (health.counts["rows_short"], health.counts["rows_refused"]) == (1, 1)


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e999", "9999", "-300", "fast", "0x10", "5 0"])
def test_impossible_cells_are_counted_and_the_rest_of_the_row_is_kept(rows_of, health, cell: str) -> None:
    (row,) = rows_of(f"speed,coolant\n{cell},88\n")
    assert dict(row.values) == {COOLANT_TEMPERATURE: raw(COOLANT_TEMPERATURE, 88)}
    assert health.counts[f"cells_refused:{SPEED}"] == 1


def test_a_log_that_stops_within_a_row(rows_of) -> None:
    """A last line that lacks both its end and a column may stop within a number: 5 of 51 is not taken for a value."""
    assert [dict(row.values) for row in rows_of("speed,coolant\n50,88\n5")][1:] == [{}]
    (_, whole) = rows_of("speed,coolant\n50,88\n51,89")
    assert dict(whole.values) == {SPEED: raw(SPEED, 51), COOLANT_TEMPERATURE: raw(COOLANT_TEMPERATURE, 89)}


@given(st.binary(max_size=300))
def test_no_bytes_break_it(rows_of_bytes, content: bytes) -> None:
    """Whatever follows the header, each line is a row or an event."""
    rows = rows_of_bytes(b"speed,coolant\n50,88\n" + content)
    assert rows[0].values


@pytest.fixture(name="rows_of_bytes", scope="module")
def _rows_of_bytes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    columns = f'[columns]\n"speed" = "{SPEED}"\n"coolant" = "{COOLANT_TEMPERATURE}"\n'

    def reading(content: bytes, time: str = "") -> list:
        (folder / "two.toml").write_text(f'time = "{time}"\n{columns}')
        (folder / "log.csv").write_bytes(content)
        source = open_source(f"csv:{folder}/log.csv?map={folder}/two.toml", collect=Collect(), health=Health())

        async def whole() -> list:
            return [row async for row in source.rows(skip=0, start_ms=0)]

        return asyncio.run(whole())

    return reading


def test_reading_goes_on_where_it_stopped(rows_of) -> None:
    """The rows after the first two are those of a whole reading, times included."""
    content = "speed,coolant\n" + "".join(f"{speed},88\n" for speed in range(10))
    assert rows_of(content, skip=2) == rows_of(content)[2:]


def test_compressed_logs_and_other_line_ends(rows_of) -> None:
    plain = rows_of("speed,coolant\n50,88\n51,89\n")
    assert rows_of(gzip.compress(b"speed,coolant\r\n50,88\r\n51,89\r\n")) == plain
    assert rows_of("speed,coolant\r50,88\r51,89\r") == plain


def test_a_cell_that_csv_cannot_hold_is_set_apart(rows_of) -> None:
    """A cell longer than the csv module reads costs its own row only."""
    rows = rows_of("speed,coolant\n" + "9" * 200_000 + ",88\n50,88\n")
    assert rows[0].events[0][0] == "unreadable"
    assert rows[1].values[SPEED] == raw(SPEED, 50)


def test_times_of_the_log_itself(rows_of, chosen: Path) -> None:
    """ISO 8601 or milliseconds; a row without a time is set apart."""
    chosen.write_text(chosen.read_text().replace("[columns]", 'time = "at"\n[columns]'))
    rows = rows_of("at,speed\n2026-11-23T08:00:00Z,50\n1795507201000,51\nsoon,52\n")
    assert [row.time_ms for row in rows[:2]] == [1_795_420_800_000, 1_795_507_201_000]
    assert "no time" in rows[2].events[0][1]["reason"]


@pytest.mark.parametrize(
    ("content", "query", "words"),
    [
        ("a,b\n1,2\n", "", "none of which the map knows"),
        ("", "", "nothing"),
        ("speed,coolant\n1,2\n", "&start=soon", "start='soon'"),
        ("speed,coolant\n1,2\n", "&agian=1", "again"),
    ],
)
def test_logs_that_cannot_be_taken(rows_of, content: str, query: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        rows_of(content, query=query)


@pytest.mark.parametrize("harm", ["cut", *range(5)])
def test_a_damaged_gzip_file(rows_of, harm: str | int) -> None:
    """Cut off, or with bytes that were changed on the card."""
    packed = bytearray(gzip.compress(b"speed,coolant\n" + random.Random(1).randbytes(9000).hex().encode()))
    if harm == "cut":
        del packed[-20:]
    else:
        start = random.Random(harm).randrange(100, len(packed) - 100)
        packed[start : start + 40] = bytes(byte ^ 0xA5 for byte in packed[start : start + 40])
    with pytest.raises(SourceError, match="damaged gzip"):
        rows_of(bytes(packed))


def test_a_header_that_csv_cannot_hold(rows_of) -> None:
    with pytest.raises(SourceError, match="its first line is no line of CSV"):
        rows_of("speed," + "9" * 200_000 + "\n50,88\n")


TIMES = (
    st.text(max_size=30)
    | st.from_regex(r"[0-9]{1,400}(\.[0-9]*)?", fullmatch=True)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(str)
)


@given(st.lists(TIMES.map(lambda text: text.replace("\n", " ").replace("\r", " ").replace('"', " ")), max_size=5))
def test_no_time_breaks_it(rows_of_bytes, times: list[str]) -> None:
    """Whatever stands in the column of times: a row has a time of the years 1970 to 9999, or becomes an event."""
    lines = [f'"{text}",50,88' for text in times]
    for row in rows_of_bytes("\n".join(["when,speed,coolant", *lines]).encode(errors="replace"), time="when"):
        assert row.events or 0 <= row.time_ms < 253_402_300_800_000


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("csv:/no/such.csv?map=carobd", "/no/such.csv cannot be read"),
        ("csv:{log}", "--map: carobd"),
        ("csv:{log}?map=carodb", "no map 'carodb'"),
        ("cvs:{log}", "csv:"),
        ("nonsense", "csv:"),
    ],
)
def test_uris_that_name_no_log(opened, tmp_path: Path, uri: str, words: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text("speed\n1\n")
    with pytest.raises(SourceError, match=words):
        opened(uri.format(log=log))
