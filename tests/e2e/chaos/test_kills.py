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
import queue
import random
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
MANY_FILES = 24
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


def agent(device: str, *more: str, drive: str = "") -> list[str]:
    read = ("--source", f"csv:{drive or device}.csv", "--map", "carobd", "--until-acked")
    return ["agent", "--config", f"{device}.toml", *read, *more]


@dataclass(frozen=True)
class Part:
    """What is started: the command, and what is wrong with it."""

    arguments: list[str]
    crooked: tuple[str, str] | None = None


class Running:
    """A part that runs."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid

    def kill(self) -> None:
        """SIGKILL; it may have ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            if self._nursery.code_of(self.pid) is None:
                os.kill(self.pid, signal.SIGKILL)
        self.wait(PATIENCE_S)

    def wait(self, patience_s: float) -> int:
        """Its exit code, negative for a signal.

        Raises:
            TimeoutError: it still runs.
        """
        end = time.monotonic() + patience_s
        while (code := self._nursery.code_of(self.pid)) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.pid} did not end in {patience_s:.0f} s")
            time.sleep(0.01)
        return code


class Nursery:
    """The process of ``nursery.py``, and what it told of its parts."""

    def __init__(self, home) -> None:
        self.home = home
        self._codes: dict[int, int] = {}
        self._started: queue.Queue[int] = queue.Queue()
        with (home.folder / "nursery.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "nursery.py")], env=home.env, cwd=home.folder, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "started" in told:
                self._started.put(told["started"])
            if "ended" in told:
                self._codes[told["ended"]] = told["code"]

    def code_of(self, pid: int) -> int | None:
        """How a part ended; None while it runs."""
        return self._codes.get(pid)

    def start(self, part: Part) -> Running:
        """Starts a part; what it says goes to a log of its first word."""
        log = str(self.home.folder / f"{part.arguments[0]}.log")
        order = {"arguments": part.arguments, "log": log, "crooked": part.crooked}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Running(self, self._started.get(timeout=PATIENCE_S))

    def close(self) -> None:
        """Ends it, with all that it started."""
        self._process.communicate(timeout=PATIENCE_S)
        self._reader.join(PATIENCE_S)


@pytest.fixture(name="nursery")
def _nursery(home) -> Iterator[Nursery]:
    """Starts parts in no time."""
    found = Nursery(home)
    yield found
    found.close()


class Broker:
    """The embedded one as a part like the others, or Mosquitto."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._part = nursery.start(Part(["broker"])) if nursery.home.kind == "embedded" else None

    def kill(self) -> None:
        """Tears it away and starts it again."""
        if self._part is None:
            self._nursery.home.kill_broker()
        else:
            self._part.kill()
            self._part = self._nursery.start(Part(["broker"]))


def storm(
    nursery: Nursery,
    kills: int,
    moments: random.Random,
    parts: dict[str, Part],
    targets: list[str],
    *,
    patience_s: float = PATIENCE_S,
) -> Counter[str]:
    """Starts the parts, and kills and restarts one after another; agents are then let come to their end."""
    broker = Broker(nursery)
    running = {name: nursery.start(part) for name, part in parts.items()}
    killed: Counter[str] = Counter()
    for _ in range(kills):
        time.sleep(moments.uniform(*PAUSE_S))
        name = moments.choice(targets)
        killed[name] += 1
        if name == "broker":
            broker.kill()
        else:
            running[name].kill()
            running[name] = nursery.start(parts[name])
    for device in set(parts) & set(DEVICES):
        running[device].kill()
        fast = [word if word != str(SPEED_UP) else "max" for word in parts[device].arguments]
        assert nursery.start(replace(parts[device], arguments=fast)).wait(patience_s) == 0
    running["ingest"].kill()  # whatever it had in hand when it said that it holds everything
    return killed


def judge_all(home, devices: Iterable[str]) -> dict[str, Verdict]:
    """What came of every drive, once a sound ingest has had the time to bring everything to history."""
    return {device: judge(device, home.history(device)) for device in devices}


def dead_letters(home) -> int:
    return len(json.loads(home.run("dead-letters", "list", "--json")))


def test_nothing_is_lost_or_doubled(home, nursery: Nursery) -> None:
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


def test_every_crash_point(home, nursery: Nursery) -> None:
    """Killed once at each of the named points, the part comes up again and nothing is missing or there twice."""
    enrol(home, "ada")
    Broker(nursery)
    ingest = nursery.start(Part(["ingest"]))
    rows = 0
    for name in POINTS:
        while "joined" in name and sum(1 for _ in home.folder.glob("data/history/*/*/*.parquet")) <= MANY_FILES:
            assert nursery.start(_next_drive(home, rows)).wait(PATIENCE_S) == 0
            rows += STRETCH
            time.sleep(0.2)  # files are what is waited for here
        drive = _next_drive(home, rows)
        rows += STRETCH
        if name.startswith("agent"):
            ended = nursery.start(replace(drive, crooked=("crash", name)))
            assert ended.wait(PATIENCE_S) == -signal.SIGKILL, f"the agent never came to the point: {name}"
        else:
            ingest.kill()
            broken = nursery.start(Part(["ingest"], ("crash", name)))
            sending = nursery.start(drive)
            assert broken.wait(PATIENCE_S) == -signal.SIGKILL, f"ingest never came to the point: {name}"
            sending.kill()
            ingest = nursery.start(Part(["ingest"]))
        assert nursery.start(drive).wait(PATIENCE_S) == 0, name
    assert judge("ada", home.history("ada"), rows) == CLEAN
    assert dead_letters(home) == 0


def _next_drive(home, first: int) -> Part:
    write_drive(home.folder / f"{first}.csv", "ada", range(first, first + STRETCH))
    return Part(agent("ada", "--speed", "max", drive=str(first)))


@pytest.mark.parametrize("home", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", BUGS)
def test_the_oracle_finds_every_seeded_bug(home, nursery: Nursery, bug: str) -> None:
    """With the bug in, such kills end in something lost, doubled, set apart or stuck: the oracle is no rubber stamp."""
    write_drive(home.folder / "ada.csv", "ada", range(ROWS_WITH_BUG))
    enrol(home, "ada")
    parts = {"ingest": Part(["ingest"]), "ada": Part(agent("ada", "--speed", str(SPEED_UP)))}
    spoilt = "ada" if bug.startswith("agent") else "ingest"
    parts[spoilt] = replace(parts[spoilt], crooked=("bug", bug))
    targets = ["broker", "ingest", "ingest", "ada"]
    try:
        moments = random.Random(f"{SEED}/{bug}")
        storm(nursery, KILLS_WITH_BUG, moments, parts, targets, patience_s=PATIENCE_WITH_BUG_S)
    except TimeoutError:
        return
    assert judge("ada", home.history("ada"), ROWS_WITH_BUG) != CLEAN or dead_letters(home)
