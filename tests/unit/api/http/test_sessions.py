"""The REST interface: signing in and out, sessions, and who cannot use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api import tables
from api.app import create_app
from api.auth import service as people
from api.problems import BASE
from api.web import COOKIE
from ingest.storage.database import reading

if TYPE_CHECKING:
    from pathlib import Path

from tests.unit.api.http.given import V1, count, propose, settings_for, sign_in


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
