"""Scenes in which a seeded bug cannot but show, and that a sound program leaves clean.

A scene waits for what must have happened (something was sent that nobody took, something later was acknowledged), and
never for luck. Kills are kills, of the processes that people start. The random pauses in some are for variety: the bug
shows whatever they are.
"""

from __future__ import annotations

import json
import random
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from tests.e2e.chaos.oracle import SEED, Verdict, in_spool, judge, rows_read, stored, witness, write_drive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.e2e.chaos.conftest import Nursery, Running
    from tests.e2e.chaos.oracle import Witness

PAUSE_S = (0.05, 0.55)
SPEED_UP = 60
UNHURRIED = 15
"""Five batches a second: a window of 64 is not full before ingest is back, and no scene outlasts its drive."""
ROWS = 900
TO_A_BATCH, TO_A_LARGE_BATCH = 3, 10
BATCH_ROWS = "batch_rows = {}"
PATIENCE_S = 240
"""A machine may be busy with a lot else; a scene takes some seconds on one that is not."""
STUCK_S = 12
"""An agent that has not delivered a scene's few rows after so long never will: it takes one second (our choice)."""
ROUNDS = 10


class Part(NamedTuple):
    """What is started: the command, and what is wrong with it."""

    arguments: list[str]
    crooked: tuple[tuple[str, str], ...] = ()


def agent(device: str, *more: str, drive: str = "", start: str = "") -> list[str]:
    """The command that reads a drive and ends when all of it is acknowledged."""
    source = f"csv:{drive or device}.csv" + (f"?start={start}" if start else "")
    return ["agent", "--config", f"{device}.toml", "--source", source, "--map", "carobd", "--until-acked", *more]


def enrol(home, *devices: str) -> None:
    """Enrols devices that send often, so that there is always something under way."""
    home.enrol(*devices)
    for device in devices:
        with (home.folder / f"{device}.toml").open("a") as file:
            file.write(f"\n[collect]\n{BATCH_ROWS.format(TO_A_BATCH)}\n")


class Broker:
    """The embedded one as a part like the others, or Mosquitto."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._is_ours = nursery.home.kind == "embedded"
        if self._is_ours:
            nursery.start(["broker"])

    def kill(self) -> None:
        """Tears it away and starts it again."""
        if self._is_ours:
            self._nursery.kill_all("broker")
            self._nursery.start(["broker"])
        else:
            self._nursery.home.kill_broker()


class Stage:
    """Where a scene is played: one device, ada, the embedded broker, and one part that may have a bug."""

    def __init__(self, home, nursery: Nursery, bug: str | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self.home, self.nursery, self.bug, self._patience_s = home, nursery, bug, patience_s
        self.moments = random.Random(f"{SEED}/{bug}")
        enrol(home, "ada")
        self.broker = Broker(nursery)

    def start(self, *arguments: str, crash: str = "") -> Running:
        """Starts a part, with the bug if it is the part's, or to be killed at a point."""
        at_fault = "agent" if self.bug and self.bug.startswith("agent") else "ingest"
        crooked = [("bug", self.bug)] if self.bug and arguments[0] == at_fault else []
        return self.nursery.start(arguments, [*crooked, *([("crash", crash)] if crash else [])])

    def read(self, speed: int, *, drive: str = "", start: str = "") -> Running:
        """Starts the agent on a drive."""
        return self.start(*agent("ada", "--speed", str(speed), drive=drive, start=start))

    @property
    def spool(self) -> Path:
        return self.home.folder / "ada.spool.db"

    def write(self, rows: range, *, drive: str = "ada") -> None:
        write_drive(self.home.folder / f"{drive}.csv", "ada", rows)

    def limit(self, setting: str) -> None:
        """Writes a limit into the agent's configuration."""
        with (self.home.folder / "ada.toml").open("a") as file:
            file.write(f"\n[limits]\n{setting}\n")

    def batch_by(self, rows: int) -> None:
        """Has the agent take so many rows into a batch."""
        file = self.home.folder / "ada.toml"
        file.write_text(file.read_text().replace(BATCH_ROWS.format(TO_A_BATCH), BATCH_ROWS.format(rows)))

    def until(self, condition: Callable[[], object], what: str) -> None:
        self.home.until(condition, what=what, patience_s=PATIENCE_S)

    def until_more_is_stored(self) -> None:
        before = len(stored(self.home))
        self.until(lambda: len(stored(self.home)) > before, "the server to get something new")

    def pause(self) -> None:
        time.sleep(self.moments.uniform(*PAUSE_S))

    def deliver(self, *, drive: str = "", start: str = "") -> bool:
        """The agent reads the rest of a drive and delivers everything; whether it came to that."""
        running = self.start(*agent("ada", "--speed", "max", drive=drive, start=start))
        try:
            assert running.wait(self._patience_s) == 0
        except TimeoutError:
            running.kill()
            return False
        return True

    def finish(self, rows: int = ROWS, *, drive: str = "", start: str = "") -> Verdict:
        """Everything is delivered, ingest is killed with whatever it has in hand; what came of it."""
        delivered = self.deliver(drive=drive, start=start)
        self.nursery.kill_all("ingest")
        return replace(judge(self.home, "ada", rows), stuck=int(not delivered))


