"""Errors in the words of who reads them: over REST by what is asked for, on pages by whose page it is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api.appointments import service as booking
from api.auth import service as people
from api.errors import SlotTakenError
from api.problems import told
from ingest.storage.database import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx2 import Response

V1 = "/api/v1"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(name="rest")
def _rest(app, world, write, now) -> Callable[..., Response]:
    """Asks the API as the first shop's advisor, in a language."""
    _, secret, _ = write(people.make_token, world.here.advisor, label="test", now=now)
    client = TestClient(app, raise_server_exceptions=False)

    def ask(method: str, path: str, spoken: str, **more: object) -> Response:
        headers = {"Authorization": f"Bearer {secret}", "Accept-Language": spoken}
        return client.request(method, V1 + path, headers=headers, **more)

    return ask


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/vehicles/unknown", None),
        ("GET", "/nothing-here", None),
        ("PUT", "/vehicles", None),
        ("GET", "/users", None),
        ("GET", "/vehicles?limit=0", None),
        ("GET", "/vehicles?limit=many", None),
        ("GET", "/vehicles?cursor=nonsense", None),
        ("GET", "/appointments?from=2026-01-01T00:00:00", None),
        ("GET", "/appointments?state=nonsense", None),
        ("GET", "/vehicles/here-car/history?signal=Vehicle.Nonsense", None),
        ("POST", "/vehicles/here-car/commands", {"name": "read_dtcs"}),
        ("PATCH", "/vehicles/here-car", {"vin": "short"}),
        ("POST", "/tokens", {"label": ""}),
        ("POST", "/tokens", {"label": "x" * 200}),
        ("POST", "/tokens", {"label": 7}),
        ("POST", "/tokens", {}),
        ("POST", "/tokens", []),
        ("POST", "/appointments/unknown/decline", None),
    ],
)
def test_a_chinese_program_reads_chinese(rest, method: str, path: str, body: object) -> None:
    """Title, detail and what does not fit; name and status are the same in every language."""
    sent = {} if body is None else {"json": body}
    english, chinese = (rest(method, path, spoken, **sent) for spoken in ("en", "zh-CN,zh;q=0.9,en;q=0.5"))
    assert english.status_code == chinese.status_code >= 400
    assert english.json()["type"] == chinese.json()["type"]
    assert (english.headers["Content-Language"], chinese.headers["Content-Language"]) == ("en", "zh")
    told_so = [chinese.json()[name] for name in ("title", "detail")]
    told_so += [one["problem"] for one in chinese.json().get("errors", ())]
    assert all(CHINESE.search(text) for text in told_so), told_so
    assert not CHINESE.search(english.text)


def test_a_fault_of_ours_is_told_in_chinese_too(rest, monkeypatch) -> None:
    """Also what nobody foresaw has words, and tells nothing of our insides."""
    monkeypatch.setattr("api.vehicles.repository.list_vehicles", None)
    answer = rest("GET", "/vehicles", "zh")
    assert (answer.status_code, answer.json()["title"]) == (500, "内部错误")
    assert "NoneType" not in answer.text


def test_times_in_a_refusal_are_written_as_the_reader_wants(now) -> None:
    """Programs read ISO 8601, people what their page makes of it."""
    error = SlotTakenError(now)
    assert now.isoformat() in told(error, "en").detail
    assert told(error, "zh", lambda _: "明早").detail == "明早 刚刚被占用，请选择其他时间"


def test_words_inside_a_sentence_are_translated(visit, scene, write, now) -> None:
    """State and move of what is not possible are told as the pages call them."""
    write(booking.decline, scene.world.here.owner, scene.proposed, now=now)
    page = visit(scene.world.here.owner, "zh").post_form(f"/appointments/{scene.proposed}/accept")
    assert page.status_code == 409
    assert "该预约的状态是“已谢绝”，现在不能接受。" in page.text


def test_an_error_page_is_in_the_persons_own_language(visit, world, write) -> None:
    """A Chinese owner without a cookie, in an English browser, reads Chinese; the page keeps the way out."""
    write(lambda connection: people.repository.set_language(connection, world.here.owner.user_id, "zh"))
    page = visit(world.here.owner).get("/appointments/unknown/times", headers={"Accept-Language": "en"})
    assert page.status_code == 404
    assert "这里没有预约“unknown”。" in page.text
    assert "/sign-out" in page.text
    refused = visit(world.here.owner).get("/attention", headers={"Accept-Language": "en"})
    assert (refused.status_code, "车主无权执行此操作。" in refused.text) == (403, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/appointments?day=nonsense", 422),
        ("/appointments?day=0001-01-01", 422),
        ("/appointments?day=9999-12-31", 422),
        ("/vehicles/unknown", 404),
        ("/vehicles/here-car/evidence/unknown", 404),
        ("/vehicles/here-car?command=unknown", 404),
        ("/nowhere", 404),
        ("/sign-out", 405),
    ],
)
@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_people_get_pages_for_errors(visit, world, path: str, status: int, spoken: str) -> None:
    """Whatever a person mistypes, a page says so in their language."""
    page = visit(world.here.advisor, spoken).get(path)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert f'lang="{"zh-CN" if spoken == "zh" else "en"}"' in page.text


def test_a_fault_is_a_page_without_our_insides(app, visit, world, monkeypatch) -> None:
    """A person reads that it was us; the error itself is in the log."""
    monkeypatch.setattr("api.console.overview.attention", None)
    signed_in = visit(world.here.advisor, "zh")
    with TestClient(app, raise_server_exceptions=False, cookies=signed_in.cookies) as browser:
        page = browser.get("/attention", headers={"Accept": "text/html"})
    assert page.status_code == 500
    assert "服务内部出错，已记录。" in page.text
    assert "NoneType" not in page.text


def test_a_part_of_a_page_leads_the_whole_page_on(visit, stranger, scene) -> None:
    """Nothing is shown of a part that failed: an ended session leads to the sign-in, an old form to a fresh page."""
    part = {"HX-Request": "true"}
    path = f"/vehicles/{scene.vehicle_id}/read-codes"
    assert stranger.post(path, headers=part).headers["HX-Redirect"] == "/sign-in"
    answer = visit(scene.world.here.advisor).post(path, data={"form_token": "old"}, headers=part)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (403, "true")


def test_a_refused_time_leaves_everything_as_it_was(visit, scene, now) -> None:
    """The page that says so is an answer like others, but what was half done is undone."""
    browser = visit(scene.world.here.owner)
    past = (now - timedelta(days=1)).isoformat()
    assert browser.post_form(f"/appointments/{scene.proposed}/move", start=past).status_code == 422
    with transaction(scene.world.engine) as connection:
        found = booking.repository.appointment(connection, scene.world.admin, scene.proposed)
    assert found.state == "proposed"
