"""The OpenAPI document against the app: what each operation may answer is what it does answer, and nothing else."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.openapi.models import OpenAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.appointments import proposer
from api.auth import service as people
from api.auth.throttle import PER_ACCOUNT
from api.bodies import MOST_BYTES
from api.campaigns import service as campaigns
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.errors import KeyInProgressError
from api.settings import ApiSettings
from api.web import COOKIE, FORM_HEADER, reserve
from diagnostics.findings import Component, Severity
from ingest.devices import enrol

if TYPE_CHECKING:
    from pathlib import Path

V1 = "/api/v1"
JSON, PROBLEM = "application/json", "application/problem+json"
HEADERS = {"link", "idempotent-replayed", "retry-after", "www-authenticate", "content-language", "set-cookie"}
"""Headers that clients act upon."""
BUSY = "busy"
"""An Idempotency-Key whose first request still runs."""


@dataclass
class Tried:
    """The app, and what its operations were seen to answer."""

    client: TestClient
    world: Any
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    headers: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def ask(self, operation: str, path: str, who: str | None, **sent: Any) -> Any:
        """One request; its answer is noted under the operation."""
        headers = {**(self.tokens[who] if who else {}), **sent.pop("headers", {})}
        self.client.cookies.clear()
        answer = self.client.request(operation.split(" ", maxsplit=1)[0], path, headers=headers, **sent)
        kind = "" if answer.status_code == 204 else answer.headers["content-type"].partition(";")[0]
        status = str(answer.status_code)
        self.statuses[operation].add((status, kind))
        self.headers[operation] |= {(status, name) for name in HEADERS & {name.lower() for name in answer.headers}}
        return answer


@dataclass(frozen=True)
class Way:
    """How an operation is done with success, and by whom; an operation with ``foes`` is refused to those."""

    path: str
    who: str = "owner"
    body: dict[str, Any] | None = None
    foes: tuple[str, ...] = ()


def ways(ids: dict[str, str], other_time: str) -> dict[str, Way]:
    """A way for every operation, in an order in which all succeed."""
    car = f"{V1}/vehicles/here-car"
    book, advice = f"{V1}/appointments", f"{V1}/suggestions"
    ring = ("owner",)
    return {
        f"GET {V1}/me": Way(f"{V1}/me"),
        f"GET {V1}/tokens": Way(f"{V1}/tokens"),
        f"DELETE {V1}/tokens/{{token_id}}": Way(f"{V1}/tokens/{ids['token']}"),
        f"GET {V1}/users": Way(f"{V1}/users", "admin", foes=ring),
        f"GET {V1}/vehicles": Way(f"{V1}/vehicles?limit=1", "admin"),
        f"GET {V1}/vehicles/{{vehicle_id}}": Way(car),
        f"PATCH {V1}/vehicles/{{vehicle_id}}": Way(car, "advisor", {"plate": "沪A·1"}, ring),
        f"GET {V1}/vehicles/{{vehicle_id}}/health": Way(f"{car}/health"),
        f"GET {V1}/vehicles/{{vehicle_id}}/history": Way(f"{car}/history?signal=Vehicle.Speed"),
        f"GET {V1}/vehicles/{{vehicle_id}}/codes": Way(f"{car}/codes"),
        f"GET {V1}/vehicles/{{vehicle_id}}/findings": Way(f"{car}/findings"),
        f"GET {V1}/vehicles/{{vehicle_id}}/maintenance": Way(f"{car}/maintenance"),
        f"POST {V1}/vehicles/{{vehicle_id}}/maintenance": Way(
            f"{car}/maintenance", "advisor", {"item": "brake_fluid"}, ring
        ),
        f"GET {V1}/vehicles/{{vehicle_id}}/measurements": Way(f"{car}/measurements"),
        f"POST {V1}/vehicles/{{vehicle_id}}/measurements": Way(
            f"{car}/measurements", "advisor", {"name": "tread_mm", "value": 4.5}, ring
        ),
        f"POST {V1}/vehicles/{{vehicle_id}}/commands": Way(f"{car}/commands", "advisor", {"name": "read_dtcs"}, ring),
        f"GET {V1}/vehicles/{{vehicle_id}}/commands/{{command_id}}": Way(
            f"{car}/commands/{ids['command']}", "advisor", foes=ring
        ),
        f"GET {V1}/suggestions": Way(f"{advice}?limit=1"),
        f"GET {V1}/suggestions/{{suggestion_id}}": Way(f"{advice}/s0"),
        f"POST {V1}/suggestions/{{suggestion_id}}/dismissal": Way(f"{advice}/mild0/dismissal", "advisor", {}, ring),
        f"POST {V1}/suggestions/{{suggestion_id}}/outcome": Way(
            f"{advice}/mild1/outcome", "advisor", {"outcome": "confirmed"}, ring
        ),
        f"GET {V1}/detectors": Way(f"{V1}/detectors", "advisor", foes=ring),
        f"GET {V1}/causes": Way(f"{V1}/causes", "advisor", foes=ring),
        f"GET {V1}/appointments": Way(f"{book}?limit=1"),
        f"POST {V1}/appointments": Way(book, "advisor", {"suggestion_id": "mild2"}, ring),
        f"GET {V1}/appointments/{{appointment_id}}": Way(f"{book}/{ids['s0']}"),
        f"GET {V1}/appointments/{{appointment_id}}/free-times": Way(
            f"{book}/{ids['s0']}/free-times", foes=("engineer",)
        ),
        f"GET {V1}/appointments/{{appointment_id}}/calendar.ics": Way(f"{book}/{ids['s0']}/calendar.ics"),
        f"POST {V1}/appointments/{{appointment_id}}/acceptance": Way(f"{book}/{ids['s0']}/acceptance", body={}),
        f"POST {V1}/appointments/{{appointment_id}}/move": Way(f"{book}/{ids['s1']}/move", body={"start": other_time}),
        f"POST {V1}/appointments/{{appointment_id}}/decline": Way(f"{book}/{ids['s2']}/decline"),
        f"POST {V1}/appointments/{{appointment_id}}/cancellation": Way(f"{book}/{ids['s0']}/cancellation"),
        f"POST {V1}/appointments/{{appointment_id}}/completion": Way(f"{book}/{ids['s1']}/completion", "advisor"),
        f"GET {V1}/reminders": Way(f"{V1}/reminders"),
        **ways_of_campaigns(ids, other_time),
        f"GET {V1}/ingest/dead-letters": Way(f"{V1}/ingest/dead-letters", "admin", foes=ring),
        f"GET {V1}/stream": Way(f"{V1}/stream"),
    }


def ways_of_campaigns(ids: dict[str, str], until: str) -> dict[str, Way]:
    """The same for campaigns and what they collected."""
    ring, made = ("owner",), f"{V1}/campaigns"
    body = {
        "name": "x", "condition": "Vehicle.Speed > 80", "signals": {"Vehicle.Speed": 1000}, "before_s": 5,
        "until": until, "target": {"vehicles": ["here-car"]},
    }  # fmt: skip
    mine, capture = f"{made}/{ids['campaign']}", f"{V1}/captures/{ids['capture']}"
    return {
        f"POST {V1}/campaigns": Way(made, "admin", body, ring),
        f"POST {V1}/campaigns/condition": Way(f"{made}/condition", "admin", {"condition": "always"}, ring),
        f"GET {V1}/campaigns": Way(f"{made}?limit=1", "admin", foes=ring),
        f"GET {V1}/campaigns/{{campaign_id}}": Way(mine, "admin", foes=ring),
        f"POST {V1}/campaigns/{{campaign_id}}/versions": Way(f"{mine}/versions", "admin", body, ring),
        f"GET {V1}/campaigns/{{campaign_id}}/devices": Way(f"{mine}/devices", "admin", foes=ring),
        f"GET {V1}/campaigns/{{campaign_id}}/captures": Way(f"{mine}/captures?limit=1", "admin", foes=ring),
        f"POST {V1}/vehicles/{{vehicle_id}}/recordings": Way(
            f"{V1}/vehicles/here-car/recordings", "admin", {"seconds": 5, "frames": True}, ring
        ),
        f"GET {V1}/vehicles/{{vehicle_id}}/captures": Way(f"{V1}/vehicles/here-car/captures", "admin", foes=ring),
        f"GET {V1}/captures/{{capture_id}}": Way(capture, "admin", foes=ring),
        f"GET {V1}/captures/{{capture_id}}/rows.csv": Way(f"{capture}/rows.csv", "admin", foes=ring),
        f"GET {V1}/captures/{{capture_id}}/frames.log": Way(f"{capture}/frames.log", "admin", foes=ring),
        f"POST {V1}/campaigns/{{campaign_id}}/revocation": Way(f"{mine}/revocation", "admin", foes=ring),
    }


@pytest.fixture(name="tried")
def _tried(world, write, password, collect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tried:
    """Every operation of the app, asked in every way that its description knows an answer to."""

    def reserved(connection, claim, *, now):
        if claim.key == BUSY:
            raise KeyInProgressError
        reserve(connection, claim, now=now)

    monkeypatch.setattr("api.web.reserve", reserved)
    settings = ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/desk.db")
    app = create_app(settings, world.engine)
    app.state.stop.set()
    with TestClient(app, base_url="http://127.0.0.1:8420", raise_server_exceptions=False) as client:
        tried = Tried(client, world)
        scopes = {"owner": world.here.owner, "advisor": world.here.advisor, "admin": world.admin}
        for name, scope in scopes.items():
            _, secret, _ = write(people.make_token, scope, label="x", now=datetime.now(UTC))
            tried.tokens[name] = {"Authorization": f"Bearer {secret}"}
        _prepare_and_try(tried, write, password, collect)
        _break(tried, monkeypatch)
    return tried


def _prepare_and_try(tried: Tried, write, password: str, collect) -> None:
    world = tried.world
    write(
        people.create_user, name="engineer", role="engineer", password=password, now=datetime.now(UTC),
        dealer_id=world.here.dealer_id,
    )  # fmt: skip
    parts = list(Component)
    for number in range(3):
        world.suggest(f"s{number}", component=parts[number])
        world.suggest(f"mild{number}", component=parts[number + 3], severity=Severity.MONITOR)
    ids = {}
    proposer.work(world.engine, now=datetime.now(UTC))
    for one in tried.client.get(f"{V1}/appointments", headers=tried.tokens["admin"]).json()["items"]:
        ids[one["suggestion_id"]] = one["id"]
    made = write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    draft = Draft(
        name="x", condition="always", signals={"Vehicle.Speed": 1000}, after_s=5.0,
        until=datetime.now(UTC) + timedelta(days=9), target=Target(vehicles=["here-car"]),
    )  # fmt: skip
    twice = [write(campaigns.create, world.admin, draft, now=datetime.now(UTC)).id for _ in range(2)]
    for at in range(2):
        write(
            collect,
            device_id=made.device_id if at else "f" * 32,
            vehicle_id="here-car",
            campaign_id=twice[0],
            now=datetime.now(UTC),
        )
    ids |= {"campaign": twice[0]}
    tried.tokens["engineer"] = _enter(tried, "engineer", password)
    asked = tried.client.post(
        f"{V1}/vehicles/here-car/commands", json={"name": "read_vin"}, headers=tried.tokens["advisor"]
    )
    made = tried.ask(
        f"POST {V1}/tokens", f"{V1}/tokens", None, json={"label": "x"}, headers=_enter(tried, "here-owner", password)
    )
    ids |= {"command": asked.json()["id"], "token": made.json()["id"]}
    listed = tried.client.get(f"{V1}/campaigns/{twice[0]}/captures", headers=tried.tokens["admin"]).json()["items"]
    ids |= {"capture": listed[0]["id"]}
    free = tried.client.get(f"{V1}/appointments/{ids['s1']}/free-times", headers=tried.tokens["owner"]).json()
    for operation, way in ways(ids, free[-1]["start"]).items():
        _try(tried, operation, way)
    _try_people(tried, password)


def _enter(tried: Tried, name: str, password: str) -> dict[str, str]:
    """Headers of a session."""
    answer = tried.client.post(f"{V1}/session", json={"name": name, "password": password})
    headers = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}", FORM_HEADER: answer.json()["form_token"]}
    tried.client.cookies.clear()
    return headers


def _try(tried: Tried, operation: str, way: Way) -> None:
    """Nobody, the wrong role, an unknown object, what cannot be read or does not fit, and at last what is right."""
    _refused_to_strangers(tried, operation, way.path)
    for foe in way.foes:
        tried.ask(operation, way.path, foe, json=way.body)
    if "{" in operation:
        nowhere = re.sub(r"\{\w+\}", "nothing", operation.split(" ")[1])
        tried.ask(operation, f"{nowhere}?{way.path.partition('?')[2]}", way.who, json=way.body)
    _misfitting(tried, operation, way)
    if operation.startswith("POST"):
        _twice(tried, operation, way)
    else:
        assert tried.ask(operation, way.path, way.who, json=way.body).status_code < 300, operation


def _refused_to_strangers(tried: Tried, operation: str, path: str) -> None:
    tried.ask(operation, path, None)
    if not operation.startswith("GET"):
        cookie = tried.tokens["engineer"]["Cookie"]
        tried.ask(operation, path, None, headers={"Cookie": cookie, FORM_HEADER: "wrong"})
        tried.ask(operation, path, None, content=b" " * (MOST_BYTES + 1))


def _misfitting(tried: Tried, operation: str, way: Way) -> None:
    path = way.path.partition("?")[0]
    if operation.startswith("GET"):
        tried.ask(operation, f"{path}?limit=0&lasting=x&state=x&from=x&signal=x", way.who)
    if "suggestion_id" in (way.body or {}):
        tried.ask(operation, path, way.who, json={"suggestion_id": "nothing"})
    if "target" in (way.body or {}):
        tried.ask(operation, path, way.who, json={**way.body, "target": {"vehicles": ["nothing"]}})
    if way.body is not None:
        for content in (b"{", b"\xff"):
            tried.ask(operation, path, way.who, content=content, headers={"Content-Type": JSON})


def _twice(tried: Tried, operation: str, way: Way) -> None:
    """With a key that is busy, a new one, the same again, and again with another body."""
    for key, body in ((BUSY, way.body), ("k", way.body), ("k", way.body), ("k", {"other": 1})):
        tried.ask(operation, way.path, way.who, json=body, headers={"Idempotency-Key": key})


def _try_people(tried: Tried, password: str) -> None:
    """The operations that change who is signed in, which have no key."""
    making = f"POST {V1}/tokens"
    _refused_to_strangers(tried, making, f"{V1}/tokens")
    for content in (b"{", b"\xff"):
        headers = {**_enter(tried, "here-owner", password), "Content-Type": JSON}
        tried.ask(making, f"{V1}/tokens", None, content=content, headers=headers)
    leaving, entering = f"DELETE {V1}/session", f"POST {V1}/session"
    _refused_to_strangers(tried, leaving, f"{V1}/session")
    tried.ask(leaving, f"{V1}/session", None, headers=_enter(tried, "here-owner", password))
    right, wrong = ({"name": "here-owner", "password": text} for text in (password, "wrong"))
    for sent in ({"json": right}, *({"content": text, "headers": {"Content-Type": JSON}} for text in (b"{", b"\xff"))):
        tried.ask(entering, f"{V1}/session", None, **sent)
    tried.ask(entering, f"{V1}/session", None, content=b" " * (MOST_BYTES + 1))
    tried.ask(entering, f"{V1}/session", None, json=right, headers={"Sec-Fetch-Site": "cross-site"})
    for _ in range(PER_ACCOUNT + 1):
        tried.ask(entering, f"{V1}/session", None, json=wrong)


def _break(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that fails in a way that nobody thought of."""

    def broken(_: object) -> None:
        raise RuntimeError("unforeseen")

    for module in ("api.web", "api.auth.service"):
        monkeypatch.setattr(f"{module}.reading", broken)
    for operation in list(tried.statuses):
        path = operation.split(" ")[1]
        body = {"name": "other", "password": "x"} if path.endswith("session") else None
        tried.ask(operation, path, "advisor", json=body)


