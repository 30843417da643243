"""The life of an alert from end to end: a car's messages, the diagnosis, the desk's worker, the owner's messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from api.auth import service as people
from api.auth.scope import Role, Scope
from api.dealers import repository as dealers
from api.reminders import repository as outbox
from api.reminders import worker
from api.reminders.channels import Channels
from api.settings import ApiSettings
from api.vehicles import repository as vehicles
from diagnostics import repository as diagnosis
from diagnostics.findings import SuggestionState
from diagnostics.follower import Follower
from ingest.devices import enrol
from ingest.quarantine import Quarantine
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.inbox import keep_sets, store
from ingest.storage.telemetry import TelemetryStore
from ingest.validate import Knowledge, judge
from vehicle import wire
from vehicle.batch import Event, TimeQuality
from vehicle.signals import ENGINE_SPEED, SPEED
from vehicle.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ADMIN = Scope(user_id="", name="root", role=Role.ADMIN, dealer_id=None)


@dataclass
class Service:
    """Everything behind the broker, for one car with an owner; processes may be opened anew at any time."""

    engine: sa.Engine
    folder: Path
    device_id: str
    vehicle_id: str
    sequence: int = 0

    def code(self, name: str, at: datetime, *, present: bool = True) -> bytes:
        """The car tells a stored code that came or went."""
        self.sequence += 1
        data = {"ecu": "7E8", "code": name, "state": "stored", "present": present}
        event = Event(kind="dtc", time_ms=_ms(at), quality=TimeQuality.RECORDED, boot_id=1, monotonic_ms=1, data=data)
        return wire.encode_event(epoch=1, sequence=self.sequence, event=event)

    def drive(self, at: datetime, minutes: int) -> bytes:
        """A drive, a row each ten seconds."""
        self.sequence += 1
        times = [_ms(at) + 10_000 * row for row in range(6 * minutes + 1)]
        columns = {ENGINE_SPEED: [1500.0 + row % 7 for row in range(len(times))], SPEED: [40.0] * len(times)}
        return json.dumps({"epoch": 1, "sequence": self.sequence, "time": times, "columns": columns}).encode()

    def live(self, now: datetime, *messages: bytes) -> None:
        """Messages come in, each twice; a diagnosis and a desk that were just started deal with them."""
        knowledge = Knowledge(vehicles={self.device_id: self.vehicle_id}, signal_sets={}, anchors={})
        for message in (*messages, *messages):
            kind = Kind.TELEMETRY if message[:1] == b"{" else Kind.EVENT
            verdict = judge(self.device_id, kind, "", message, knowledge, _ms(now))
            with transaction(self.engine) as connection:
                keep_sets(connection, [v for v in [getattr(verdict, "signal_set", None)] if v is not None])
                store(connection, [verdict], now=now, tries={}, quarantine=Quarantine())
        follower = Follower(
            self.engine, TelemetryStore(self.engine, self.folder / "history"), limit=50, rebuild_s=1.0, silence_s=1800.0
        )
        for moment in (now, now, now + 31 * MINUTE):  # the last ends the trip of a car that has fallen silent
            while follower.step(moment):
                pass
        settings = ApiSettings(data_dir=self.folder, database_url="")
        worker.turn(settings, self.engine, Channels(self.folder / "outbox"), now)

    def advice(self) -> list[tuple[str, SuggestionState]]:
        """Component and state of all advice."""
        with reading(self.engine) as connection:
            found = diagnosis.suggestions_of(connection, [self.vehicle_id])
        return [(str(one.component), one.state) for one in found]

    def told(self) -> list[tuple[str, int]]:
        """Kind and day of what the owner was told."""
        with reading(self.engine) as connection:
            found = outbox.list_reminders(connection, ADMIN)
        return sorted(
            ((str(one.kind), (one.sent_at - NOW).days) for one in found if one.sent_at), key=lambda one: one[1]
        )


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.fixture(name="service")
def _service(tmp_path: Path) -> Iterator[Service]:
    """A car in a dealer's care."""
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    for package in ("ingest", "diagnostics", "api"):
        migrate(engine, package)
    with transaction(engine) as connection:
        made = enrol(connection, name="car", now=NOW)
        shop = dealers.create(connection, name_en="Shop", name_zh="店", time_zone="Asia/Shanghai", bays=2, now=NOW)
        owner = people.create_user(
            connection, name="li", role=Role.OWNER, password="correct horse battery", now=NOW, dealer_id=None,
            language="zh",
        )  # fmt: skip
        car = {"id": made.vehicle_id, "dealer_id": shop, "owner_id": owner, "plate": "沪A·1", "created_at": NOW}
        vehicles.insert(connection, car)
    yield Service(engine, tmp_path, made.device_id, made.vehicle_id)
    engine.dispose()


def test_an_alert_is_told_called_to_mind_and_ends_by_itself(service: Service) -> None:
    """A code for the next service: told once, reminded on day 7, ended by a long drive without it, silent after."""
    service.live(NOW, service.code("P0420", NOW - MINUTE))
    assert service.told() == [("noticed", 0)]
    for day in range(1, 9):
        service.live(NOW + day * DAY, service.drive(NOW + day * DAY - 40 * MINUTE, 20))
    assert service.told() == [("noticed", 0), ("after_7_days", 7)]
    gone = NOW + 9 * DAY
    service.live(gone, service.code("P0420", gone - MINUTE, present=False))
    service.live(gone + DAY, service.drive(gone + DAY - 60 * MINUTE, 10))
    assert service.advice() == [("catalyst", SuggestionState.OPEN)]
    late = service.drive(gone + 3 * DAY - 300 * MINUTE, 4)
    service.live(gone + 3 * DAY, service.drive(gone + 3 * DAY - 60 * MINUTE, 6))
    assert service.advice() == [("catalyst", SuggestionState.WITHDRAWN)]
    service.live(gone + 3 * DAY, late)
    for day in range(13, 20):
        service.live(NOW + day * DAY)
    assert service.advice() == [("catalyst", SuggestionState.WITHDRAWN)]
    assert service.told() == [("noticed", 0), ("after_7_days", 7)]
    texts = [path.read_text(encoding="utf-8") for path in (service.folder / "outbox").glob("*.txt")]
    assert len(texts) == 2
    assert sum("一周前" in text for text in texts) == 1


def test_a_red_alert_proposes_and_withdraws_and_comes_back_as_the_same(service: Service) -> None:
    """A code that cannot wait proposes a time; four starts without it withdraw both; soon after it is the same one."""
    service.live(NOW, service.code("P0301", NOW - MINUTE))
    assert service.told() == [("proposed", 0)]
    service.live(NOW + DAY / 4, service.code("P0301", NOW + DAY / 4 - MINUTE, present=False))
    start = NOW + DAY / 2
    for number in range(4):
        at = start + number * 60 * MINUTE
        assert [state for _, state in service.advice()] == [SuggestionState.OPEN]
        service.live(at + 10 * MINUTE, service.drive(at, 2))
    assert [state for _, state in service.advice()] == [SuggestionState.WITHDRAWN]
    service.live(NOW + 2 * DAY, service.code("P0301", NOW + 2 * DAY - MINUTE))
    assert [state for _, state in service.advice()] == [SuggestionState.OPEN]
    assert [kind for kind, _ in service.told() if kind != "day_before"] == ["proposed"]
