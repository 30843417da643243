"""A database with an enrolled device, and a way to put drives into it as if they had come over MQTT."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from diagnostics.evaluation.recordings import read_drive
from diagnostics.follower import Follower
from ingest.devices import enrol
from ingest.quarantine import Quarantine
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.inbox import keep_sets, store
from ingest.storage.telemetry import TelemetryStore
from ingest.validate import Knowledge, judge
from vehicle import wire
from vehicle.batch import Event, TimeQuality
from vehicle.topics import Kind

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

START_MS = 1_760_000_000_000
NOW = datetime(2026, 5, 1, tzinfo=UTC)
EXTRACT = ("live9", "ufpe1", "drive5", "live10", "idle8")


@pytest.fixture(name="drives", scope="session")
def _drives(root: Path) -> list[dict]:
    """The recorded drives of a sound car that are shipped."""
    return [read_drive(root / "tests" / "golden" / "carobd" / f"{name}.csv.gz") for name in EXTRACT]


@dataclass
class Desk:
    """The database with one car; what is put in is numbered like a device would."""

    engine: sa.Engine
    folder: Path
    device_id: str
    vehicle_id: str
    sequence: int = 0
    sets: dict = field(default_factory=dict)

    def batches(self, drive: dict, *, start_ms: int, rows: int = 600) -> list[bytes]:
        """The drive as JSON messages of so many rows."""
        length = len(next(iter(drive.values())))
        return [self._batch(drive, start_ms, at, min(at + rows, length)) for at in range(0, length, rows)]

    def _batch(self, drive: dict, start_ms: int, first: int, last: int) -> bytes:
        self.sequence += 1
        columns = {
            path: [None if math.isnan(v) else float(v) for v in values[first:last]] for path, values in drive.items()
        }
        times = [start_ms + 1000 * row for row in range(first, last)]
        return json.dumps({"epoch": 1, "sequence": self.sequence, "time": times, "columns": columns}).encode()

    def code(self, code: str, at_ms: int, *, present: bool = True, state: str = "stored") -> bytes:
        """An event of a trouble code."""
        self.sequence += 1
        data = {"ecu": "7E8", "code": code, "state": state, "present": present}
        event = Event(kind="dtc", time_ms=at_ms, quality=TimeQuality.RECORDED, boot_id=1, monotonic_ms=1, data=data)
        return wire.encode_event(epoch=1, sequence=self.sequence, event=event)

    def put(self, *messages: bytes) -> None:
        """Stores messages in this order."""
        knowledge = Knowledge(vehicles={self.device_id: self.vehicle_id}, signal_sets={}, anchors={})
        kinds = [Kind.TELEMETRY if message[:1] == b"{" else Kind.EVENT for message in messages]
        verdicts = [
            judge(self.device_id, kind, "", message, knowledge, int(NOW.timestamp() * 1000))
            for kind, message in zip(kinds, messages, strict=True)
        ]
        with transaction(self.engine) as connection:
            keep_sets(connection, [v.signal_set for v in verdicts if getattr(v, "signal_set", None) is not None])
            store(connection, verdicts, now=NOW, tries={}, quarantine=Quarantine())

    def follower(self, *, limit: int = 50) -> Follower:
        """Diagnostics as it starts anew."""
        return Follower(self.engine, self.history, limit=limit, rebuild_s=1.0, silence_s=1800.0)

    @property
    def history(self) -> TelemetryStore:
        """What is stored."""
        return TelemetryStore(self.engine, self.folder)

    def follow(self, follower: Follower, *, now: datetime = NOW) -> None:
        """Steps until nothing is new."""
        steps = 0
        while follower.step(now + timedelta(seconds=steps)):
            steps += 1
            assert steps < 10_000

    def read(self, function, *arguments, **options):
        """What a repository function reads."""
        with reading(self.engine) as connection:
            return function(connection, *arguments, **options)


@pytest.fixture(name="desk")
def _desk(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    migrate(engine, "ingest")
    migrate(engine, "diagnostics")
    with transaction(engine) as connection:
        made = enrol(connection, name="car", now=NOW)
    yield Desk(engine, tmp_path / "history", made.device_id, made.vehicle_id)
    engine.dispose()


@pytest.fixture(name="connection")
def _connection(tmp_path: Path):
    """A connection to a database of diagnosis alone, in a transaction."""
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    migrate(engine, "diagnostics")
    with transaction(engine) as connection:
        yield connection
    engine.dispose()