@pytest.fixture(name="document")
def _document(tried: Tried) -> dict[str, Any]:
    return json.loads(tried.client.get(f"{V1}/openapi.json").text)


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to, or the part itself."""
    for name in part.get("$ref", "").split("/")[1:]:
        document = document[name]
    return document if "$ref" in part else part


def described(document: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Answers by operation and status."""
    return {
        f"{method.upper()} {path}": {
            status: resolved(document, answer) for status, answer in entry["responses"].items()
        }
        for path, methods in document["paths"].items()
        for method, entry in methods.items()
    }


def test_each_operation_answers_what_its_description_says(tried: Tried, document) -> None:
    """Statuses, media types and headers of every operation: all that are described were seen, and no others."""
    said = described(document)
    assert dict(tried.statuses) == {
        operation: {(status, next(iter(answer.get("content", {})), "")) for status, answer in answers.items()}
        for operation, answers in said.items()
    }
    assert dict(tried.headers) == {
        operation: {(status, name.lower()) for status, answer in answers.items() for name in answer.get("headers", {})}
        for operation, answers in said.items()
    }


@pytest.fixture(name="plain")
def _plain(world, tmp_path: Path) -> dict[str, Any]:
    """The document of an app that nobody has asked anything."""
    settings = ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/desk.db")
    return create_app(settings, world.engine).openapi()