def each_is_killed(stage: Stage) -> Verdict:
    """Everything is killed in turn, each time after the server has got something new."""
    stage.write(range(ROWS))
    ingest, running = stage.start("ingest"), stage.read(UNHURRIED)
    for target in ("agent", "ingest", "broker", "agent"):
        stage.until_more_is_stored()
        if target == "broker":
            stage.broker.kill()
        elif target == "ingest":
            ingest.kill()
            ingest = stage.start("ingest")
        else:
            running.kill()
            running = stage.read(UNHURRIED)
    stage.until(lambda: any(stage.home.folder.glob("data/history/*/*/*.parquet")), "something to be in history")
    running.kill()
    return stage.finish()


def an_acknowledgement_is_lost(stage: Stage) -> Verdict:
    """Ingest is killed when it has committed and not said so: the agent sends again what the server has."""
    stage.write(range(ROWS))
    ingest = stage.start("ingest", crash="ingest: a commit is done, nothing acknowledged")
    running = stage.read(UNHURRIED)
    while True:  # it may have died of the agent's announcement, before there was anything to store
        assert ingest.wait(PATIENCE_S) == -signal.SIGKILL
        if stored(stage.home):
            break
        ingest = stage.start("ingest", crash="ingest: a commit is done, nothing acknowledged")
    running.kill()
    stage.start("ingest")
    return stage.finish()


def ingest_is_away(stage: Stage) -> Verdict:
    """What is sent while nobody listens is gone, and what comes after it arrives first; then the agent is killed."""
    stage.write(range(ROWS))
    stage.start("ingest")
    with witness(stage.home) as heard:
        running = stage.read(UNHURRIED)
        stage.until_more_is_stored()
        _make_a_hole(stage, heard)
        stage.nursery.kill_all("ingest")
        _missed(stage, heard)
        running.kill()
    stage.start("ingest")
    return stage.finish()


def _make_a_hole(stage: Stage, heard: Witness) -> None:
    """Ingest misses something, and then the agent has an acknowledgement of something later."""
    for _ in range(ROUNDS):
        stage.nursery.kill_all("ingest")
        missed = _missed(stage, heard)
        stage.start("ingest")
        fates: list[str] = []
        stage.until(
            lambda missed=missed, fates=fates: _note_fate(stage, missed, fates), "a hole to be passed or filled"
        )
        if fates == ["passed"]:
            return
    raise AssertionError(f"the hole was filled before anything later came, {ROUNDS} times")


def _missed(stage: Stage, heard: Witness) -> int:
    """The first of what is sent while ingest is dead: the server does not have it."""
    had, before = stored(stage.home), len(heard.seen)
    stage.until(lambda: set(heard.seen[before:]) - had, "something to be sent that nobody takes")
    return min(set(heard.seen[before:]) - had)


def _note_fate(stage: Stage, missed: int, fates: list[str]) -> bool:
    """Notes that the server has what it missed, or that it does not and the agent has let something later go."""
    waiting = in_spool(stage.spool)  # looked at first: what the agent has let go was stored by then
    had = stored(stage.home)
    if missed in had:
        fates.append("filled")  # a very slow machine: it was sent again meanwhile
    elif waiting is not None and any(one > missed and one not in waiting for one in had):
        fates.append("passed")
    return bool(fates)


def a_small_spool(stage: Stage) -> Verdict:
    """There is no broker until the spool has overflowed, and the agent is killed meanwhile.

    A row counts as lost where no gap tells of it: of batches that were dropped all, of thinned ones all but one.
    """
    rows = 20_000
    stage.write(range(rows))
    stage.batch_by(TO_A_LARGE_BATCH)
    stage.limit("spool_bytes = 262144")
    stage.nursery.kill_all("broker")
    for _ in range(4):
        running = stage.start(*agent("ada", "--speed", "max"))
        stage.pause()
        running.kill()
    running = stage.start(*agent("ada", "--speed", "max"))
    stage.until(lambda: rows_read(stage.spool) == rows, "the drive to be read")
    running.kill()
    stage.broker.kill()
    stage.start("ingest")
    verdict = stage.finish(rows)
    thinned, dropped = _rows_told_of(stage)
    assert verdict.lost, "the spool did not overflow"
    assert stage.bug or (thinned and dropped), "the spool was not thinned, or not so full that something was dropped"
    return replace(verdict, lost=verdict.lost - thinned - dropped)


