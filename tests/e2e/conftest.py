"""Real processes for the end-to-end tests: a server, agents and cars, each ended by its own id."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.bus_traffic import judge_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PATIENCE_S = 90.0
expect.set_options(timeout=30_000)  # a machine that does much else answers later than the usual 5 s
ROOT = Path(__file__).parents[2]


@dataclass
class Home:
    """One data folder with its ports, and the processes that were started on it."""

    folder: Path
    env: dict[str, str]
    console_port: int
    broker_port: int
    until: Callable[..., None]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    perform: Callable[[Sequence[str], float], tuple[int, bytes, bytes]] | None = None
    """Where commands are to be run in another way than in a fresh process."""

    @property
    def database_url(self) -> str:
        return self.env.get("ROADWORTHY_DATABASE_URL", f"sqlite:///{self.folder}/data/roadworthy.db")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "roadworthy", *arguments]

    def run(self, *arguments: str, expect: int = 0, patience_s: float = PATIENCE_S) -> str:
        """Standard output of a command that ends by itself with the expected exit code."""
        code, output, errors = (self.perform or self.perform_anew)(arguments, patience_s)
        assert code == expect, f"{arguments} ended with {code}\n{output.decode()}\n{errors.decode()}"
        return output.decode() if expect == 0 else errors.decode()

    def perform_anew(self, arguments: Sequence[str], patience_s: float) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors of a command in a fresh process."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            timeout=patience_s,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def run_with(self, text: str, *arguments: str) -> None:
        """Runs a command that reads ``text`` from its input."""
        subprocess.run(
            self.command(*arguments), env=self.env, cwd=self.folder, input=text.encode(), stdout=subprocess.DEVNULL,
            check=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a command; a simulated car writes down what travels on its bus, for the polling contract."""
        if arguments[:2] == ("simulate", "car"):
            arguments = (*arguments, "--bus-log", str(self.folder / f"{len(self.running)}.candump"))
        return self.launch(arguments[0], self.command(*arguments))

    def launch(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Starts a command; what it says goes to a log of that name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        process = self.start("serve")
        self.until(lambda: self.ready(process), what="the server to be ready")
        return process

    def ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self.folder / "serve.log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.console_port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def kind(self) -> str:
        return "embedded"

    def enrol(self, *names: str) -> None:
        """Enrols devices; each has a configuration of its name."""
        for name in names:
            self.run("device", "add", name, "--out", f"{name}.toml")

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
        judge_logs(self.folder)


@dataclass
class MosquittoHome(Home):
    """One whose broker is a Mosquitto with the files that we write for it, as an operator would run it."""

    program: str = ""
    broker_folder: Path = Path()
    tls: tuple[str, ...] = ()
    account: str | None = None
    broker: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, expect: int = 0, patience_s: float = PATIENCE_S) -> str:
        said = super().run(*arguments, expect=expect, patience_s=patience_s)
        if arguments[0] == "device" and self.broker is not None:
            self.export()
            self.broker.send_signal(signal.SIGHUP)
        return said

    @property
    def kind(self) -> str:
        return "mosquitto and postgresql"

    def kill_broker(self) -> None:
        """Tears Mosquitto away and starts it again."""
        assert self.broker is not None
        self.kill(self.broker)
        self.start_broker()

    def export(self) -> Path:
        super().run("broker", "--export", "mosquitto", "--out", str(self.broker_folder), *self.tls)
        return self.broker_folder / "mosquitto.conf"

    def start_broker(self) -> None:
        configuration = self.broker_folder / "mosquitto.conf"
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.broker = subprocess.Popen(
                [self.program, "-c", str(configuration)], stdout=log, stderr=log, user=self.account, group=self.account
            )
        self.running.append(self.broker)


@pytest.fixture(name="home", params=["embedded", "mosquitto and postgresql"])
def _home(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int], until: Callable[..., None]
) -> Iterator[Home]:
    """A fresh data folder on free ports, with our own broker and SQLite or with others; what was started is ended."""
    console_port, broker_port = free_port(), free_port()
    env = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")} | {
        "ROADWORTHY_DATA_DIR": str(tmp_path / "data"),
        "ROADWORTHY_API_PORT": str(console_port),
        "ROADWORTHY_BROKER_PORT": str(broker_port),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "ROADWORTHY_INGEST_HISTORY_EVERY_S": "0.3",
    }
    if request.param == "embedded":
        home = Home(tmp_path, env, console_port, broker_port, until)
        yield home
        home.end()
        return
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("Mosquitto is not installed; `scripts/system_packages` installs it")
    server = request.getfixturevalue("postgres")
    url = server.create()
    env |= {
        "ROADWORTHY_DATABASE_URL": url,
        "ROADWORTHY_BROKER_EMBEDDED": "false",
        "ROADWORTHY_INGEST_BROKER_PORT": str(free_port()),
    }
    with request.getfixturevalue("service_folder")("mosquitto") as (folder, account):
        certificate, key = make_certificate(folder, account)
        env |= {"ROADWORTHY_BROKER_TLS": "true", "ROADWORTHY_BROKER_CA": str(certificate)}
        tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
        other = MosquittoHome(
            tmp_path,
            env,
            console_port,
            broker_port,
            until,
            program=program,
            broker_folder=folder,
            tls=tls,
            account=account,
        )
        other.export()
        other.start_broker()
        yield other
        other.end()
    server.drop(url)


def make_certificate(folder: Path, account: str | None) -> tuple[Path, Path]:
    """A certificate for this machine's own address, and its key, readable by the account."""
    certificate, key = folder / "server.crt", folder / "server.key"
    made = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    if account:
        shutil.chown(key, account, account)
    return certificate, key


@pytest.fixture(name="drive")
def _drive(tmp_path: Path) -> Path:
    """A stretch of a real drive (see simulators/recordings/README.md for source and licence), as plain CSV."""
    packed = next((ROOT / "simulators" / "recordings").glob("*.csv.gz"))
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines(keepends=True)
    path = tmp_path / "drive.csv"
    path.write_text("".join(lines[:901]))
    return path