def test_the_description_is_well_formed(plain) -> None:
    """It is OpenAPI, each reference in it leads somewhere, and nothing in it is left from the framework."""
    OpenAPI.model_validate(plain)
    text = json.dumps(plain)
    for target in set(re.findall(r'"#/([^"]+)"', text)):
        part = plain
        for name in target.split("/"):
            part = part[name]
    assert "HTTPValidationError" not in text


def test_the_description_says_how_to_sign_in(plain) -> None:
    """A token, or the session's cookie, with the form's token where something is changed; nothing to sign in itself."""
    schemes = plain["components"]["securitySchemes"]
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", COOKIE)
    assert (schemes["form_token"]["in"], schemes["form_token"]["name"]) == ("header", FORM_HEADER)
    paths = plain["paths"]
    assert paths[f"{V1}/session"]["post"]["security"] == []
    assert paths[f"{V1}/vehicles"]["get"]["security"] == [{"token": []}, {"session": []}]
    changing = [{"token": []}, {"session": [], "form_token": []}]
    assert paths[f"{V1}/vehicles/{{vehicle_id}}"]["patch"]["security"] == changing


def test_the_description_names_the_key_of_repeated_requests(plain) -> None:
    """Every POST that honours Idempotency-Key says so, those with secrets in their answers do not."""
    keyed = {
        path.removeprefix(V1)
        for path, methods in plain["paths"].items()
        for entry in methods.values()
        if any(one["name"] == "Idempotency-Key" for one in entry.get("parameters", ()))
    }
    posts = {path.removeprefix(V1) for path, methods in plain["paths"].items() if "post" in methods}
    assert keyed == posts - {"/session", "/tokens"}
