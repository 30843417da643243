"""What ingest's storage promises of history: with the tail it is one, whole and exact."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ingest.storage import (
    cursors,
    history,
    tables,
)
from ingest.storage import telemetry as telemetry_store
from ingest.storage.database import reading, transaction
from ingest.storage.retired import remove_retired
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.storage.telemetry import TelemetryStore

from tests.contracts.storage.given import (
    DEVICE,
    NOW,
    NOW_MS,
    OTHER_SET,
    VEHICLE,
    KilledError,
    counts,
    expected,
    receive,
    speeds,
    telemetry,
)


def test_history_and_hot_tail_are_one(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Before, between and after the moves to Parquet, readers see the same rows, sorted by time."""
    receive(engine, *(telemetry(sequence) for sequence in (3, 1, 2)))
    before = store.read(device_id=DEVICE)
    assert before["time"].is_sorted()
    assert history.write_run(engine, folder, limit=2) == 2
    assert store.read(device_id=DEVICE).equals(before)
    assert history.write_run(engine, folder) == 1
    assert history.write_run(engine, folder) == 0
    history.prune(engine, now=NOW)
    assert store.read(device_id=DEVICE).equals(before)
    assert store.read(vehicle_id=VEHICLE).equals(before)
    assert store.read(vehicle_id="another").is_empty()


def test_a_run_in_the_middle_of_reading_doubles_nothing(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A reader sees the database as of one moment, though rows go from the inbox to history between two looks."""
    receive(engine, telemetry(1), telemetry(2))
    looked = telemetry_store._file_paths
    moved: list[int] = []

    def move_first(*arguments: object) -> list[str]:
        moved.append(history.write_run(engine, folder))
        return looked(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(telemetry_store, "_file_paths", move_first)
        assert speeds(store) == expected(1, 2)
    assert moved == [2]
    assert speeds(store) == expected(1, 2)


def test_reading_a_part(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """From is included and to is not, to the millisecond; columns come in the order asked for."""
    receive(engine, telemetry(1, start_ms=NOW_MS + 123), telemetry(2, signal_set=OTHER_SET))
    history.write_run(engine, folder, limit=1)
    start = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(milliseconds=1123)
    part = store.read(
        device_id=DEVICE, signals=[COOLANT_TEMPERATURE, SPEED], start=start, end=start + timedelta(seconds=1)
    )
    assert part.columns == ["time", COOLANT_TEMPERATURE, SPEED]
    assert part["time"].to_list() == [start]
    assert part[SPEED].to_list() == [4.0]
    everything = store.read(device_id=DEVICE)
    assert everything.columns == ["time", ENGINE_SPEED, SPEED]
    assert everything[ENGINE_SPEED].to_list() == [None, None, None, 1.5, 1.75, 2.0]
    assert store.read(device_id=DEVICE, signals=[COOLANT_TEMPERATURE]).is_empty()


def test_consumers_hold_the_inbox(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """What a consumer has not dealt with stays readable by cursor, although it is in history."""
    receive(engine, *(telemetry(sequence) for sequence in range(1, 5)))
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "fast", 4)
        cursors.write_cursor(connection, "slow", 2)
    history.write_run(engine, folder)
    assert history.prune(engine, now=NOW) == 2
    found = store.arrivals(2)
    assert (found.last_id, found.frame[SPEED].to_list()) == (4, expected(3, 4))
    assert store.arrivals(4).frame.is_empty()
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "slow", 4)
    assert history.prune(engine, now=NOW) == 2
    assert store.arrivals(0).frame.is_empty()


def test_a_conflict_is_seen_for_a_week(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """The inbox forgets samples at once and digests a week later; a duplicate is a duplicate for ever."""
    receive(engine, telemetry(1))
    history.write_run(engine, folder)
    history.prune(engine, now=NOW)
    assert (DEVICE, 1) in receive(engine, telemetry(1, first=5)).rejected
    receive(engine, telemetry(1))
    history.prune(engine, now=NOW + timedelta(days=8))
    with reading(engine) as connection:
        assert connection.execute(sa.select(tables.inbox)).all() == []
    receive(engine, telemetry(1))
    assert counts(engine)["duplicate"] == 2
    assert speeds(store) == expected(1)


def test_two_writers_do_not_double(engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch) -> None:
    """Two ingests that move the same rows at the same time: one of them wins, and nothing is there twice."""
    receive(engine, telemetry(1), telemetry(2))
    write_parts = history.write_parts

    def write_and_be_overtaken(*arguments: object) -> list[history.HistoryFile]:
        monkeypatch.setattr(history, "write_parts", write_parts)
        assert history.write_run(engine, folder, limit=1) == 1
        return write_parts(*arguments)

    monkeypatch.setattr(history, "write_parts", write_and_be_overtaken)
    assert history.write_run(engine, folder) == 0
    assert history.write_run(engine, folder) == 1
    assert speeds(store) == expected(1, 2)
    assert history.remove_orphans(engine, folder, now=datetime.now(UTC)) == 0
    assert history.remove_orphans(engine, folder, now=datetime.now(UTC) + timedelta(hours=1)) == 1
    assert speeds(store) == expected(1, 2)


@pytest.mark.parametrize("seed", range(6))
def test_killed_anywhere_history_is_exact(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random receiving, moving, pruning, compacting and reading, killed at random points: each sample once, always."""
    rng = random.Random(seed)
    steps = ("_write_file", "_register", "_mark", "_make_durable", "retire")
    stored: list[int] = []

    def killable(name: str) -> None:
        real = getattr(history, name)

        def step(*arguments: object, **named: object) -> object:
            when = rng.random()
            if when < 0.05:
                raise KilledError
            done = real(*arguments, **named)
            if when > 0.95:
                raise KilledError
            return done

        monkeypatch.setattr(history, name, step)

    for name in steps:
        killable(name)
    monkeypatch.setattr(history, "MANY_FILES", 3)
    for _ in range(60):
        number = len(stored) + 1
        receive(engine, telemetry(number, start_ms=NOW_MS + 8_000_000 * number))
        stored.append(number)
        try:
            history.write_run(engine, folder, limit=rng.randint(1, 5))
            history.prune(engine, now=NOW)
            if rng.random() < 0.3:
                history.compact(engine, folder, now=NOW)
            if rng.random() < 0.1:
                history.remove_orphans(engine, folder, now=datetime.now(UTC), age=timedelta(0))
                remove_retired(folder, now=datetime.now(UTC), age=timedelta(0))
        except KilledError:
            continue
        assert speeds(store) == expected(*stored)
    assert speeds(store) == expected(*stored)
