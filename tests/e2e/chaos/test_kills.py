"""SIGKILL of agents, broker and ingest at random moments; an oracle that shares no code with them counts what came.

The drives are a function of seed, device and row, so every value that comes back can be computed again: lost, doubled,
invented and corrupted rows are counted one by one. Nothing stands in for anything: the processes are those that people
start, and a kill is a kill.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import random
import runpy
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE = Path(__file__).parent
POINTS, BUGS = (list(runpy.run_path(str(HERE / "crooked.py"))[name]) for name in ("POINTS", "BUGS"))
pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

KILLS = int(os.environ.get("ROADWORTHY_CHAOS_KILLS", "150"))
SEED = int(os.environ.get("ROADWORTHY_CHAOS_SEED", "20261123"))
PAUSE_S = (0.05, 0.55)
DEVICES = ("ada", "bob", "cem")
ROWS, SPEED_UP = 3000, 60
STRETCH = 120
ROWS_WITH_BUG, KILLS_WITH_BUG, PATIENCE_WITH_BUG_S = 1500, 20, 12
PATIENCE_S = 40
WITHOUT_INGEST_S = 3
MOST_ROWS = 50_000
COLUMNS = {
    "ENGINE_RUN_TINE ()": "Vehicle.OBD.RunTime",
    "VEHICLE_SPEED ()": "Vehicle.Speed",
    "COOLANT_TEMPERATURE ()": "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature",
    "INTAKE_MANIFOLD_PRESSURE ()": "Vehicle.Powertrain.CombustionEngine.MAP",
}


def content(device: str, row: int) -> dict[str, float]:
    """What a row holds: its number, and bytes that follow from seed, device and number."""
    digest = hashlib.sha256(f"{SEED}/{device}/{row}".encode()).digest()
    values = (row, digest[0], digest[1] - 40, digest[2])
    return dict(zip(COLUMNS.values(), map(float, values), strict=True))


def write_drive(path: Path, device: str, rows: range) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(content(device, row).values() for row in rows)


@dataclass(frozen=True)
class Verdict:
    """What the oracle found, by row; all are zero when the promise is kept."""

    lost: int
    doubled: int
    invented: int
    corrupted: int
    out_of_order: int


CLEAN = Verdict(0, 0, 0, 0, 0)


def judge(device: str, rows: list[dict[str, str]], expected: int = ROWS) -> Verdict:
    """Compares what came back with what the drive held; a row is known by its number."""
    numbers: Counter[int] = Counter()
    invented = corrupted = 0
    for row in rows:
        cell = row.get("Vehicle.OBD.RunTime")
        number = int(float(cell)) if cell else -1
        if not 0 <= number < expected:
            invented += 1
            continue
        numbers[number] += 1
        found = {path: float(value) for path, value in row.items() if path != "time" and value}
        corrupted += found != content(device, number)
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    return Verdict(
        lost=expected - len(numbers),
        doubled=sum(count - 1 for count in numbers.values()),
        invented=invented,
        corrupted=corrupted,
        out_of_order=sum(later <= earlier for earlier, later in pairwise(times)),
    )


def enrol(home, *devices: str) -> None:
    """Enrols devices that send often, so that there is always something under way."""
    home.enrol(*devices)
    for device in devices:
        with (home.folder / f"{device}.toml").open("a") as file:
            file.write("\n[collect]\nbatch_rows = 3\n")


def agent(device: str, *more: str, drive: str = "", start: str = "") -> list[str]:
    source = f"csv:{drive or device}.csv" + (f"?start={start}" if start else "")
    read = ("--source", source, "--map", "carobd", "--until-acked")
    return ["agent", "--config", f"{device}.toml", *read, *more]


class Part(NamedTuple):
    """What is started: the command, and what is wrong with it."""

    arguments: list[str]
    crooked: tuple[str, str] | None = None


class Broker:
    """The embedded one as a part like the others, or Mosquitto."""

    def __init__(self, nursery) -> None:
        self._nursery = nursery
        self._part = nursery.start(["broker"]) if nursery.home.kind == "embedded" else None

    def kill(self) -> None:
        """Tears it away and starts it again."""
        if self._part is None:
            self._nursery.home.kill_broker()
        else:
            self._part.kill()
            self._part = self._nursery.start(["broker"])


def storm(
    nursery,
    kills: int,
    moments: random.Random,
    parts: dict[str, Part],
    targets: list[str],
    *,
    patience_s: float = PATIENCE_S,
) -> Counter[str]:
    """Starts the parts, and kills and restarts one after another; agents are then let come to their end."""
    broker = Broker(nursery)
    running = {name: nursery.start(*part) for name, part in parts.items()}
    killed: Counter[str] = Counter()
    for _ in range(kills):
        time.sleep(moments.uniform(*PAUSE_S))
        name = moments.choice(targets)
        killed[name] += 1
        if name == "broker":
            broker.kill()
        else:
            running[name].kill()
            running[name] = nursery.start(*parts[name])
    for device in set(parts) & set(DEVICES):
        running[device].kill()
        fast = [word if word != str(SPEED_UP) else "max" for word in parts[device].arguments]
        assert nursery.start(*parts[device]._replace(arguments=fast)).wait(patience_s) == 0
    running["ingest"].kill()  # whatever it had in hand when it said that it holds everything
    return killed


def judge_all(home, devices: Iterable[str]) -> dict[str, Verdict]:
    """What came of every drive, once a sound ingest has had the time to bring everything to history."""
    return {device: judge(device, home.history(device)) for device in devices}


def dead_letters(home) -> int:
    return len(json.loads(home.run("dead-letters", "list", "--json")))


def test_nothing_is_lost_or_doubled(home, nursery) -> None:
    """Any part, any moment, started again at once: at the end every row is there, once and as it was."""
    for device in DEVICES:
        write_drive(home.folder / f"{device}.csv", device, range(ROWS))
    enrol(home, *DEVICES)
    parts = {"ingest": Part(["ingest"])} | {one: Part(agent(one, "--speed", str(SPEED_UP))) for one in DEVICES}
    moments = random.Random(f"{SEED}/{home.kind}")
    killed = storm(nursery, KILLS, moments, parts, ["broker", *parts])
    found = judge_all(home, DEVICES)
    assert found == dict.fromkeys(DEVICES, CLEAN), f"seed {SEED}, killed {dict(killed)}"
    assert dead_letters(home) == 0


def test_every_crash_point(home, nursery) -> None:
    """Killed once at each of the named points, the part comes up again and nothing is missing or there twice."""
    enrol(home, "ada")
    Broker(nursery)
    ingest = nursery.start(["ingest"])
    rows = 0
    for name in (point for point in POINTS if not point.startswith("desk")):
        drive, rows = _next_drive(home, rows)
        if name.startswith("agent"):
            ended = nursery.start(*drive._replace(crooked=("crash", name)))
            assert ended.wait(PATIENCE_S) == -signal.SIGKILL, f"the agent never came to the point: {name}"
        else:
            ingest.kill()
            broken = nursery.start(["ingest"], ("crash", name))
            sending = nursery.start(*drive)
            while not broken.ended:  # some points need many files
                if sending.ended:
                    assert rows < MOST_ROWS, f"ingest never came to the point: {name}"
                    drive, rows = _next_drive(home, rows)
                    sending = nursery.start(*drive)
                time.sleep(0.05)
            assert broken.wait(PATIENCE_S) == -signal.SIGKILL, name
            sending.kill()
            ingest = nursery.start(["ingest"])
        assert nursery.start(*drive).wait(PATIENCE_S) == 0, name
    assert judge("ada", home.history("ada"), rows) == CLEAN
    assert dead_letters(home) == 0


def _next_drive(home, first: int) -> tuple[Part, int]:
    """Reads the next stretch of rows; and the row after it."""
    write_drive(home.folder / f"{first}.csv", "ada", range(first, first + STRETCH))
    return Part(agent("ada", "--speed", "max", drive=str(first))), first + STRETCH


SCENES = {
    "agent: is silent about what it dropped": "a small spool",
    "agent: drops when its window is full": "a narrow window",
    "ingest: acknowledges beyond a hole": "ingest is away for a moment",
    "ingest: says for one spool what is true of another": "a new spool",
    "ingest: takes what is older for a repetition": "the older drive comes last",
    "agent: takes the number of what is gone": "the older drive comes last",
}
"""Bug -> the scene in which it shows; the rest shows in any storm."""


def storm_with(home, nursery, bug: str | None, scene: str) -> tuple[Verdict, int]:
    """Plays a scene with a bug or without; what the oracle found, and the dead letters.

    Raises:
        TimeoutError: it never came to its end.
    """
    enrol(home, "ada")
    crooked = ("bug", bug) if bug else None
    at_fault = "agent" if bug and bug.startswith("agent") else "ingest"

    def part(*arguments: str) -> Part:
        return Part([*arguments], crooked if arguments[0] == at_fault else None)

    return PLAYED[scene](home, nursery, random.Random(f"{SEED}/{bug}"), part), dead_letters(home)


def any_storm(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """Kills of everything while a drive is read."""
    write_drive(home.folder / "ada.csv", "ada", range(ROWS_WITH_BUG))
    parts = {"ingest": part("ingest"), "ada": part(*agent("ada", "--speed", str(SPEED_UP)))}
    targets = ["broker", "ingest", "ingest", "ada"]
    storm(nursery, KILLS_WITH_BUG, moments, parts, targets, patience_s=PATIENCE_WITH_BUG_S)
    return judge("ada", home.history("ada"), ROWS_WITH_BUG)


def a_small_spool(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """Nobody takes anything until the spool has overflowed, and the agent is killed meanwhile.

    A row counts as lost where no gap tells of it: a gap counts batches, and a batch has three rows.
    """
    rows, to_a_batch, kills = 12_000, 3, 4
    write_drive(home.folder / "ada.csv", "ada", range(rows))
    with (home.folder / "ada.toml").open("a") as file:
        file.write("\n[limits]\nspool_bytes = 262144\n")
    reading = part(*agent("ada", "--speed", "max"))
    running = nursery.start(*reading)
    for _ in range(kills):
        time.sleep(moments.uniform(*PAUSE_S))
        running.kill()
        running = nursery.start(*reading)
    home.until(lambda: rows_read(home.folder / "ada.spool.db") == rows, what="the drive to be read")
    Broker(nursery)
    ingest = nursery.start(*part("ingest"))
    running.kill()
    assert nursery.start(*reading).wait(PATIENCE_S) == 0
    ingest.kill()
    verdict = judge("ada", home.history("ada"), rows)
    told = [event["data"] for event in json.loads(home.run("device", "events", "ada", "--json"))]
    said = sum(gap["count"] for gap in told if gap.get("reason") == "the spool was full")
    assert verdict.lost, "the spool did not overflow"
    return replace(verdict, lost=verdict.lost - said * to_a_batch)


def rows_read(spool: Path) -> int:
    """How many rows the agent has committed to its spool in all, from a copy: it keeps the file for itself."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(sqlite3.DatabaseError):
        for found in spool.parent.glob(f"{spool.name}*"):
            shutil.copyfile(found, Path(folder) / found.name)
        with contextlib.closing(sqlite3.connect(Path(folder) / spool.name)) as copy:
            return int(copy.execute("SELECT coalesce(sum(rows), 0) FROM source").fetchone()[0])
    return 0  # copied in the middle of a write


