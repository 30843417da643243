"""The console over the world of the desk's tests, with a car that has something of everything that pages show."""

from __future__ import annotations

import importlib.util
import secrets
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.appointments import proposer
from api.appointments import service as booking
from api.auth import repository as people
from api.auth.scope import Role, Scope
from api.auth.service import digest
from api.campaigns import service as campaigns
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.console import language
from api.reminders import service as reminders
from api.reminders.channels import Channels
from api.settings import ApiSettings
from api.vehicles import repository as vehicles
from api.web import COOKIE, FORM_FIELD
from diagnostics import repository as advice
from diagnostics.findings import Component, ComponentHealth, Evidence, Finding, Outcome, Severity
from ingest import devices
from ingest.storage import commands, tables
from ingest.storage.database import transaction
from vehicle import wire
from vehicle.batch import Event, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from httpx2 import Response


def _worlds() -> Any:
    """The neighbours' conftest, whose world is used here too; pytest shares fixtures downwards only."""
    path = Path(__file__).parents[1] / "api" / "conftest.py"
    spec = importlib.util.spec_from_file_location("desk_world", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_API = _worlds()
_template, _database_url, _engine, _world = _API._template, _API._database_url, _API._engine, _API._world
_password, _write = _API._password, _API._write
NOW = _API.NOW


class Clock(datetime):
    """Always the same time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return NOW.astimezone(tz)


class Visit(TestClient):
    """A browser without JavaScript; ``form_token`` is what the person's forms carry."""

    form_token = ""

    def post_form(self, path: str, **fields: str) -> Response:
        """Sends a form as the page would have it sent."""
        return self.post(path, data={FORM_FIELD: self.form_token, **fields})


@dataclass(frozen=True)
class Scene:
    """What is on the pages: ids of the car's device, its appointments and requests."""

    world: Any
    vehicle_id: str
    device_id: str
    proposed: str
    agreed: str
    requests: dict[str, str]
    campaign_id: str
    capture_id: str


@pytest.fixture(name="now")
def _now() -> Any:
    """Monday, 2 March 2026, nine in the morning in Shanghai; the pages' clock stands there."""
    return NOW


@pytest.fixture(name="app")
def _app(world, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The app over the world's database, with a clock that stands still."""
    monkeypatch.setattr("api.web.datetime", Clock)
    url = f"sqlite:///{tmp_path}/desk.db"
    return create_app(ApiSettings(data_dir=tmp_path, database_url=url, dealer_time_zone="Europe/Prague"), world.engine)


@pytest.fixture(name="stranger")
def _stranger(app) -> Visit:
    """A browser that nobody has signed in with."""
    return Visit(app, base_url="http://127.0.0.1:8420", headers={"Accept": "text/html"}, follow_redirects=False)


@pytest.fixture(name="visit")
def _visit(app, world) -> Iterator[Callable[..., Visit]]:
    """Opens a browser in which a person is signed in and has chosen a language."""

    def open_browser(scope: Any, spoken: str | None = None) -> Visit:
        secret, form_token = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        row = {"token_hash": digest(secret), "user_id": scope.user_id, "form_token": form_token}
        with transaction(world.engine) as connection:
            times = {"opened_at": NOW, "seen_at": NOW, "ends_at": NOW + timedelta(hours=1)}
            people.insert_session(connection, row | times)
        cookies = {COOKIE: secret} | ({language.COOKIE: spoken} if spoken else {})
        headers = {"Accept": "text/html"}
        browser = Visit(app, base_url="http://127.0.0.1:8420", headers=headers, cookies=cookies, follow_redirects=False)
        browser.form_token = form_token
        return browser

    return open_browser


@pytest.fixture(name="scene")
def _scene(world, tmp_path: Path, collect) -> Scene:
    """A car with a device, codes, findings, advice, health, appointments, messages, requests, and a campaign."""
    car = world.here.vehicle_id
    with transaction(world.engine) as connection:
        device_id = devices.enrol(connection, name="dongle", now=NOW, vehicle_id=car).device_id
        advice.save_finding(connection, _finding("f1", car, Component.THERMOSTAT, Severity.SOON))
        advice.save_finding(connection, _finding("f2", car, Component.BATTERY_12V, Severity.STOP_NOW))
        health = ComponentHealth(
            vehicle_id=car, component=Component.THERMOSTAT, health=0.3, rul_days=(10.0, 20.0, 30.0), updated_at=NOW,
            basis={"en": "warm-ups", "zh": "暖机"},
        )  # fmt: skip
        advice.save_health(connection, [health])
        _tell_code(connection, device_id, car)
        letter = {"received_at": NOW, "topic": "t", "reason": "bad_frame", "sentence": "", "size": 0, "payload": b""}
        connection.execute(tables.dead_letters.insert().values(letter))
    _judge(world)
    proposed, agreed = _book(world)
    reminders.send_due(world.engine, Channels(tmp_path / "outbox"), now=NOW, base_url="http://127.0.0.1:8420")
    with transaction(world.engine) as connection:
        campaign_id = _chase(connection, world, car)
        capture_id = collect(connection, device_id=device_id, vehicle_id=car, campaign_id=campaign_id, now=NOW)
    return Scene(world, car, device_id, proposed, agreed, _ask(world, device_id), campaign_id, capture_id)


def _chase(connection: Any, world: Any, car: str) -> str:
    vehicles.set_tags(connection, car, ["A"])
    draft = Draft(
        name="A", condition="Vehicle.Speed > 80", signals={"Vehicle.Speed": 1000}, before_s=2.0, after_s=2.0,
        frames=True, until=NOW + timedelta(days=9), target=Target(vehicles=[car], tags=["A"]),
    )  # fmt: skip
    engineer = Scope(user_id="x", name="here-engineer", role=Role.ENGINEER, dealer_id=world.here.dealer_id)
    return campaigns.create(connection, engineer, draft, now=NOW).id


def _finding(finding_id: str, car: str, component: Component, severity: Severity) -> Finding:
    at = int(NOW.timestamp() * 1000)
    points = tuple((at - (9 - day) * 86_400_000, -2.0 * day) for day in range(10))
    evidence = Evidence(
        feature="warm_up_residual", unit="°C", label={"en": "Warm-up", "zh": "暖机偏差"}, points=points,
        expectation=0.0, threshold=-10.0, window=(points[0][0], at), signals=("Vehicle.Speed",),
    )  # fmt: skip
    return Finding(
        id=finding_id, vehicle_id=car, detector="thermostat", cause="stuck_open", component=component,
        severity=severity, confidence=0.9, since=NOW - timedelta(days=3), found_at=NOW, cleared_at=None,
        evidence=evidence, title={"en": "Stays open", "zh": "常开"}, text={"en": "It is cold.", "zh": "温度过低。"},
        job="replace_thermostat",
    )  # fmt: skip


def _tell_code(connection: Any, device_id: str, car: str) -> None:
    at = int(NOW.timestamp() * 1000)
    for number, (code, state) in enumerate((("P0128", "stored"), ("SPN 100 FMI 1", "active")), start=1):
        data = {"ecu": "7E8", "code": code, "state": state, "present": True}
        event = Event(kind="dtc", time_ms=at, quality=TimeQuality.NTP, boot_id=1, monotonic_ms=1, data=data)
        _put_event(connection, device_id, car, number, event)


def _put_event(connection: Any, device_id: str, car: str, number: int, event: Event) -> None:
    at = event.time_ms
    row = {
        "device_id": device_id, "vehicle_id": car, "epoch": 1, "sequence": number, "lane": 0,
        "content": int(wire.Content.EVENT), "received_at": NOW, "first_ms": at, "last_ms": at,
        "digest": secrets.token_bytes(16), "payload": wire.encode_event(epoch=1, sequence=number, event=event),
    }  # fmt: skip
    connection.execute(tables.inbox.insert().values(row))


def _judge(world: Any) -> None:
    world.suggest("judged", component=Component.SENSORS, finding_ids=("f1",))
    with transaction(world.engine) as connection:
        advice.record_outcome(connection, "judged", Outcome.CONFIRMED, "", "here-advisor", NOW - timedelta(days=9))


def _book(world: Any) -> tuple[str, str]:
    """A proposal that waits for an answer, and an agreed appointment; ids."""
    world.suggest("s1", finding_ids=("f1",))
    (proposed,) = proposer.work(world.engine, now=NOW)
    world.suggest("s2", component=Component.BATTERY_12V, severity=Severity.STOP_NOW, finding_ids=("f2",))
    (agreed,) = proposer.work(world.engine, now=NOW)
    world.suggest("s3", component=Component.ENGINE_OIL, severity=Severity.MONITOR)
    with transaction(world.engine) as connection:
        booking.accept(connection, world.here.owner, agreed, start=None, now=NOW)
    return proposed, agreed


def _ask(world: Any, device_id: str) -> dict[str, str]:
    """A request to the car in every state; ids by state."""
    made = {}
    result = {"codes": [{"code": "P0128", "state": "stored", "ecu": "7E8"}]}
    with transaction(world.engine) as connection:
        for status in ("requested", "sent", "progress", "done", "failed", "refused", "expired"):
            made[status] = commands.request_command(
                connection, device_id=device_id, name="read_dtcs", arguments={}, requested_by="here-advisor", now=NOW,
                expires_at=NOW + timedelta(minutes=1),
            )  # fmt: skip
            if status == "sent":
                commands.mark_sent(connection, made[status], NOW)
            elif status != "requested":
                answer = {"status": status, "result": result if status == "done" else {}, "reason": "in_its_own_words"}
                commands.record_reply(connection, command_id=made[status], device_id=device_id, now=NOW, **answer)
    return made
