"""The REST interface: sign-in, problems, pages, repeated requests, headers."""

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
from api.problems import BASE
from api.settings import ApiSettings
from api.web import COOKIE, Person
from diagnostics.findings import Component
from ingest.devices import enrol
from ingest.storage import commands
from ingest.storage.database import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

V1 = "/api/v1"


def settings_for(folder: Path, **changes: object) -> ApiSettings:
    return ApiSettings(data_dir=folder, database_url=f"sqlite:///{folder}/desk.db", **changes)


@pytest.fixture(name="app")
def _app(world, tmp_path: Path):
    """The app over the world's database."""
    return create_app(settings_for(tmp_path), world.engine)


@pytest.fixture(name="client")
def _client(app) -> Iterator[TestClient]:
    """A browser that nobody has signed in with."""
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


@pytest.fixture(name="token")
def _token(world, write):
    """Makes the request headers of an API client for a person."""

    def make(scope, **more: str) -> dict[str, str]:
        _, secret, _ = write(people.make_token, scope, label="test", now=datetime.now(UTC))
        return {"Authorization": f"Bearer {secret}", **more}

    assert world
    return make


def sign_in(client: TestClient, name: str, password: str) -> dict[str, object]:
    answer = client.post(f"{V1}/session", json={"name": name, "password": password})
    assert answer.status_code == 201, answer.text
    return answer.json()


def propose(world) -> str:
    """Advice that led to a proposal in the coming days; the proposal's id."""
    world.suggest()
    return proposer.work(world.engine, now=datetime.now(UTC))[0]


