"""Real processes for the end-to-end tests: a server, agents and cars, each ended by its own id."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 90.0
ROOT = Path(__file__).parents[2]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], *, what: str, patience_s: float = PATIENCE_S) -> None:
    """Waits for a condition; fails with its name when patience ends."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {patience_s:.0f} s in vain for {what}")
        time.sleep(0.05)


@dataclass
class Home:
    """One data folder with its ports, and the processes that were started on it."""

    folder: Path
    env: dict[str, str]
    console_port: int
    broker_port: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "roadworthy", *arguments]

    def run(self, *arguments: str, expect: int = 0, patience_s: float = PATIENCE_S) -> str:
        """Standard output of a command that ends by itself with the expected exit code."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            timeout=patience_s,
            check=False,
        )
        report = f"{arguments} ended with {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        assert done.returncode == expect, report
        return done.stdout.decode() if expect == 0 else done.stderr.decode()

    def run_with(self, text: str, *arguments: str) -> None:
        """Runs a command that reads ``text`` from its input."""
        subprocess.run(
            self.command(*arguments), env=self.env, cwd=self.folder, input=text.encode(), stdout=subprocess.DEVNULL,
            check=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{arguments[0]}.log").open("ab")
        process = subprocess.Popen(self.command(*arguments), env=self.env, cwd=self.folder, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        process = self.start("serve")
        until(lambda: self.ready(process), what="the server to be ready")
        return process

    def ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self.folder / "serve.log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def history(self, device: str, *arguments: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.run("history", device, "--format", "csv", *arguments))))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                self.kill(process)


@pytest.fixture(name="until")
def _until() -> Callable[..., None]:
    """Waits for a condition with patience."""
    return until


@pytest.fixture(name="free_port")
def _free_port() -> Callable[[], int]:
    """A free port of the loopback interface."""
    return free_port


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Iterator[Home]:
    """A fresh data folder on free ports; what was started in it is ended."""
    console_port, broker_port = free_port(), free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")} | {
        "ROADWORTHY_DATA_DIR": str(tmp_path / "data"),
        "ROADWORTHY_API_PORT": str(console_port),
        "ROADWORTHY_BROKER_PORT": str(broker_port),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }
    home = Home(tmp_path, env, console_port, broker_port)
    yield home
    home.end()


@pytest.fixture(name="drive")
def _drive(tmp_path: Path) -> Path:
    """A stretch of a real drive (see simulators/recordings/README.md for source and licence), as plain CSV."""
    packed = next((ROOT / "simulators" / "recordings").glob("*.csv.gz"))
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines(keepends=True)
    path = tmp_path / "drive.csv"
    path.write_text("".join(lines[:901]))
    return path
