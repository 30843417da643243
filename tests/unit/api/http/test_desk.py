"""The REST interface: cars, requests to them, appointments, streams, and how it starts."""

from __future__ import annotations

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.testclient import TestClient

from api import policy, tables
from api.app import create_app
from api.appointments import proposer
from api.auth import service as people
from api.errors import DeskError, ExposureError, ListenError, PolicyError
from api.listening import open_socket, refuse_exposure
from api.operations import endpoints
from api.web import COOKIE, Person
from diagnostics.findings import Component
from ingest.devices import enrol
from ingest.storage import commands
from ingest.storage.database import reading

if TYPE_CHECKING:
    from pathlib import Path

from tests.unit.api.http.given import V1, propose, settings_for, sign_in


def test_a_vehicle_goes_only_to_an_owner_who_exists(client, world, token) -> None:
    """An unknown person, or staff, cannot be made the owner; an unknown dealer gets no vehicle."""
    path, advisor = f"{V1}/vehicles/{world.here.vehicle_id}", token(world.here.advisor)
    for wrong in ("nobody", world.here.advisor.user_id):
        assert client.patch(path, json={"owner_id": wrong}, headers=advisor).status_code == 422
    assert client.patch(path, json={"dealer_id": "nowhere"}, headers=token(world.admin)).status_code == 422
    assert client.patch(path, json={"dealer_id": None}, headers=token(world.admin)).status_code == 422
    assert client.patch(path, json={"dealer_id": world.there.dealer_id}, headers=advisor).status_code == 403
    assert client.patch(path, json={"role": "admin"}, headers=advisor).status_code == 422
    assert client.patch(path, json={"vin": "not a VIN"}, headers=advisor).status_code == 422
    answer = client.patch(path, json={"plate": "粤B 12345", "owner_id": world.there.owner.user_id}, headers=advisor)
    assert (answer.json()["plate"], answer.json()["owner_id"]) == ("粤B 12345", world.there.owner.user_id)
    assert client.get(path, headers=token(world.here.owner)).status_code == 404
    assert client.get(path, headers=token(world.there.owner)).status_code == 200


def test_the_car_is_asked_and_the_answer_can_be_followed(client, world, token, write) -> None:
    """A request to a car is accepted, has an address of its own, and leaves an audit row."""
    headers, path = token(world.here.advisor), f"{V1}/vehicles/{world.here.vehicle_id}/commands"
    assert client.post(path, json={"name": "reset_ecu"}, headers=headers).status_code == 422
    write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    answer = client.post(path, json={"name": "read_dtcs"}, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "requested")
    status = client.get(f"{path}/{answer.json()['id']}", headers=headers).json()
    assert (status["name"], status["requested_by"]) == ("read_dtcs", "here-advisor")
    with reading(world.engine) as connection:
        assert connection.execute(sa.select(tables.audit.c.action)).scalars().all() == ["read_dtcs"]


