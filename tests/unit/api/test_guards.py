"""What stands outside of the app: how much of a request is read, and which methods there are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import service as people
from api.bodies import MOST_BYTES
from api.errors import RouteError
from api.problems import BASE
from api.routes import IdempotentRoute
from api.settings import ApiSettings
from api.web import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

V1 = "/api/v1"


@pytest.fixture(name="app")
def _app(world, tmp_path: Path):
    return create_app(ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/desk.db"), world.engine)


@pytest.fixture(name="client")
def _client(app) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


@pytest.fixture(name="headers")
def _headers(world, write) -> dict[str, str]:
    """Of the advisor, with a token."""
    _, secret, _ = write(people.make_token, world.here.advisor, label="test", now=now())
    return {"Authorization": f"Bearer {secret}"}


async def send(app: Any, pieces: Iterator[bytes], path: str = f"{V1}/session", **more: str) -> tuple[list[Any], int]:
    """Posts a body in pieces, without saying its length; the answer's messages, and how many pieces were taken."""
    taken, answer = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        body = next(pieces, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    async def keep(message: Any) -> None:
        answer.append(message)

    given = {"content-type": "application/json", **more}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8420), "headers": [(name.encode(), text.encode()) for name, text in given.items()],
    }  # fmt: skip
    await app(scope, receive, keep)
    return answer, taken


@pytest.mark.parametrize("path", [f"{V1}/session", "/sign-in", f"{V1}/nowhere", "/healthz"])
def test_a_body_whose_length_is_too_large_is_refused(client, path: str) -> None:
    """What says that it is larger than anything that the desk needs is not read, whoever sends it."""
    answer = client.post(path, content=b" " * (MOST_BYTES + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["type"] == f"{BASE}body-too-large"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("more", [{}, {"Idempotency-Key": "k"}, {"Content-Length": "12"}])
def test_a_body_that_goes_on_is_read_no_further(app, more: dict[str, str]) -> None:
    """A body without its length, or with a false one, is counted: no more of it is taken than it may have."""
    piece = b" " * 65536
    answer, taken = asyncio.run(send(app, iter([piece] * 1000), f"{V1}/appointments", **more))
    assert [message["type"] for message in answer] == ["http.response.start", "http.response.body"]
    assert answer[0]["status"] == 413
    assert taken == MOST_BYTES // len(piece) + 1


def test_a_form_that_goes_on_is_read_no_further(app) -> None:
    """The same for what browsers send."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer, taken = asyncio.run(send(app, iter([b"a" * 65536] * 1000), "/sign-in", **kind))
    assert (answer[0]["status"], taken) == (413, 17)


def test_a_body_of_the_largest_size_is_read(client) -> None:
    """The bound itself is allowed; that the body fits nothing is told as ever."""
    answer = client.post(
        f"{V1}/session", content=b" " * (MOST_BYTES - 2) + b"{}", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/sign-in", f"{V1}/vehicles", f"{V1}/openapi.json", "/static/icon.svg"]
)
def test_head_tells_the_headers_of_get(client, headers, path: str) -> None:
    """Whoever only wants to know whether something is there gets all of the answer but its body."""
    got, asked = client.get(path, headers=headers), client.head(path, headers=headers)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]
    assert asked.headers["content-length"] == str(len(got.content))


def test_head_of_a_stream_ends(client, headers) -> None:
    """Nobody is told of changes where no body is sent."""
    assert client.head(f"{V1}/stream", headers=headers).headers["content-type"].startswith("text/event-stream")


def test_head_is_allowed_to_those_who_may_get(client) -> None:
    """HEAD opens nothing that GET does not."""
    assert client.head(f"{V1}/vehicles").status_code == 401
    assert client.head("/attention", headers={"Accept": "text/html"}, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{V1}/vehicles/here-car", "GET, HEAD, PATCH"),
        ("PUT", f"{V1}/session", "DELETE, POST"),
        ("HEAD", f"{V1}/session", "DELETE, POST"),
        ("PUT", f"{V1}/tokens", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("PUT", "/sign-in", "GET, HEAD, POST"),
    ],
)
def test_what_is_not_allowed_says_what_is(client, method: str, path: str, allowed: str) -> None:
    """Allow names all methods of the address, of whichever route."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_a_post_that_takes_a_key_needs_a_transaction() -> None:
    """Its answer could not be kept with its effect: such a route is refused when it is made, not when it is used."""
    router = APIRouter(route_class=IdempotentRoute)
    with pytest.raises(RouteError, match="takes an Idempotency-Key"):
        router.post("/things")(lambda: None)
    router.get("/things")(lambda: None)