def a_narrow_window(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """Batches come faster than they may be sent, for a while nobody takes any, and the agent is killed."""
    with (home.folder / "ada.toml").open("a") as file:
        file.write("\n[limits]\nwindow = 8\n")
    write_drive(home.folder / "ada.csv", "ada", range(ROWS_WITH_BUG))
    broker, ingest = Broker(nursery), nursery.start(*part("ingest"))
    reading = part(*agent("ada", "--speed", str(SPEED_UP)))
    running = nursery.start(*reading)
    home.until(lambda: any(home.folder.glob("data/history/*/*/*.parquet")), what="something to have come")
    ingest.kill()
    time.sleep(WITHOUT_INGEST_S + moments.uniform(*PAUSE_S))
    ingest = nursery.start(*part("ingest"))
    running.kill()
    broker.kill()
    assert nursery.start(*part(*agent("ada", "--speed", "max"))).wait(PATIENCE_S) == 0
    ingest.kill()
    return judge("ada", home.history("ada"), ROWS_WITH_BUG)


def ingest_away(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """What is sent while nobody listens is gone, and what comes after it arrives first."""
    write_drive(home.folder / "ada.csv", "ada", range(ROWS_WITH_BUG))
    Broker(nursery)
    ingest = nursery.start(*part("ingest"))
    reading = part(*agent("ada", "--speed", str(SPEED_UP)))
    running = nursery.start(*reading)
    for _ in range(3):
        home.until(lambda: any(home.folder.glob("data/history/*/*/*.parquet")), what="something to have come")
        ingest.kill()
        time.sleep(moments.uniform(*PAUSE_S))
        ingest = nursery.start(*part("ingest"))
        time.sleep(moments.uniform(*PAUSE_S))
    running.kill()
    assert nursery.start(*part(*agent("ada", "--speed", "max"))).wait(PATIENCE_WITH_BUG_S) == 0
    ingest.kill()
    return judge("ada", home.history("ada"), ROWS_WITH_BUG)


def a_new_spool(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """The dongle's card is replaced between two drives: numbers begin anew under another epoch."""
    broker, ingest = Broker(nursery), nursery.start(*part("ingest"))
    first, second = two_drives(home)
    assert nursery.start(*part(*first, "--speed", "max")).wait(PATIENCE_S) == 0
    for spool in home.folder.glob("*.spool.db*"):
        spool.unlink()
    running = nursery.start(*part(*second, "--speed", str(SPEED_UP)))
    for kill in (broker.kill, running.kill, ingest.kill):
        time.sleep(moments.uniform(*PAUSE_S))
        kill()
    ingest = nursery.start(*part("ingest"))
    assert nursery.start(*part(*second, "--speed", "max")).wait(PATIENCE_WITH_BUG_S) == 0
    ingest.kill()
    return judge("ada", home.history("ada"), ROWS_WITH_BUG)


def the_older_drive_last(home, nursery, moments: random.Random, part: Callable[..., Part]) -> Verdict:
    """What the car did last is known first, and everything is killed on the way."""
    first, second = two_drives(home)
    broker, ingest = Broker(nursery), nursery.start(*part("ingest"))
    for drive in (second, first):
        running = nursery.start(*part(*drive, "--speed", str(SPEED_UP)))
        for kill in (broker.kill, running.kill):
            time.sleep(moments.uniform(*PAUSE_S))
            kill()
        assert nursery.start(*part(*drive, "--speed", "max")).wait(PATIENCE_WITH_BUG_S) == 0
    ingest.kill()
    return judge("ada", home.history("ada"), ROWS_WITH_BUG)


def two_drives(home) -> tuple[list[str], list[str]]:
    """Two halves of the rows, on two days."""
    half = ROWS_WITH_BUG // 2
    write_drive(home.folder / "first.csv", "ada", range(half))
    write_drive(home.folder / "second.csv", "ada", range(half, ROWS_WITH_BUG))
    return agent("ada", drive="first", start="2026-03-01"), agent("ada", drive="second", start="2026-03-02")


PLAYED = {
    "any storm": any_storm,
    "a small spool": a_small_spool,
    "a narrow window": a_narrow_window,
    "ingest is away for a moment": ingest_away,
    "a new spool": a_new_spool,
    "the older drive comes last": the_older_drive_last,
}


@pytest.mark.parametrize("home", ["embedded"], indirect=True)
@pytest.mark.parametrize("scene", sorted(set(SCENES.values())))
def test_scenes_without_a_bug_are_clean(home, nursery, scene: str) -> None:
    """What the scenes of some bugs do besides killing harms a sound program no more than a kill does."""
    assert storm_with(home, nursery, None, scene) == (CLEAN, 0)


@pytest.mark.parametrize("home", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", BUGS)
def test_the_oracle_finds_every_seeded_bug(home, nursery, bug: str) -> None:
    """With the bug in, the same ends in something lost, doubled, set apart or stuck: the oracle is no rubber stamp."""
    with contextlib.suppress(TimeoutError):
        assert storm_with(home, nursery, bug, SCENES.get(bug, "any storm")) != (CLEAN, 0)