@pytest.mark.parametrize("field", ["plate", "model", "vin", "owner_id"])
@pytest.mark.parametrize("text", ["", " ", "A\x00B", "A\u202eB", "A\u2066B", "\u200b", "A\nB", "A\u2028B", "\x7f"])
def test_what_cannot_be_read_is_no_name(client, world, token, field: str, text: str) -> None:
    """Texts that show nothing, or not what is in them, are refused by their field's name, and nothing is changed."""
    path, headers = f"{V1}/vehicles/{world.here.vehicle_id}", token(world.here.advisor)
    before = client.get(path, headers=headers).json()
    answer = client.patch(path, json={"model": "Golf", field: text}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{field} ")
    assert client.get(path, headers=headers).json() == before


def test_a_plate_is_removed_by_null(client, world, token) -> None:
    """What is not known any more is not an empty text; ordinary letters of all scripts are names."""
    path, headers = f"{V1}/vehicles/{world.here.vehicle_id}", token(world.here.advisor)
    for plate in ("粤B·12345学", "M-Ü 1", "١٢٣ أ ب", None):
        assert client.patch(path, json={"plate": plate}, headers=headers).json()["plate"] == plate


@pytest.mark.parametrize("how_far", ["requested", "sent", "progress"])
def test_a_request_that_nobody_carries_is_over_in_its_time(client, world, token, write, how_far: str) -> None:
    """Where no ingest runs, a request ends all the same; one that was answered in time stays as it is."""
    made = write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    past, headers = datetime.now(UTC) - timedelta(minutes=1), token(world.here.advisor)
    asked = {"device_id": made.device_id, "name": "read_dtcs", "arguments": {}, "requested_by": "here-advisor"}
    late, early = (write(commands.request_command, **asked, now=past, expires_at=past) for _ in range(2))
    if how_far != "requested":
        write(commands.mark_sent, late, past)
    answer = {"device_id": made.device_id, "result": {}, "reason": "", "now": past}
    if how_far == "progress":
        write(commands.record_reply, command_id=late, status="progress", **answer)
    write(commands.record_reply, command_id=early, status="done", **answer)
    path = f"{V1}/vehicles/{world.here.vehicle_id}/commands"
    over = client.get(f"{path}/{late}", headers=headers).json()
    assert (over["status"], datetime.fromisoformat(over["answered_at"])) == ("expired", past)
    assert "no answer in time" in over["reason"]
    assert client.get(f"{path}/{early}", headers=headers).json()["status"] == "done"


def test_an_appointment_has_a_calendar_file(client, world, token) -> None:
    """The file has a UID that stays, local people's words, and only short lines."""
    appointment_id = propose(world)
    answer = client.get(f"{V1}/appointments/{appointment_id}/calendar.ics", headers=token(world.here.owner))
    assert answer.headers["content-type"].startswith("text/calendar")
    assert f"UID:{appointment_id}@roadworthy" in answer.text
    assert "SUMMARY:更换节温器" in answer.text
    assert "STATUS:TENTATIVE" in answer.text
    assert all(len(line.encode()) <= 75 for line in answer.text.split("\r\n"))


def test_free_times_can_be_moved_to(client, world, token) -> None:
    """Every time that is offered is accepted when it is asked for."""
    appointment_id, headers = propose(world), token(world.here.owner)
    offers = client.get(f"{V1}/appointments/{appointment_id}/free-times", headers=headers).json()
    assert len(offers) == 24
    for offer in (offers[0], offers[-1]):
        answer = client.post(
            f"{V1}/appointments/{appointment_id}/move", json={"start": offer["start"]}, headers=headers
        )
        assert (answer.status_code, answer.json()["start"]) == (200, offer["start"])


def test_an_operation_without_policy_stops_the_start(world, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who forgets the policy of a new operation cannot start the desk."""
    forgotten = {name: roles for name, roles in policy.ROLES.items() if not name.endswith("/vehicles")}
    monkeypatch.setattr(policy, "ROLES", forgotten)
    with pytest.raises(PolicyError, match=r"GET /api/v1/vehicles"):
        create_app(settings_for(tmp_path), world.engine)


def test_an_operation_that_no_role_may_do_is_refused(world, tmp_path: Path, token) -> None:
    """A route that slips in after the check is closed for everyone."""
    app, late = create_app(settings_for(tmp_path), world.engine), APIRouter()

    @late.get("/late")
    def _late(person: Person) -> str:
        return person.name

    app.router.routes.extend(late.routes)
    with TestClient(app) as client:
        assert client.get("/late", headers=token(world.admin)).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "desk.example"])  # noqa: S104  refused
def test_a_public_address_must_be_asked_for(tmp_path: Path, host: str) -> None:
    """Listening beyond this machine needs a setting of its own."""
    with pytest.raises(ExposureError):
        refuse_exposure(settings_for(tmp_path, host=host))
    refuse_exposure(settings_for(tmp_path, host=host, public=True))
    refuse_exposure(settings_for(tmp_path, host="::1"))


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """The second desk on a port says so in a sentence."""
    with open_socket(settings_for(tmp_path, port=0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=str(port)):
            open_socket(settings_for(tmp_path, port=port))


def test_errors_have_names_that_stay() -> None:
    """Each refusal's type is spelt from its class, once."""
    kinds = DeskError.__subclasses__()
    names = [kind.name.fget(kind.__new__(kind)) for kind in kinds]  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    assert "slot-taken" in names
    assert all(kind.status >= 400 and kind.title for kind in kinds)


def test_changes_are_streamed(world, tmp_path: Path, token) -> None:
    """Whoever listens is told of the state now, and the stream ends with the server."""
    app = create_app(settings_for(tmp_path), world.engine)
    app.state.stop.set()
    with TestClient(app) as client:
        answer = client.get(f"{V1}/stream", headers=token(world.here.advisor))
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("how", ["sign out", "its time", "token"])
def test_a_stream_ends_with_who_listens(client, world, password, token, write, how: str, monkeypatch) -> None:
    """Whoever signs out, stays away too long, or loses the token hears no more; the stream keeps no session alive."""
    going_on, looks = threading.Event(), itertools.count(1)

    def looked(*where) -> tuple[int, int] | None:
        if next(looks) == 3:
            going_on.set()
        return look(*where)

    look = endpoints._latest
    monkeypatch.setattr(endpoints, "_latest", looked)
    monkeypatch.setattr(endpoints, "LOOK_EVERY_S", 0.01)
    if how == "token":
        headers = token(world.here.advisor)
    else:
        sign_in(client, "here-advisor", password)
        headers = {}

    def end() -> None:
        if how == "sign out":
            write(lambda connection: people.sign_out(connection, client.cookies[COOKIE]))
            return
        table = tables.tokens if how == "token" else tables.sessions
        write(lambda connection: connection.execute(table.update().values(ends_at=datetime.now(UTC))))

    with ThreadPoolExecutor() as pool:
        listening = pool.submit(client.get, f"{V1}/stream", headers=headers)
        assert going_on.wait(20)
        end()
        assert listening.result(timeout=20).text.startswith("event: changed")


def test_times_are_written_with_their_zone(client, world, token) -> None:
    """Every time in an answer can be read without guessing."""
    appointment_id = propose(world)
    body = client.get(f"{V1}/appointments/{appointment_id}", headers=token(world.here.owner)).json()
    for name in ("start", "changed_at"):
        assert datetime.fromisoformat(body[name]).utcoffset() == timedelta(0)
    assert json.dumps(body)


def test_two_appointments_of_a_car_are_two(client, world, token) -> None:
    """Faults of two components are listed soonest first."""
    propose(world)
    world.suggest("s2", component=Component.BATTERY_12V, job="test_battery")
    proposer.work(world.engine, now=datetime.now(UTC))
    items = client.get(f"{V1}/appointments", headers=token(world.here.owner)).json()["items"]
    assert len(items) == 2
    assert items == sorted(items, key=lambda one: (one["start"], one["id"]))
