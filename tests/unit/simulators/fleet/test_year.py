"""``roadworthy simulate year``: a fleet's days as history that storage reads, the truth apart from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest.storage.database import open_database
from ingest.storage.telemetry import TelemetryStore
from roadworthy_fleet import simulate, vehicle_id
from vehicle import signals

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("year") / "data"
    done = CliRunner().invoke(simulate, ["year", "--vehicles", "4", "--days", "1", "--seed", "3", "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


def test_storage_reads_what_was_written(made: Path) -> None:
    """Each car's rows come back through the telemetry store, in order of time and in the catalogue's units."""
    store = TelemetryStore(open_database(f"sqlite:///{made}/roadworthy.db"), made / "history")
    cars = pl.read_parquet(made / "records" / "vehicles.parquet")
    frames = [store.read(vehicle_id=car, signals=[signals.SPEED]) for car in cars["vehicle_id"]]
    assert cars["vehicle_id"].to_list() == [vehicle_id("development/3", index) for index in range(4)]
    assert sum(frame.height for frame in frames) > 500
    for frame in frames:
        assert frame["time"].is_sorted()
        assert frame[signals.SPEED].drop_nulls().is_between(0, 255).all()


def test_the_truth_lies_apart(made: Path) -> None:
    """The ledger is in a folder of its own; nothing of it is in the data folder."""
    sealed = made.with_name("data.ledger")
    assert json.loads((sealed / "run.json").read_text())["vehicles"] == 4
    assert {"component", "onset_ms", "failed_ms"} <= set(pl.read_parquet(sealed / "faults.parquet").columns)
    assert not [path for path in made.rglob("*") if "ledger" in path.name or path.name == "faults.parquet"]
