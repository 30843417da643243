"""A recorded real drive through agent, MQTT and ingest comes back sample for sample, whatever is killed on the way."""

from __future__ import annotations

import csv
import random
import subprocess
import tomllib
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from edge_agent.buses import csv as csv_source
from vehicle.signals import CATALOGUE

pytestmark = pytest.mark.e2e

MAP = tomllib.loads((Path(csv_source.__file__).parent / "maps" / "carobd.toml").read_text())["columns"]


def expected_rows(drive: Path) -> list[dict[str, float]]:
    """Every cell of the log at the catalogue's resolution, read without any of our source's code."""
    with drive.open() as file:
        reader = csv.reader(file)
        header = [name.replace("()", "").strip() for name in next(reader)]
        rows = []
        for cells in reader:
            found = {MAP[name]: float(cell) for name, cell in zip(header, cells, strict=False) if cell.strip()}
            rows.append({path: CATALOGUE[path].value(CATALOGUE[path].raw(value)) for path, value in found.items()})
    return rows


def assert_came_back(rows: list[dict[str, str]], drive: Path) -> None:
    expected = expected_rows(drive)
    assert len(rows) == len(expected)
    got = [{path: float(cell) for path, cell in row.items() if path != "time" and cell} for row in rows]
    assert got == expected
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=1)}
    assert times[0].utcoffset() == timedelta(0)


def test_every_sample_comes_back(home, drive) -> None:
    """Through real processes, broker and database: none lost, none twice, each exact; and again changes nothing."""
    home.serve()
    home.run("device", "add", "recorded", "--out", "agent.toml")
    read = [
        "agent",
        "--config",
        "agent.toml",
        "--source",
        f"csv:{drive}",
        "--map",
        "carobd",
        "--speed",
        "max",
        "--until-acked",
    ]
    home.run(*read)
    assert_came_back(home.history("recorded"), drive)
    home.run(*read)
    assert_came_back(home.history("recorded"), drive)
    some = home.history("recorded", "--signal", "Vehicle.Speed")
    assert list(some[0]) == ["time", "Vehicle.Speed"]


def test_five_kills_of_agent_and_server(home, drive) -> None:
    """SIGKILL of agent and server, five times each at random moments: the drive still comes back exactly."""
    moments = random.Random(20261123)
    server = home.serve()
    home.run("device", "add", "killed", "--out", "agent.toml")
    read = ["agent", "--config", "agent.toml", "--source", f"csv:{drive}", "--map", "carobd", "--until-acked"]
    for _ in range(5):
        agent = home.start(*read, "--speed", "100")
        with_patience(agent, moments.uniform(0.8, 2.5))
        home.kill(agent)
        agent = home.start(*read, "--speed", "100")
        with_patience(agent, moments.uniform(0.5, 1.5))
        home.kill(server)
        server = home.serve()
        home.kill(agent)
    home.run(*read, "--speed", "max")
    assert_came_back(home.history("killed"), drive)


def with_patience(process, seconds: float) -> None:
    """Lets a process run for a random while; it may end by itself."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