def _rows_told_of(stage: Stage) -> tuple[int, int]:
    """How many rows gaps say went by thinning and by dropping; what was thinned and dropped is in the latter."""
    events = json.loads(stage.home.run("device", "events", "ada", "--json"))
    gaps = [event["data"] for event in events if "the spool was full" in event["data"].get("reason", "")]
    thinned = [gap for gap in gaps if "rows" in gap]
    gone = TO_A_LARGE_BATCH - 1
    assert all(gap["rows"] == gap["count"] * gone for gap in thinned)
    few = sum(any(gap["first"] <= one <= gap["last"] for gap in thinned) for one in stored(stage.home, telemetry=True))
    dropped = sum(gap["count"] for gap in gaps if "rows" not in gap)
    return few * gone, dropped * TO_A_LARGE_BATCH


def a_narrow_window(stage: Stage) -> Verdict:
    """For a while nobody takes anything, and more is read than may be sent; then all are killed."""
    window, more_batches = 8, 10
    stage.limit(f"window = {window}")
    stage.write(range(ROWS))
    stage.start("ingest")
    with witness(stage.home) as heard:
        running = stage.read(UNHURRIED)
        stage.until_more_is_stored()
        stage.nursery.kill_all("ingest")
        had = stored(stage.home)  # what was sent and is not among it is under way, also what was sent before the kill
        stage.until(lambda: len(set(heard.seen) - had) >= window // 2, "half of the window to be under way")
    enough = rows_read(stage.spool) + more_batches * TO_A_BATCH
    stage.until(lambda: rows_read(stage.spool) >= enough, "more to be read than may be sent")
    stage.start("ingest")
    running.kill()
    stage.broker.kill()
    return stage.finish()


def a_new_spool(stage: Stage) -> Verdict:
    """The dongle's card is replaced between two drives: numbers begin anew under another epoch."""
    ingest = stage.start("ingest")
    first, second = _two_drives(stage)
    assert stage.deliver(**first)
    for spool in stage.home.folder.glob("*.spool.db*"):
        spool.unlink()
    running = stage.read(SPEED_UP, **second)
    for kill in (stage.broker.kill, running.kill, ingest.kill):
        stage.pause()
        kill()
    stage.start("ingest")
    return stage.finish(**second)


def the_older_drive_last(stage: Stage) -> Verdict:
    """What the car did last is known first, and everything is killed on the way."""
    stage.start("ingest")
    first, second = _two_drives(stage)
    running = stage.read(SPEED_UP, **second)
    _kill_two(stage, running)
    if not stage.deliver(**second):
        return replace(judge(stage.home, "ada", ROWS), stuck=1)
    _kill_two(stage, stage.read(SPEED_UP, **first))
    return stage.finish(**first)


def _kill_two(stage: Stage, running: Running) -> None:
    for kill in (stage.broker.kill, running.kill):
        stage.pause()
        kill()


def _two_drives(stage: Stage) -> tuple[dict[str, str], dict[str, str]]:
    """Two halves of the rows, on two days."""
    stage.write(range(ROWS // 2), drive="first")
    stage.write(range(ROWS // 2, ROWS), drive="second")
    return {"drive": "first", "start": "2026-03-01"}, {"drive": "second", "start": "2026-03-02"}


SCENES: Mapping[str, Callable[[Stage], Verdict]] = {
    "each is killed": each_is_killed,
    "an acknowledgement is lost": an_acknowledgement_is_lost,
    "ingest is away for a moment": ingest_is_away,
    "a small spool": a_small_spool,
    "a narrow window": a_narrow_window,
    "a new spool": a_new_spool,
    "the older drive comes last": the_older_drive_last,
}


@dataclass(frozen=True)
class Seeded:
    """Where a bug shows, and by what."""

    scene: str
    signs: frozenset[str]

    @classmethod
    def by(cls, scene: str, *signs: str) -> Seeded:
        """One of ``signs`` is enough."""
        return cls(scene, frozenset(signs))


SHOWN_BY: Mapping[str, Seeded] = {
    "ingest: acknowledges before the commit": Seeded.by("each is killed", "lost"),
    "ingest: acknowledges beyond a hole": Seeded.by("ingest is away for a moment", "lost"),
    "ingest: forgets what is held": Seeded.by("an acknowledgement is lost", "set_apart", "stuck"),
    "ingest: keeps the old files too": Seeded.by("each is killed", "doubled"),
    "agent: deletes when the broker has it": Seeded.by("ingest is away for a moment", "lost"),
    "agent: writes down the place afterwards": Seeded.by("each is killed", "doubled"),
    "agent: takes the number of what is gone": Seeded.by("the older drive comes last", "lost", "set_apart"),
    "agent: takes another name at every start": Seeded.by("ingest is away for a moment", "stuck"),
    "agent: drops when its window is full": Seeded.by("a narrow window", "lost"),
    "agent: is silent about what it dropped": Seeded.by("a small spool", "lost"),
    "ingest: takes what is older for a repetition": Seeded.by("the older drive comes last", "lost"),
    "ingest: says for one spool what is true of another": Seeded.by("a new spool", "lost"),
}