def count(world, table: sa.Table) -> int:
    with reading(world.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_signing_in_sets_a_guarded_cookie(client, world, password) -> None:
    """The cookie cannot be read by scripts nor sent along by other sites, and lets one in."""
    assert client.get(f"{V1}/me").status_code == 401
    answer = client.post(f"{V1}/session", json={"name": "here-advisor", "password": password})
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert client.get(f"{V1}/me").json()["dealer_id"] == world.here.dealer_id


@pytest.mark.parametrize(
    ("changes", "secure"),
    [
        ({"public": True}, True),
        ({"public_url": "https://desk.example"}, True),
        ({"public_url": "http://desk.example"}, False),
        ({}, False),
    ],
)
def test_a_desk_behind_tls_sends_its_cookies_over_tls_only(
    world, tmp_path: Path, password, changes: dict[str, object], secure: bool
) -> None:
    """Behind a TLS proxy, on this machine or another, the cookies are marked secure."""
    app = create_app(settings_for(tmp_path, **changes), world.engine)
    with TestClient(app, base_url="https://desk.example", follow_redirects=False) as client:
        answers = [
            client.post(f"{V1}/session", json={"name": "here-advisor", "password": password}),
            client.post("/sign-in", data={"name": "here-advisor", "password": password}),
            client.post("/language", data={"language": "zh"}),
        ]
    assert [("secure" in one.headers["set-cookie"].lower()) for one in answers] == [secure] * len(answers)


ELSEWHERE = [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_another_site_cannot_sign_anybody_in(client, world, password, headers: dict[str, str]) -> None:
    """Nobody works under a name that somebody else's page chose for them; a page of ours signs in."""
    assert world
    asked = {"name": "here-advisor", "password": password}
    answer = client.post(f"{V1}/session", json=asked, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, f"{BASE}cross-site")
    assert "set-cookie" not in answer.headers
    ours = {"Origin": "http://127.0.0.1:8420"}
    assert client.post(f"{V1}/session", json=asked, headers=ours).status_code == 201


def test_a_page_behind_a_proxy_signs_in(world, tmp_path: Path, password) -> None:
    """Where the proxy asks under another name than people do, `public_url` says what is ours."""
    app = create_app(settings_for(tmp_path, public_url="https://desk.example"), world.engine)
    asked, headers = {"name": "here-advisor", "password": password}, {"Origin": "https://desk.example"}
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        assert client.post(f"{V1}/session", json=asked, headers=headers).status_code == 201


def test_a_token_cannot_make_tokens(client, world, token, password) -> None:
    """Who finds a token has it until it ends and no longer; who signs in makes one."""
    body = {"label": "x"}
    answer = client.post(f"{V1}/tokens", json=body, headers=token(world.here.advisor))
    assert (answer.status_code, answer.json()["type"]) == (403, f"{BASE}session-needed")
    assert count(world, tables.tokens) == 1
    form_token = str(sign_in(client, "here-advisor", password)["form_token"])
    made = client.post(f"{V1}/tokens", json=body, headers={"X-Form-Token": form_token})
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    client.cookies.clear()
    assert client.get(f"{V1}/me", headers=headers).json()["name"] == "here-advisor"


def test_signing_out_ends_the_session(client, password, world) -> None:
    """The old cookie is worth nothing after."""
    del world
    me = sign_in(client, "here-advisor", password)
    cookie = client.cookies[COOKIE]
    assert client.delete(f"{V1}/session", headers={"X-Form-Token": me["form_token"]}).status_code == 204
    assert client.get(f"{V1}/me", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_a_session_that_is_used_stays_and_one_that_is_not_ends(client, world, password, write) -> None:
    """Each request moves the end, but not beyond the longest time of a session."""
    sign_in(client, "here-advisor", password)
    moment = datetime.now(UTC)

    def shift(**values: datetime) -> None:
        write(lambda connection: connection.execute(tables.sessions.update().values(values)))

    def ends_at() -> datetime:
        with reading(world.engine) as connection:
            return connection.execute(sa.select(tables.sessions.c.ends_at)).scalar_one()

    shift(seen_at=moment - timedelta(minutes=20), ends_at=moment + timedelta(minutes=10))
    assert client.get(f"{V1}/me").status_code == 200
    assert ends_at() > moment + timedelta(minutes=29)
    shift(seen_at=moment - timedelta(minutes=20), opened_at=moment - people.SESSION_LONGEST + timedelta(minutes=5))
    assert client.get(f"{V1}/me").status_code == 200
    assert ends_at() < moment + timedelta(minutes=6)
    shift(ends_at=moment - timedelta(seconds=1))
    assert client.get(f"{V1}/me").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Form-Token": "wrong"},
        {"X-Form-Token": "the right one", "Sec-Fetch-Site": "cross-site"},
        {"X-Form-Token": "the right one", "Sec-Fetch-Site": "same-site"},
        {"X-Form-Token": "the right one", "Origin": "https://evil.example"},
    ],
)
def test_other_sites_cannot_act_with_a_session(client, world, password, headers: dict[str, str]) -> None:
    """Without the form's token, or from another site, nothing is changed."""
    appointment_id = propose(world)
    right = str(sign_in(client, "here-advisor", password)["form_token"])
    sent = {name: value.replace("the right one", right) for name, value in headers.items()}
    answer = client.post(f"{V1}/appointments/{appointment_id}/acceptance", json={}, headers=sent)
    assert (answer.status_code, answer.json()["type"]) == (403, f"{BASE}cross-site")
    answer = client.post(f"{V1}/appointments/{appointment_id}/acceptance", json={}, headers={"X-Form-Token": right})
    assert (answer.status_code, answer.json()["state"]) == (200, "accepted")


def test_an_unsafe_request_keeps_its_session_alive(client, world, password, write) -> None:
    """A request that writes prolongs the session in its own transaction, without waiting for itself."""
    appointment_id = propose(world)
    form_token = str(sign_in(client, "here-advisor", password)["form_token"])
    old = datetime.now(UTC) - timedelta(minutes=20)
    write(lambda connection: connection.execute(tables.sessions.update().values(seen_at=old)))
    sent = {"X-Form-Token": form_token}
    assert client.post(f"{V1}/appointments/{appointment_id}/acceptance", json={}, headers=sent).status_code == 200
    with reading(world.engine) as connection:
        assert connection.execute(sa.select(tables.sessions.c.seen_at)).scalar_one() > old


def test_guessing_is_slowed_down(client, world) -> None:
    """After ten tries within a minute even the right password waits, and is told how long."""
    del world
    wrong = {"name": "here-advisor", "password": "guess guess guess"}
    answers = [client.post(f"{V1}/session", json=wrong) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", f"{V1}/nothing-here", 404, "not-found"),
        ("PUT", f"{V1}/vehicles", 405, "method-not-allowed"),
        ("GET", f"{V1}/vehicles?limit=0", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles?limit=1000", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles?cursor=nonsense", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles/unknown", 404, "not-found"),
        ("GET", f"{V1}/suggestions/unknown", 404, "not-found"),
        ("GET", f"{V1}/appointments/unknown", 404, "not-found"),
        ("GET", f"{V1}/appointments?from=2026-01-01T00:00:00", 422, "invalid-request"),
        ("GET", f"{V1}/appointments?from=0001-01-01T00:00:00%2B14:00", 422, "invalid-request"),
        ("GET", f"{V1}/appointments?to=9999-12-31T23:59:59-14:00", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles/here-car/history?from=9999-12-31T23:59:59-14:00", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles?cursor=MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMHx4", 422, "invalid-request"),
        ("GET", f"{V1}/vehicles/here-car/history?signal=Vehicle.Nonsense", 422, "invalid-request"),
        (
            "GET",
            f"{V1}/vehicles/here-car/history?signal=Vehicle.Speed&from=2026-01-01T00:00:00",
            422,
            "invalid-request",
        ),
        ("POST", f"{V1}/appointments", 422, "invalid-request"),
        ("GET", f"{V1}/users", 403, "not-allowed"),
    ],
)
def test_every_refusal_is_a_problem_document(client, world, token, method, path, status, name) -> None:
    """Errors of all kinds carry type, title, status and detail in one media type."""
    answer = client.request(method, path, headers=token(world.here.advisor))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == (BASE + name, status)
    assert body["title"]
    assert body["detail"]


def test_a_fault_of_ours_tells_nothing_of_our_insides(world, tmp_path: Path) -> None:
    """An unexpected error is a problem document without words of the error."""
    app = create_app(settings_for(tmp_path), world.engine)

    @app.get("/broken")
    def _broken() -> None:
        raise RuntimeError("secret detail")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_not_being_signed_in_names_the_scheme(client) -> None:
    """401 says how to authenticate."""
    answer = client.get(f"{V1}/vehicles")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_answer_carries_the_guarding_headers(client, world) -> None:
    """Answers and refusals alike: own scripts only, no framing, no sniffing, not kept by browsers."""
    del world
    for path in ("/healthz", f"{V1}/vehicles", f"{V1}/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_nothing_comes_from_a_strange_host(client) -> None:
    """The framework's own pages, which load scripts from elsewhere, are off; the description is served."""
    assert client.get("/docs").status_code == 404
    assert client.get("/redoc").status_code == 404
    description = client.get(f"{V1}/openapi.json").json()
    assert description["openapi"].startswith("3.1")


def test_health_needs_no_sign_in(client, world) -> None:
    """A supervisor can ask whether the process runs and the database answers."""
    del world
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_pages_follow_one_another_without_gap_or_repeat(client, world, token, write) -> None:
    """A client that follows next_cursor or Link sees each vehicle once, also when some are added meanwhile."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def add(connection: sa.Connection, first: int, last: int, at: datetime) -> None:
        rows = [
            {"id": f"car{number:02}", "dealer_id": world.here.dealer_id, "created_at": at}
            for number in range(first, last)
        ]  # fmt: skip
        connection.execute(tables.vehicles.insert(), rows)

    write(add, 0, 25, moment)  # all at one instant: the id decides
    headers, seen, path = token(world.here.advisor), [], f"{V1}/vehicles?limit=7"
    while path:
        answer = client.get(path, headers=headers)
        body = answer.json()
        seen += [one["id"] for one in body["items"]]
        if len(seen) == 7:
            write(add, 25, 30, moment)
        if body["next_cursor"] is None:
            assert "Link" not in answer.headers
            break
        assert body["next_cursor"] in answer.headers["Link"]
        path = answer.headers["Link"].split(">")[0].lstrip("<")
    assert seen == [*(f"car{number:02}" for number in range(30)), "here-car"]


@pytest.mark.parametrize("path", ["vehicles", "suggestions", "appointments"])
def test_lists_show_only_ones_own(client, world, token, path: str) -> None:
    """The other dealer's people see their own cars and nothing of ours."""
    propose(world)
    ours = client.get(f"{V1}/{path}", headers=token(world.here.advisor)).json()["items"]
    theirs = client.get(f"{V1}/{path}", headers=token(world.there.advisor)).json()["items"]
    everything = client.get(f"{V1}/{path}", headers=token(world.admin)).json()["items"]
    assert {one["id"] for one in ours} & {one["id"] for one in theirs} == set()
    assert len(everything) == len(ours) + len(theirs)
    assert ours


def test_a_repeated_post_is_answered_as_the_first_time(client, world, token) -> None:
    """The same key and body: the same answer, marked as replayed, and one effect."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    first, second = (client.post(path, json={}, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert client.post(path, json={}, headers=token(world.here.owner)).status_code == 409


def test_a_key_with_another_body_is_refused(client, world, token) -> None:
    """A key belongs to one request."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    assert client.post(path, json={}, headers=headers).status_code == 200
    answer = client.post(path, json={"start": "2026-03-04T08:00:00Z"}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, f"{BASE}key-reused")


def test_a_key_is_ones_own(client, world, token) -> None:
    """The same key of another person is another request, and shows nothing of the first."""
    appointment_id = propose(world)
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    key = {"Idempotency-Key": "k1"}
    assert client.post(path, json={}, headers=token(world.here.owner, **key)).status_code == 200
    assert client.post(path, json={}, headers=token(world.there.owner, **key)).status_code == 404


def test_an_ended_token_gets_no_kept_answer(client, world, token, write) -> None:
    """What was answered before is not told to who may not ask any more."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    assert client.post(path, json={}, headers=headers).status_code == 200
    write(lambda connection: connection.execute(tables.tokens.delete()))
    assert client.post(path, json={}, headers=headers).status_code == 401


def test_a_refused_request_may_be_tried_again_with_its_key(client, world, token, write) -> None:
    """Only what had an effect is kept: a key of a refused request is free."""
    path, headers = f"{V1}/vehicles/{world.here.vehicle_id}/commands", token(world.here.advisor)
    headers["Idempotency-Key"] = "k1"
    assert client.post(path, json={"name": "read_vin"}, headers=headers).status_code == 409
    write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    assert client.post(path, json={"name": "read_vin"}, headers=headers).status_code == 202


def test_fifty_at_once_with_one_key_have_one_effect(client, world, token, write) -> None:
    """Of parallel repetitions one works, and all that are answered get its answer."""
    write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    headers = token(world.here.advisor, **{"Idempotency-Key": "storm"})
    path = f"{V1}/vehicles/{world.here.vehicle_id}/commands"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(path, json={"name": "read_dtcs"}, headers=headers), range(50)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers if answer.status_code == 202) == 1


def test_secrets_are_not_kept_for_repetition(client, world, password) -> None:
    """Sign-ins and new tokens leave no row with their answer or a hash of their body."""
    key = {"Idempotency-Key": "k1"}
    me = client.post(f"{V1}/session", json={"name": "here-advisor", "password": password}, headers=key).json()
    key["X-Form-Token"] = me["form_token"]
    assert client.post(f"{V1}/tokens", json={"label": "x"}, headers=key).status_code == 201
    assert count(world, tables.idempotency) == 0


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
