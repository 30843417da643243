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
PATIENCE_S = 40


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

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._nursery.code_of(self.pid) is not None

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

    def start(self, arguments: Sequence[str], crooked: tuple[str, str] | None = None) -> Running:
        """Starts a part, with something wrong with it or not; what it says goes to a log of its first word."""
        log = str(self.home.folder / f"{arguments[0]}.log")
        order = {"arguments": list(arguments), "log": log, "crooked": crooked}
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
