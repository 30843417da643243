"""SIGKILL of agents, broker and ingest at random moments; an oracle that shares no code with them counts what came.

Every value that comes back can be computed again: lost, doubled, invented and corrupted rows are counted one by one.
Nothing stands in for anything: the processes are those that people start, and a kill is a kill.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chaos.oracle import CLEAN, SEED, in_spool, judge, write_drive
from tests.e2e.chaos.scenes import PATIENCE_S, PAUSE_S, SPEED_UP, Broker, agent, enrol

if TYPE_CHECKING:
    from tests.e2e.chaos.conftest import Nursery, Running

POINTS = list(runpy.run_path(str(Path(__file__).with_name("crooked.py")))["POINTS"])
pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

KILLS = int(os.environ.get("ROADWORTHY_CHAOS_KILLS", "150"))
DEVICES = ("ada", "bob", "cem")
ROWS = 3000
STRETCH = 120
MOST_ROWS = 50_000


def test_nothing_is_lost_or_doubled(home, nursery: Nursery) -> None:
    """Any part, any moment, started again at once: at the end every row is there, once and as it was."""
    for device in DEVICES:
        write_drive(home.folder / f"{device}.csv", device, range(ROWS))
    enrol(home, *DEVICES)
    killed = storm(nursery, random.Random(f"{SEED}/{home.kind}"))
    found = {device: judge(home, device, ROWS) for device in DEVICES}
    assert found == dict.fromkeys(DEVICES, CLEAN), f"seed {SEED}, killed {dict(killed)}"


def storm(nursery: Nursery, moments: random.Random) -> Counter[str]:
    """Starts the parts, and kills and restarts one after another; agents are then let come to their end."""
    parts = {"ingest": ["ingest"]} | {one: agent(one, "--speed", str(SPEED_UP)) for one in DEVICES}
    broker, killed = Broker(nursery), Counter[str]()
    running = {name: nursery.start(arguments) for name, arguments in parts.items()}
    for _ in range(KILLS):
        time.sleep(moments.uniform(*PAUSE_S))
        name = moments.choice(["broker", *parts])
        killed[name] += 1
        if name == "broker":
            broker.kill()
        else:
            running[name].kill()
            running[name] = nursery.start(parts[name])
    broker.kill()
    for device in DEVICES:
        until_back(nursery.home, device, running[device])
        running[device].kill()
    ends = [nursery.start(agent(device, "--speed", "max")) for device in DEVICES]
    assert [one.wait(PATIENCE_S) for one in ends] == [0, 0, 0]
    running["ingest"].kill()  # whatever it had in hand when it said that it holds everything
    return killed


def until_back(home, device: str, agent: Running) -> None:
    """Waits until an agent whose broker was killed is rid of something that it had then, by itself."""
    spool = home.folder / f"{device}.spool.db"
    had: set[int] = set()
    home.until(lambda: agent.ended or had.update(in_spool(spool) or ()) or had, what=f"{device} to have something")
    gone = lambda: (now := in_spool(spool)) is not None and not had <= now  # noqa: E731
    home.until(lambda: agent.ended or gone(), what=f"{device} to come back by itself")


class Drives:
    """Stretches of one long drive that ended days ago, so that its small files are joined at each start of ingest."""

    def __init__(self, home, nursery: Nursery) -> None:
        self._home, self._nursery = home, nursery
        self._begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=5)
        self.rows = 0
        self._current: list[str] = []

    def next(self, *crooked: tuple[str, str]) -> Running:
        """Starts the agent on the next stretch of rows."""
        write_drive(self._home.folder / f"{self.rows}.csv", "ada", range(self.rows, self.rows + STRETCH))
        start = (self._begin + timedelta(seconds=self.rows)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._current = agent("ada", "--speed", "max", drive=str(self.rows), start=start)
        self.rows += STRETCH
        return self.again(*crooked)

    def again(self, *crooked: tuple[str, str]) -> Running:
        """Starts it on the same stretch."""
        return self._nursery.start(self._current, crooked)


def test_every_crash_point(home, nursery: Nursery) -> None:
    """Killed once at each of the named points, the part comes up again and nothing is missing or there twice."""
    enrol(home, "ada")
    Broker(nursery)
    ingest = nursery.start(["ingest"])
    drives = Drives(home, nursery)
    for name in (point for point in POINTS if not point.startswith("desk")):
        if name.startswith("agent"):
            kill_agent_at(name, drives)
        else:
            ingest.kill()
            kill_ingest_at(name, drives, nursery)
            ingest = nursery.start(["ingest"])
        assert drives.again().wait(PATIENCE_S) == 0, name
    assert judge(home, "ada", drives.rows) == CLEAN


def kill_agent_at(name: str, drives: Drives) -> None:
    """Has the agent killed at a point while it reads the next stretch."""
    ended = drives.next(("crash", name))
    assert ended.wait(PATIENCE_S) == -signal.SIGKILL, f"the agent never came to the point: {name}"


def kill_ingest_at(name: str, drives: Drives, nursery: Nursery) -> None:
    """Has ingest killed at a point, with as many stretches as it takes; the last may not be delivered."""
    broken = nursery.start(["ingest"], [("crash", name)])
    sending = drives.next()
    while not broken.ended:
        if sending.ended:
            assert drives.rows < MOST_ROWS, f"ingest never came to the point: {name}"
            sending = drives.next()
        time.sleep(0.02)
    assert broken.wait(PATIENCE_S) == -signal.SIGKILL, name
    sending.kill()
