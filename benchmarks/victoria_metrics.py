"""What the same samples take in VictoriaMetrics, a time-series database, where Debian's package is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

PROGRAMS = ("victoria-metrics", "victoria-metrics-prod")
PATIENCE_S = 60.0
RETENTION = "100y"


def stored_bytes(frame: pl.DataFrame, folder: Path) -> int | None:
    """Bytes of its data folder with ``time`` and one series for each other column; None where it is not installed."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [program, f"-storageDataPath={folder}", f"-httpListenAddr={address}", f"-retentionPeriod={RETENTION}"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_up(address)
        for name in frame.columns[1:]:
            one = frame.select("time", name).drop_nulls()
            times = one["time"].dt.timestamp("ms").to_list()
            line = {"metric": {"__name__": name}, "values": one[name].to_list(), "timestamps": times}
            _post(f"http://{address}/api/v1/import", json.dumps(line).encode())
        _post(f"http://{address}/internal/force_flush", b"")
    finally:
        server.terminate()
        server.wait(PATIENCE_S)
    return sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())


def _until_up(address: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _post(url: str, body: bytes) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=PATIENCE_S):  # noqa: S310  our own address
        pass
