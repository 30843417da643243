"""Parts that start in no time and are killed by their own id."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE_S = 60
LOOK_S = 0.01


class Running:
    """A part that runs."""

    def __init__(self, process: NurseryProcess, pid: int) -> None:
        self._process, self.pid = process, pid

    def kill(self) -> None:
        """SIGKILL; it may have ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            if not self.ended:
                os.kill(self.pid, signal.SIGKILL)
        self.wait(PATIENCE_S)

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.code_of(self.pid) is not None

    def wait(self, patience_s: float) -> int:
        """Its exit code, negative for a signal.

        Raises:
            TimeoutError: it still runs.
        """
        end = time.monotonic() + patience_s
        while (code := self._process.code_of(self.pid)) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.pid} did not end in {patience_s:.0f} s")
            time.sleep(LOOK_S)
        return code


class NurseryProcess:
    """The process of ``nursery.py``, and what it told of the parts that it forked."""

    def __init__(self, log: Path) -> None:
        self._codes: dict[int, int] = {}
        self._started: queue.Queue[int] = queue.Queue()
        env = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "nursery.py")], env={**env, "PYTHONPATH": str(ROOT)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "started" in told:
                self._codes.pop(told["started"], None)  # the number of one that ended long ago
                self._started.put(told["started"])
            if "ended" in told:
                self._codes[told["ended"]] = told["code"]

    def code_of(self, pid: int) -> int | None:
        """How a part ended; None while it runs."""
        return self._codes.get(pid)

    def fork(self, order: dict[str, object]) -> int:
        """Has a part forked; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._started.get(timeout=PATIENCE_S)

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=PATIENCE_S)
        self._reader.join(PATIENCE_S)


class Nursery:
    """Starts the parts of one home."""

    def __init__(self, process: NurseryProcess, home) -> None:
        self.home = home
        self._process = process
        self._running: list[tuple[str, Running]] = []
        self._asked = 0

    def start(
        self, arguments: Sequence[str], crooked: Sequence[tuple[str, str]] = (), *, output: Path | None = None
    ) -> Running:
        """Starts a part, with something wrong with it or not; what it says goes to a log of its first word."""
        errors = (self.home.folder / f"{arguments[0]}.log") if output is None else output.with_suffix(".errors")
        order = {
            "arguments": list(arguments), "crooked": list(crooked), "env": self.home.env,
            "folder": str(self.home.folder), "output": str(output or errors), "errors": str(errors),
        }  # fmt: skip
        found = Running(self._process, self._process.fork(order))
        self._running.append((arguments[0], found))
        return found

    def perform(self, arguments: Sequence[str], patience_s: float) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors of a command that ends by itself."""
        self._asked += 1
        output = self.home.folder / f"answer-{self._asked}.txt"
        code = self.start(arguments, output=output).wait(patience_s)
        return code, output.read_bytes(), output.with_suffix(".errors").read_bytes()

    def kill_all(self, name: str = "") -> None:
        """Kills what still runs, or what of it was started by that command."""
        for command, one in self._running:
            if name in {"", command} and not one.ended:
                one.kill()


@pytest.fixture(name="nursery_process", scope="session")
def _nursery_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NurseryProcess]:
    """Imports once for all tests of a worker."""
    found = NurseryProcess(tmp_path_factory.mktemp("nursery") / "log")
    yield found
    found.close()


@pytest.fixture(name="nursery")
def _nursery(home, nursery_process: NurseryProcess) -> Iterator[Nursery]:
    """Starts parts in no time; the home's commands too."""
    found = Nursery(nursery_process, home)
    home.perform = found.perform
    yield found
    found.kill_all()
