"""What the agent costs in the car: CPU, memory and start-up at 2,000 frames a second, delivered to a server.

The agent is the process that people start: it listens on python-can's ``udp_multicast`` with a DBC, decodes, samples,
writes its spool with full synchronisation, and delivers. Who sends the frames, the broker and ingest are other
processes. CPU is what the kernel accounts to the agent. As there is no kernel CAN everywhere, the bus is a socket with
MessagePack, dearer than SocketCAN; ``bus_alone`` is what python-can takes to hand over the same frames to nobody (the
agent reads the socket itself, and may take less than that).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import PartFailedError
from benchmarks.result import Result
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "agent"
FRAMES_PER_S = 2000
MEASURED_S = 20.0
SETTLED_S = 3.0
PATIENCE_S = 60.0
GROUP = "239.74.163.2"
MESSAGES = 20
"""Messages of the DBC, which the map wants; as many again are on the bus and in no DBC."""
MOST_VALUE = 100
TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> Result:
    """The figures.

    Raises:
        PartFailedError: a process did not come up, or ended.
    """
    with tempfile.TemporaryDirectory(prefix="roadworthy-bench-") as name, contextlib.ExitStack() as running:
        home = _Home(Path(name), running)
        bus = f"udp_multicast:{GROUP}:{_free_port(socket.SOCK_DGRAM)}"
        home.serve()
        home.python("benchmarks.can_traffic", bus, str(FRAMES_PER_S), str(2 * MESSAGES))
        alone = home.python("benchmarks.can_traffic", bus, "listen", "0")
        began = time.monotonic()
        source = f"can:{bus}?dbc={home.folder / 'car.dbc'}&map={home.folder / 'car.toml'}"
        agent = home.roadworthy("agent", "--config", "agent.toml", "--source", source)
        home.until(lambda: "connected to" in home.log(agent), "the agent to be connected")
        started_s = time.monotonic() - began
        time.sleep(SETTLED_S)
        before = _cpu_s(agent.pid), _cpu_s(alone.pid), time.monotonic()
        time.sleep(MEASURED_S)
        spent_s = time.monotonic() - before[2]
        share = (_cpu_s(agent.pid) - before[0]) / spent_s
        share_alone = (_cpu_s(alone.pid) - before[1]) / spent_s
        memory = {key: _memory_mib(agent.pid, key) for key in ("VmRSS", "VmHWM")}
        home.until(lambda: home.rows() >= MEASURED_S, "a row a second in history")
        agent.send_signal(signal.SIGTERM)
        agent.wait(PATIENCE_S)
        rows = home.rows()
    return Result(
        bench=NAME,
        unit="% of one core",
        ours=100 * share,
        peers={"bus_alone": 100 * share_alone},
        equal=rows >= MEASURED_S,
        input=f"{FRAMES_PER_S} frames/s of {2 * MESSAGES} identifiers on {bus.partition(':')[0]} for {spent_s:.0f} s",
        detail={
            "resident_mib": memory["VmRSS"],
            "peak_resident_mib": memory["VmHWM"],
            "start_up_s": round(started_s, 2),
            "frames_per_second": FRAMES_PER_S,
            "rows_in_history": rows,
        },
    )


class _Home:
    """A folder with what the processes need, and the processes."""

    def __init__(self, folder: Path, running: contextlib.ExitStack) -> None:
        self.folder, self._running = folder, running
        self._logs: dict[int, Path] = {}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
        here = {"ROADWORTHY_DATA_DIR": str(folder / "data"), "PYTHONPATH": os.pathsep.join(sys.path)}
        self._env = kept | here | {"ROADWORTHY_BROKER_PORT": str(_free_port(socket.SOCK_STREAM))}
        (folder / "car.dbc").write_text("\n".join(_dbc()), encoding="utf-8")
        takes = [path for path, row in CATALOGUE.items() if row.minimum <= 0 and row.maximum >= MOST_VALUE]
        lines = [f'"M{at}.S0" = "{path}"' for at, path in enumerate(takes[:MESSAGES])]
        (folder / "car.toml").write_text("[signals]\n" + "\n".join(lines) + "\n", encoding="utf-8")

    def serve(self) -> None:
        """Broker and ingest, and an enrolled device."""
        for part in ("broker", "ingest"):
            process = self.roadworthy(part)
            self.until(partial(self._says, process, "is up"), f"{part} to be up")
        self._command("device", "add", "car", "--out", "agent.toml")

    def roadworthy(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a command."""
        return self.python("roadworthy", *arguments)

    def python(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a module; it is ended with the benchmark."""
        path = self.folder / f"{len(self._logs)}.log"
        with path.open("wb") as log:
            command = [sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(command, cwd=self.folder, env=self._env, stdout=log, stderr=log)
        self._logs[process.pid] = path
        self._running.callback(_end, process)
        return process

    def _says(self, process: subprocess.Popen[bytes], words: str) -> bool:
        return words in self.log(process)

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """What it said until now."""
        return self._logs[process.pid].read_text(encoding="utf-8", errors="replace")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for a condition."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise PartFailedError(NAME, what, "\n".join(path.read_text() for path in self._logs.values()))
            time.sleep(0.01)

    def rows(self) -> int:
        """How many rows came into history."""
        return len(self._command("history", "car", "--format", "csv").splitlines()) - 1

    def _command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "roadworthy", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PartFailedError(NAME, " ".join(arguments), done.stderr)
        return done.stdout


def _dbc() -> Iterator[str]:
    yield from ('VERSION ""', "NS_ :", "BS_:", "BU_: X")
    for number in range(MESSAGES):
        yield f"BO_ {0x100 + number} M{number}: 8 X"
        yield from (f' SG_ S{at} : {16 * at}|8@1+ (1,0) [0|100] "" X' for at in range(4))


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and system mode (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_mib(pid: int, key: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024, 1)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    if process.poll() is None:
        process.kill()
        process.wait()
