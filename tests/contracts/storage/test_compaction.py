"""What joining and forgetting files of history leaves as it was."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from ingest.storage import (
    frames,
    history,
    inbox,
    parquet,
)
from ingest.storage.database import transaction
from ingest.storage.retired import KEPT, remove_retired
from ingest.storage.telemetry import TelemetryStore
from vehicle.signal_set import SignalEntry, SignalSet
from vehicle.signals import CATALOGUE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

from tests.contracts.storage.given import (
    DAY_MS,
    DEVICE,
    NOW,
    NOW_MS,
    OTHER_SET,
    SET,
    expected,
    receive,
    speeds,
    telemetry,
)


def test_compaction_keeps_every_row(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Many small files become one a day and bucket, again and again; rows and their order stay."""
    for round_number in range(2):
        for sequence in range(1, history.MANY_FILES + 2):
            number = round_number * 100 + sequence
            receive(engine, telemetry(number, signal_set=OTHER_SET if sequence % 2 else SET))
            history.write_run(engine, folder)
        before = store.read(device_id=DEVICE)
        assert history.compact(engine, folder, now=NOW) >= history.MANY_FILES
        assert store.read(device_id=DEVICE).equals(before)
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 1
    assert history.compact(engine, folder, now=NOW) == 0


def test_retention_forgets_whole_days(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Days before the given one go, files included; the day itself stays."""
    receive(engine, telemetry(1, start_ms=NOW_MS - DAY_MS), telemetry(2, start_ms=NOW_MS))
    history.write_run(engine, folder)
    assert history.forget_before(engine, folder, NOW) == 1
    assert speeds(store) == expected(2)
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 1


def test_any_engine_can_read_the_files(engine: sa.Engine, store: TelemetryStore, folder: Path, root: Path) -> None:
    """DuckDB, with the statement that docs/history.md gives, finds the values that our own reader gives."""
    receive(engine, telemetry(1), telemetry(2, signal_set=OTHER_SET))
    history.write_run(engine, folder)
    text = (root / "docs" / "history.md").read_text(encoding="utf-8")
    statement = text.partition("```sql\n")[2].partition("```")[0].replace("'day=", f"'{folder}/day=")
    with duckdb.connect() as duck:
        found = duck.sql(statement).select("epoch_ms(time), path, value").fetchall()
    ours = store.read(device_id=DEVICE).unpivot(index="time").drop_nulls()
    assert sorted(found) == sorted(ours.with_columns(ours["time"].dt.timestamp("ms")).rows())
    assert len(found) == ours.height > 0


def test_values_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Whatever a column holds: of the catalogue at its resolution, finer than that, or of no catalogue at all."""
    wild = random.Random(7)
    row = CATALOGUE[ENGINE_SPEED]
    exact = [row.value(wild.randint(row.raw_minimum, row.raw_maximum)) for _ in range(500)]
    frame = pl.DataFrame(
        {
            **dict.fromkeys(("vehicle_id", "device_id"), "v"),
            "time": pl.Series([datetime.fromtimestamp(at, UTC) for at in range(501)], dtype=frames.TIME),
            **{name: pl.Series(range(501), dtype=pl.Int64) for name in ("epoch", "sequence", "inbox_id")},
            ENGINE_SPEED: [None, *exact],
            SPEED: [None, *(wild.uniform(0, 250) for _ in range(500))],
            "Vehicle.Acme.Thing": [1e300, *exact],
        }
    )
    for thorough in (False, True):
        path = tmp_path / f"{thorough}.parquet"
        parquet.write(frame, path, thorough=thorough)
        assert parquet.read(path).select(frame.columns).equals(frame)
        assert parquet.read(path, signals=[SPEED]).columns == [*frames.IDENTITY, SPEED]
        names = pl.read_parquet_schema(path).keys()
        assert {f"{ENGINE_SPEED}#1/4+0", SPEED, "Vehicle.Acme.Thing"} <= names


def test_files_of_another_form_are_joined_bit_for_bit(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A signal that some files hold as integers and others, which came at a finer resolution, as values."""
    monkeypatch.setattr(history, "MANY_FILES", 2)
    row = CATALOGUE[ENGINE_SPEED]
    finer = SignalSet((SignalEntry(ENGINE_SPEED, row.numerator, row.denominator * 3, 1), *SET.entries[:1]))
    for sequence, signal_set in enumerate((finer, OTHER_SET, finer, SET), start=1):
        with transaction(engine) as connection:
            inbox.keep_sets(connection, [signal_set])
        receive(engine, telemetry(sequence, signal_set=signal_set), sets=[signal_set])
        history.write_run(engine, folder)
    forms = {name for path in folder.glob("day=*/bucket=*/*.parquet") for name in pl.read_parquet_schema(path)}
    assert {ENGINE_SPEED, f"{ENGINE_SPEED}#1/4+0"} <= forms
    before = store.read(device_id=DEVICE)
    assert history.compact(engine, folder, now=NOW) == 4
    assert store.read(device_id=DEVICE).equals(before)


def test_what_is_joined_stays_of_bounded_size(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A file that is large enough is left alone, also on a day that is over; a turn joins no more than it is told."""
    monkeypatch.setattr(history, "MANY_FILES", 3)
    monkeypatch.setattr(history, "JOINED_ROWS", 12)
    for sequence in range(1, 10):
        receive(engine, telemetry(sequence))
        history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW, most=1) == 4
    assert history.compact(engine, folder, now=NOW) == 4
    assert history.compact(engine, folder, now=NOW + timedelta(days=3)) == 0
    heights = [pl.read_parquet(path).height for path in folder.glob("day=*/bucket=*/*.parquet")]
    assert sorted(heights) == [3, 12, 12]
    assert speeds(store) == expected(*range(1, 10))


def test_a_sample_is_written_again_a_few_times_only(monkeypatch) -> None:
    """Thousands of files that come one after the other: what is joined is seldom joined again."""
    monkeypatch.setattr(history, "JOINED_ROWS", 10**9)
    files: dict[str, int] = {}
    written = 0
    for number in range(5000):
        files[f"{number:06d}"] = 1
        paths = history._worth_joining(sorted(files.items(), key=lambda one: (one[1], one[0])), is_over=False)
        if paths:
            samples = sum(files.pop(path) for path in paths)
            files[f"joined {number:06d}"] = samples
            written += samples
    assert sum(files.values()) == 5000
    assert written < 6 * 5000
    assert len(files) <= history.MANY_FILES


def test_days_that_are_over_become_one_file(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Files of a day that is over are joined though they are few; what comes late joins them at the next turn."""
    for sequence, start_ms in enumerate((NOW_MS - 2 * DAY_MS, NOW_MS - 2 * DAY_MS + 60_000, NOW_MS), start=1):
        receive(engine, telemetry(sequence, start_ms=start_ms))
        history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW) == 2
    receive(engine, telemetry(4, start_ms=NOW_MS - 2 * DAY_MS + 120_000))
    history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW) == 2
    assert history.compact(engine, folder, now=NOW) == 0
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 2
    assert store.read(device_id=DEVICE).height == 4 * len(expected(1))


def test_readers_survive_compaction(engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch) -> None:
    """Files that are replaced between listing and opening are still there; they go a while later."""
    for sequence in range(1, history.MANY_FILES + 2):
        receive(engine, telemetry(sequence))
        history.write_run(engine, folder)
    before, listed = store.read(device_id=DEVICE), TelemetryStore._read_file
    compacted: list[int] = []

    def compact_first(self: TelemetryStore, *arguments: object) -> pl.DataFrame:
        if not compacted:
            compacted.append(history.compact(engine, folder, now=NOW))
        return listed(self, *arguments)

    monkeypatch.setattr(TelemetryStore, "_read_file", compact_first)
    assert store.read(device_id=DEVICE).equals(before)
    assert compacted[0] > 0
    assert remove_retired(folder, now=datetime.now(UTC)) == 0
    assert remove_retired(folder, now=datetime.now(UTC) + KEPT) == compacted[0]
    assert store.read(device_id=DEVICE).equals(before)


def test_readers_survive_compaction_all_the_time(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A slow reader of many files gets through though compaction comes again before each of them."""
    monkeypatch.setattr(history, "MANY_FILES", 1)
    receive(engine, *(telemetry(number, start_ms=NOW_MS + DAY_MS * number) for number in range(1, 9)))
    history.write_run(engine, folder)
    listed = TelemetryStore._read_file
    came: list[int] = []

    def compact_first(self: TelemetryStore, *arguments: object) -> pl.DataFrame:
        number = 100 + len(came)
        receive(engine, telemetry(number, start_ms=NOW_MS + DAY_MS * (len(came) % 8 + 1) + 100_000 * number))
        history.write_run(engine, folder)
        came.append(history.compact(engine, folder, now=NOW))
        return listed(self, *arguments)

    monkeypatch.setattr(TelemetryStore, "_read_file", compact_first)
    assert speeds(store) == expected(*range(1, 9))
    assert came == [2] * 8
