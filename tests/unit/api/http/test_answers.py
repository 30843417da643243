"""The REST interface: problems, headers, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api import tables
from api.app import create_app
from api.problems import BASE

if TYPE_CHECKING:
    from pathlib import Path

from tests.unit.api.http.given import V1, count, settings_for


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


def test_secrets_are_not_kept_for_repetition(client, world, password) -> None:
    """Sign-ins and new tokens leave no row with their answer or a hash of their body."""
    key = {"Idempotency-Key": "k1"}
    me = client.post(f"{V1}/session", json={"name": "here-advisor", "password": password}, headers=key).json()
    key["X-Form-Token"] = me["form_token"]
    assert client.post(f"{V1}/tokens", json={"label": "x"}, headers=key).status_code == 201
    assert count(world, tables.idempotency) == 0
