"""SIGKILL of the service desk at every named point of proposing and telling: proposed once, told at least once."""

from __future__ import annotations

import json
import runpy
import signal
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from diagnostics.findings import Component, Severity, Suggestion, SuggestionState
from diagnostics.repository import save_suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.chaos]

POINTS = [
    name for name in runpy.run_path(str(Path(__file__).with_name("crooked.py")))["POINTS"] if name.startswith("desk")
]
SENT_AND_NOT_NOTED = "desk: a message is sent and not noted"
CARS = {f"car-{number}": point for number, point in enumerate(POINTS)}
PATIENCE_S = 40
INSTALLED = "SELECT d.name, i.vehicle_id FROM devices d JOIN installations i ON i.device_id = d.id"
TOLD = "SELECT a.vehicle_id FROM reminders r JOIN appointments a ON a.id = r.appointment_id WHERE r.state = 'sent'"


@contextmanager
def owners_phone() -> Iterator[tuple[str, list[str]]]:
    """A server that takes messages as apprise's ``json://`` sends them: its URL, and the texts that came."""
    texts: list[str] = []

    class Phone(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts.append(f"{told['title']}\n{told['message']}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Phone)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_port}/", texts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rows(engine: sa.Engine, statement: str) -> list[dict[str, Any]]:
    """What a statement finds: the oracle asks the tables, not our code."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(statement)).mappings()]


def advise(engine: sa.Engine, vehicle_id: str, severity: Severity) -> None:
    """What diagnostics would have said about a car."""
    now = datetime.now(UTC)
    made = Suggestion(
        id=f"advice-{vehicle_id}"[:32], vehicle_id=vehicle_id, component=Component.THERMOSTAT, job="replace_thermostat",
        severity=severity, confidence=0.9, state=SuggestionState.OPEN, created_at=now, due_by=now + timedelta(days=14),
        title={"en": "Replace the thermostat", "zh": "更换节温器"}, text={"en": "It stays open.", "zh": "节温器常开。"},
        finding_ids=(),
    )  # fmt: skip
    with engine.begin() as connection:
        save_suggestion(connection, made, at=now)


def test_the_desk_proposes_once_and_tells(home, nursery, until) -> None:
    """Killed at each point, it comes up again: one appointment for each advice, its times held, its owner told."""
    home.enrol(*CARS)
    with owners_phone() as (url, texts):
        everyone = [word for car in CARS for word in ("--vehicle", car)]
        home.run_with("correct horse battery\n", "user", "add", "zoe", "--role", "owner", "--channel", url,
                      "--password-stdin", *everyone)  # fmt: skip
        engine = sa.create_engine(home.database_url)
        cars = {row["name"]: row["vehicle_id"] for row in rows(engine, INSTALLED)}
        assert cars.keys() == CARS.keys()
        for car, point in CARS.items():
            advise(engine, cars[car], Severity.STOP_NOW if "middle" in point else Severity.SOON)
            broken = nursery.start(["api"], [("crash", point)])
            assert broken.wait(PATIENCE_S) == -signal.SIGKILL, f"the desk never came to the point: {point}"
            desk = nursery.start(["api"])
            told = {"vehicle_id": cars[car]}
            until(lambda told=told: told in rows(engine, TOLD), what=f"the owner to be told after: {point}")
            desk.kill()
        proposed = rows(engine, "SELECT id, vehicle_id, state FROM appointments")
        held = Counter(row["appointment_id"] for row in rows(engine, "SELECT appointment_id FROM slots"))
        engine.dispose()
    assert Counter(row["vehicle_id"] for row in proposed) == dict.fromkeys(cars.values(), 1)
    assert {row["state"] for row in proposed} == {"proposed"}
    assert held.keys() == {row["id"] for row in proposed}
    copies = {car: sum(car in text for text in texts) for car in CARS}
    assert copies == {car: 1 + (point == SENT_AND_NOT_NOTED) for car, point in CARS.items()}, texts
