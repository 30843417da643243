"""What an onlooker knows: what the drives hold, what came back, what is in the files, what goes over the broker.

Shares no code with the parts: a drive is a function of seed, device and row, so that every value that comes back can
be computed again, and files and messages are read by their documented layout.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paho.mqtt.reasoncodes import ReasonCode

SEED = int(os.environ.get("ROADWORTHY_CHAOS_SEED", "20261123"))
COLUMNS = {
    "ENGINE_RUN_TINE ()": "Vehicle.OBD.RunTime",
    "VEHICLE_SPEED ()": "Vehicle.Speed",
    "COOLANT_TEMPERATURE ()": "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature",
    "INTAKE_MANIFOLD_PRESSURE ()": "Vehicle.Powertrain.CombustionEngine.MAP",
    "INTAKE_AIR_TEMP ()": "Vehicle.OBD.IntakeTemp",
    "TIME_RUN_WITH_MIL_ON ()": "Vehicle.OBD.RunTimeMIL",
    "TIME_SINCE_TROUBLE_CODES_CLEARED ()": "Vehicle.OBD.TimeSinceDTCCleared",
    "DISTANCE_TRAVELED_WITH_MIL_ON ()": "Vehicle.OBD.DistanceWithMIL",
}
SEQUENCE = slice(13, 21)
"""Where a message has its sequence, big-endian (docs/protocol.md)."""


def content(device: str, row: int) -> dict[str, float]:
    """What a row holds: its number, and bytes that follow from seed, device and number."""
    digest = hashlib.sha256(f"{SEED}/{device}/{row}".encode()).digest()
    wide = (int.from_bytes(digest[at : at + 2], "big") for at in (4, 6, 8))
    values = (row, digest[0], digest[1] - 40, digest[2], digest[3] - 40, *wide)
    return dict(zip(COLUMNS.values(), map(float, values), strict=True))


def write_drive(path: Path, device: str, rows: range) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(content(device, row).values() for row in rows)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the oracle found, by row, the dead letters, and whether the end was never reached; all zero is clean."""

    lost: int = 0
    doubled: int = 0
    invented: int = 0
    corrupted: int = 0
    out_of_order: int = 0
    set_apart: int = 0
    stuck: int = 0

    @property
    def signs(self) -> set[str]:
        """The names of what is not zero."""
        return {name for name, count in vars(self).items() if count}


CLEAN = Verdict()


def judge(home, device: str, expected: int) -> Verdict:
    """Compares what came back with what the drives held; a row is known by its number."""
    rows = home.history(device)
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
        set_apart=len(json.loads(home.run("dead-letters", "list", "--json"))),
    )


EVENT = 2
"""Content of an event in the inbox, as in the message (docs/protocol.md)."""


def stored(home, *, telemetry: bool = False) -> set[int]:
    """The sequences that the server has committed, of whichever epoch, or those of telemetry only; SQLite only."""
    with contextlib.closing(sqlite3.connect(home.folder / "data" / "roadworthy.db", timeout=10)) as connection:
        found = connection.execute("SELECT sequence, content FROM inbox").fetchall()
    return {sequence for sequence, what in found if what != EVENT or not telemetry}


def of_spool(spool: Path, query: str) -> list[int] | None:
    """A column from a copy of the spool, since the agent keeps the file for itself; None where it was half written."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(sqlite3.DatabaseError, FileNotFoundError):
        for found in spool.parent.glob(f"{spool.name}*"):
            shutil.copyfile(found, Path(folder) / found.name)
        with contextlib.closing(sqlite3.connect(Path(folder) / spool.name)) as copy:
            return [row[0] for row in copy.execute(query)]
    return None


def rows_read(spool: Path) -> int:
    """How many rows the agent has committed to its spool in all."""
    (rows,) = of_spool(spool, "SELECT coalesce(sum(rows), 0) FROM source") or (0,)
    return rows


def in_spool(spool: Path) -> set[int] | None:
    """The sequences that wait in the spool; None where it cannot be read just now."""
    found = of_spool(spool, "SELECT sequence FROM record")
    return None if found is None else set(found)


class Witness:
    """Hears what devices send, beside ingest; ``seen`` has the sequences in the order of their coming."""

    def __init__(self, home) -> None:
        self.seen: list[int] = []
        name, secret = "roadworthy-service", home.folder / "data" / "service-credential"
        home.until(lambda: secret.is_file() and secret.read_text(), what="the broker to make a password")
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{name}-witness")
        self._client.username_pw_set(name, secret.read_text().strip())

        def connected(client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _: object) -> None:
            if reason.is_failure:  # a broker that began since has made another password; paho tries again by itself
                client.username_pw_set(name, secret.read_text().strip())
            else:
                client.subscribe("roadworthy/v1/+/telemetry", qos=1)

        self._client.on_connect = connected
        self._client.on_message = lambda _client, _data, message: self.seen.append(
            int.from_bytes(message.payload[SEQUENCE], "big")
        )
        self._subscribed: list[bool] = []
        self._client.on_subscribe = lambda *_: self._subscribed.append(True)
        home.until(lambda: self._tries(home.broker_port), what="the broker to let the witness in")
        self._client.loop_start()
        home.until(lambda: self._subscribed, what="the witness to hear")

    def _tries(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            self._client.connect("127.0.0.1", port)
            return True
        return False

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def witness(home) -> Iterator[Witness]:
    """Somebody who hears what devices send."""
    found = Witness(home)
    try:
        yield found
    finally:
        found.close()
