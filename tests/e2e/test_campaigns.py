"""A campaign, from the console to a car's bus and back, against a log of that bus that knows nothing of it."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import can
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from api.auth import service as people
from api.auth.repository import user_by_name
from api.auth.scope import Role, Scope
from ingest import devices
from ingest.storage import campaigns
from ingest.storage.database import open_database, reading, transaction
from vehicle.obd import PIDS
from vehicle.signals import CATALOGUE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
BEFORE_S, AFTER_S = 3.0, 2.0
CLOCKS_S = 0.3
"""How far the log's time of a frame may be from the device's: both run on this machine, one of them busy."""


@dataclass
class BusLog:
    """Everything on the bus, as a second listener hears it."""

    bus: can.BusABC
    frames: list[tuple[float, int, str]] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            message = self.bus.recv(0.2)
            if message is not None:
                self.frames.append((message.timestamp, message.arbitration_id, bytes(message.data).hex().upper()))

    def readings(self, pid: int) -> list[tuple[float, float]]:
        """Time and value of each answer of the engine that holds a parameter; read without any code of the agent."""
        found, begun, size = [], b"", 0
        for at, identifier, text in self.frames:
            data = bytes.fromhex(text)
            if identifier != 0x7E8 or not data:
                continue
            kind = data[0] >> 4
            if kind == 0:
                found.append((at, data[1 : 1 + (data[0] & 15)]))
            elif kind == 1:
                size, begun = (data[0] & 15) << 8 | data[1], data[2:]
            elif kind == 2:
                begun += data[1:]
                if 0 < size <= len(begun):
                    found.append((at, begun[:size]))
                    size = 0
        return [(at, value) for at, payload in found for value in values_in(payload, pid)]


def values_in(payload: bytes, wanted: int) -> Iterator[float]:
    """Values of a parameter in an answer of service 01."""
    if payload[:1] != b"\x41":
        return
    rest = payload[1:]
    while rest:
        row = PIDS.get(rest[0])
        if row is None or len(rest) < 1 + row.length:
            return
        if rest[0] == wanted:
            path = row.fields[0].path
            yield CATALOGUE[path].value(row.decode(rest[1 : 1 + row.length])[path])
        rest = rest[1 + row.length :]


@pytest.fixture(name="bus_log")
def _bus_log(free_port) -> Iterator[tuple[str, BusLog]]:
    """The name of a bus of this machine, and a log of it."""
    port = free_port()
    bus = can.Bus(interface="udp_multicast", channel="239.74.163.2", port=port, hop_limit=0)
    log, stop = BusLog(bus), threading.Event()
    thread = threading.Thread(target=log.run, args=(stop,))
    thread.start()
    yield f"udp_multicast:239.74.163.2:{port}", log
    stop.set()
    thread.join(5)
    bus.shutdown()


@dataclass
class Desk:
    """The service desk, as an engineer's program sees it."""

    url: str
    token: str
    vehicle_id: str
    server: subprocess.Popen[bytes]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers)  # noqa: S310  to this machine
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  likewise
            text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers["Content-Type"] else text

    def captures(self, campaign_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(f"/campaigns/{campaign_id}/captures")["items"]
        return found

    def make(self, name: str, condition: str, **more: Any) -> str:
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        body = {"name": name, "condition": condition, "until": until, "target": {"vehicles": [self.vehicle_id]}}
        made: str = self.ask("/campaigns", body | more)["id"]
        return made


@pytest.fixture(name="desk")
def _desk(home, until) -> Desk:
    """A server with an engineer and a device in a vehicle."""
    server = home.serve()
    home.enrol("car")
    home.run_with(f"{PASSWORD}\n", "user", "add", "eva", "--role", "engineer", "--password-stdin")
    engine = open_database(home.database_url)
    with transaction(engine) as connection:
        row = user_by_name(connection, "eva")
        eva = Scope(user_id=row["id"], name="eva", role=Role.ENGINEER, dealer_id=row["dealer_id"])
        _, token, _ = people.make_token(connection, eva, label="test", now=datetime.now(UTC))
        vehicle_id = devices.find(connection, "car").vehicle_id
    engine.dispose()
    desk = Desk(f"http://127.0.0.1:{home.console_port}", token, vehicle_id, server)
    until(lambda: desk.ask("/vehicles")["items"], what="the vehicle to be taken into care")
    return desk


@pytest.fixture(name="page")
def _page() -> Iterator[Page]:
    """A page of Debian's Chromium without a screen."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; `make test` installs it with apt")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": 390, "height": 844}, locale="en")
        browser.close()


def set_in_console(page: Page, desk: Desk) -> str:
    """An engineer makes the campaign on a phone: first with a slip, which is shown at its place; the campaign's id."""
    page.goto(f"{desk.url}/campaigns/new")
    page.fill("#name", "eva")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.fill("#name", "Pulls away")
    page.fill("#condition", f"{SPEED} rises 5")
    expect(page.locator("#reading .wrong")).to_have_text("column 21: write `rises above`")
    page.fill("#condition", f"{SPEED} rises above 5")
    expect(page.locator("#reading .mono")).to_have_text(f"{SPEED} rises above 5")
    page.fill("#before", f"{BEFORE_S:g}")
    page.fill("#after", f"{AFTER_S:g}")
    page.fill("[name=signal-1]", SPEED)
    page.select_option("[name=rate-1]", "200")
    page.fill("[name=signal-2]", ENGINE_SPEED)
    page.select_option("[name=rate-2]", "500")
    page.check("[name=frames]")
    page.get_by_role("button", name="Start the campaign").click()
    expect(page.get_by_text("Choose at least one vehicle, model or tag.")).to_be_visible()
    page.check(f"[name='vehicle:{desk.vehicle_id}']")
    page.get_by_role("button", name="Start the campaign").click()
    expect(page.get_by_role("heading", name="Pulls away")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    return page.url.rpartition("/")[2]


def test_what_happened_and_only_that(home, desk, bus_log, page, until) -> None:
    """Set in the console; around the trigger all frames of the bus come back and no other, with the readings asked for.

    The page of the capture draws them.
    """
    bus, log = bus_log
    made = set_in_console(page, desk)
    home.start("agent", "--config", "car.toml", "--source", f"can:{bus}")
    until(lambda: desk.ask(f"/campaigns/{made}/devices")[0]["state"] == "taken", what="the device to take the campaign")
    home.start("simulate", "car", "--can", bus)
    until(lambda: desk.captures(made), what="a capture")
    capture_id = desk.captures(made)[-1]["id"]
    until(lambda: whole(desk, capture_id), what="all parts of the capture")
    capture = desk.ask(f"/captures/{capture_id}")
    trigger_s = datetime.fromisoformat(capture["triggered_at"]).timestamp()
    assert capture["fired"][SPEED] > 5
    check_frames(desk.ask(f"/captures/{capture_id}/frames.log"), log, trigger_s, capture["begin_ms"] / 1000)
    assert {one["path"] for one in capture["columns"]} == {SPEED, ENGINE_SPEED}
    for column, pid, period_s in ((SPEED, 0x0D, 0.2), (ENGINE_SPEED, 0x0C, 0.5)):
        got = next(one["points"] for one in capture["columns"] if one["path"] == column)
        assert all(capture["begin_ms"] <= at <= AFTER_S * 1000 for at, _ in got)
        got_s = [(trigger_s + at / 1000, value) for at, value in got]
        check_readings(got_s, log.readings(pid), trigger_s + capture["begin_ms"] / 1000, trigger_s + AFTER_S, period_s)
    page.goto(f"{desk.url}/campaigns/{made}")
    expect(page.get_by_text("Acknowledged")).to_be_visible()
    page.goto(f"{desk.url}/captures/{capture_id}")
    expect(page.locator("[data-drawn=yes] canvas")).to_have_count(2)


def whole(desk: Desk, capture_id: str) -> bool:
    capture = desk.ask(f"/captures/{capture_id}")
    return bool(capture["parts_held"] == capture["parts"])


def check_frames(text: str, log: BusLog, trigger_s: float, begin_s: float) -> None:
    """The frames are a run of the log without a hole, and its ends lie where the windows end."""
    got = []
    for line in text.splitlines():
        at, _, frame = line.split(" ")
        identifier, data = frame.split("#")
        got.append((float(at.strip("()")), int(identifier, 16), data))
    whole_log = [(identifier, data) for _, identifier, data in log.frames]
    frames = [(identifier, data) for _, identifier, data in got]
    assert frames
    at = next(i for i in range(len(whole_log)) if whole_log[i : i + len(frames)] == frames)
    assert all(abs(one[0] - log.frames[at + i][0]) < CLOCKS_S for i, one in enumerate(got))
    assert not at or log.frames[at - 1][0] < trigger_s + begin_s + CLOCKS_S
    after = at + len(frames)
    assert after < len(whole_log)
    assert log.frames[after][0] > trigger_s + AFTER_S - CLOCKS_S


def check_readings(got, said, begin_s: float, end_s: float, period_s: float) -> None:
    """Each reading was on the bus; and each that was on it within the windows is there, or one a moment before it."""
    for at, value in got:
        assert any(value == other and abs(at - when) < CLOCKS_S for when, other in said), (at, value)
    for when, _ in said:
        if begin_s + CLOCKS_S < when < end_s - CLOCKS_S:
            assert any(-period_s - CLOCKS_S < at - when < CLOCKS_S for at, _ in got), when


def test_a_revoked_campaign_collects_nothing_more(home, desk, bus_log, until) -> None:
    """After the device has let go of it nothing comes of it, while another with the same condition goes on."""
    bus, _ = bus_log
    more = {"signals": {SPEED: 1000}, "after_s": 0.5, "most_a_day": 1000}
    ended, going_on = (desk.make(name, f"{ENGINE_SPEED} changed", **more) for name in ("ended", "going on"))
    home.start("simulate", "car", "--can", bus)
    home.start("agent", "--config", "car.toml", "--source", f"can:{bus}")
    until(lambda: desk.captures(ended) and desk.captures(going_on), what="captures of both")
    desk.ask(f"/campaigns/{ended}/revocation", {})
    until(lambda: desk.ask(f"/campaigns/{ended}/devices")[0]["state"] == "let_go", what="the device to let go of it")
    let_go = datetime.now(UTC)
    until(lambda: taken(home), what="the device to say so")
    known = len(desk.captures(going_on))
    until(lambda: len(desk.captures(going_on)) >= known + 3, what="three more captures of the other")
    latest = max(datetime.fromisoformat(one["triggered_at"]) for one in desk.captures(ended))
    assert latest < let_go + timedelta(seconds=5)
    count = len(desk.captures(ended))
    until(lambda: len(desk.captures(going_on)) >= known + 6, what="three more captures of the other")
    assert len(desk.captures(ended)) == count


def test_it_holds_offline_and_after_a_kill(home, desk, bus_log, until) -> None:
    """Agent and server torn away; the agent comes back alone, triggers, and delivers when the server is there again."""
    bus, _ = bus_log
    more = {"signals": {SPEED: 1000}, "before_s": 1, "after_s": 1}
    made = desk.make("alone", f"{ENGINE_SPEED} > 0 for 2 s", **more)
    agent = home.start("agent", "--config", "car.toml", "--source", f"can:{bus}")
    until(lambda: desk.ask(f"/campaigns/{made}/devices")[0]["state"] == "taken", what="the device to take the campaign")
    home.kill(agent)
    home.kill(desk.server)
    home.start("simulate", "car", "--can", bus)
    home.start("agent", "--config", "car.toml", "--source", f"can:{bus}")
    (book,) = home.folder.glob("*.campaigns.json")
    until(lambda: kept_alone(book, made), what="a capture to be kept")
    home.serve()
    until(lambda: desk.captures(made), what="the capture to arrive")
    (capture,) = desk.captures(made)
    assert capture["fired"][ENGINE_SPEED] > 0
    assert [one["path"] for one in desk.ask(f"/captures/{capture['id']}")["columns"]] == [SPEED]


def kept_alone(book: Path, campaign_id: str) -> bool:
    """Whether the agent has noted on disk that it sent, or will send, a capture."""
    used = json.loads(book.read_text())["used"]
    return campaign_id in used and used[campaign_id]["size"] > 0


def test_recording_on_request(home, desk, bus_log, until) -> None:
    """Two seconds of the bus, asked for by an engineer, are there a moment after the answer, and are the bus's."""
    bus, log = bus_log
    home.start("simulate", "car", "--can", bus)
    home.start("agent", "--config", "car.toml", "--source", f"can:{bus}")
    car = f"/vehicles/{desk.vehicle_id}"
    until(lambda: len(log.frames) > 50, what="the agent to speak with the car")
    asked = desk.ask(f"{car}/recordings", {"seconds": 2, "frames": True, "signals": {SPEED: 500}})
    until(lambda: desk.ask(f"{car}/commands/{asked['id']}")["status"] == "done", what="the answer")
    until(lambda: desk.ask(f"{car}/captures"), what="the capture")
    (capture,) = desk.ask(f"{car}/captures")
    assert capture["campaign_id"] == f"record-{asked['id']}"
    assert (capture["begin_ms"], capture["end_ms"]) == (0, 2000)
    lines = desk.ask(f"/captures/{capture['id']}/frames.log").splitlines()
    assert lines
    known = {f"{identifier:03X}#{data}" for _, identifier, data in log.frames}
    assert {line.split(" ")[2] for line in lines} <= known
    assert "," in desk.ask(f"/captures/{capture['id']}/rows.csv").splitlines()[1]


def taken(home) -> bool:
    """Whether every device has what it was told last."""
    engine = open_database(home.database_url)
    try:
        with reading(engine) as connection:
            ids = [device.id for device in devices.list_devices(connection)]
            return all(one.taken for one in campaigns.configs_of(connection, ids).values())
    finally:
        engine.dispose()
