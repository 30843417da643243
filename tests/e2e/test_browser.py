"""The console and the owner's page in a real Chromium, over a real server and database."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from diagnostics import repository as diagnosis
from diagnostics.findings import (
    Component,
    ComponentHealth,
    Evidence,
    Finding,
    Severity,
    Suggestion,
    SuggestionState,
)
from ingest import devices
from ingest.storage.database import open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PASSWORD = "correct horse battery"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 860}


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    """Debian's Chromium without a screen."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; `make test` installs it with apt")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(name="desk")
def _desk(home):
    """A server with an advisor, an owner, and a car whose thermostat is stuck open."""
    home.serve()
    home.run("device", "add", "car", "--out", "agent.toml")
    for name, role, more in (("ann", "advisor", ()), ("otto", "owner", ("--vehicle", "car"))):
        home.run_with(f"{PASSWORD}\n", "user", "add", name, "--role", role, "--password-stdin", *more)
    engine = open_database(home.database_url)
    with transaction(engine) as connection:
        vehicle_id = devices.find(connection, "car").vehicle_id
        tell(connection, vehicle_id)
    url = f"http://127.0.0.1:{home.console_port}"
    return url, vehicle_id


def tell(connection, vehicle_id: str) -> None:
    """What diagnostics would have found."""
    now = datetime.now(UTC)
    at = int(now.timestamp() * 1000)
    points = tuple((at - (10 - day) * 86_400_000, -2.0 * day) for day in range(10))
    evidence = Evidence(
        feature="warm_up_residual", unit="°C", label={"en": "Warm-up, against the model", "zh": "暖机偏差"},
        points=points, expectation=0.0, threshold=-10.0, window=(points[0][0], at), signals=("Vehicle.Speed",),
    )  # fmt: skip
    finding = Finding(
        id="f1", vehicle_id=vehicle_id, detector="thermostat", cause="stuck_open", component=Component.THERMOSTAT,
        severity=Severity.SOON, confidence=0.9, since=now - timedelta(days=3), found_at=now, cleared_at=None,
        evidence=evidence, title={"en": "Thermostat stays open", "zh": "节温器常开"},
        text={"en": "The engine runs too cold.", "zh": "发动机温度过低。"}, job="replace_thermostat",
    )  # fmt: skip
    diagnosis.save_finding(connection, finding)
    advice = Suggestion(
        id="s1", vehicle_id=vehicle_id, component=Component.THERMOSTAT, job="replace_thermostat",
        severity=Severity.SOON, confidence=0.9, state=SuggestionState.OPEN, created_at=now, due_by=None,
        title=finding.title, text=finding.text, finding_ids=("f1",),
    )  # fmt: skip
    diagnosis.save_suggestion(connection, advice, at=now)
    health = ComponentHealth(
        vehicle_id=vehicle_id, component=Component.THERMOSTAT, health=0.3, rul_days=None, updated_at=now,
        basis={"en": "warm-ups", "zh": "暖机"},
    )  # fmt: skip
    diagnosis.save_health(connection, [health])


class Visit:
    """A person in a browser of their own; remembers what went wrong behind the page."""

    def __init__(self, browser: Browser, url: str, size: dict[str, int], locale: str = "en") -> None:
        self.context = browser.new_context(viewport=size, locale=locale)
        self.page: Page = self.context.new_page()
        self.url = url
        self.problems: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "request", lambda request: request.url.startswith((url, "data:")) or self.problems.append(request.url)
        )

    def sign_in(self, name: str) -> Page:
        self.page.goto(f"{self.url}/")
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".who")).to_have_text(name)
        return self.page


def test_advisor_sees_attention_evidence_and_language(browser, desk) -> None:
    """Sign in, worst first, evidence drawn, Chinese with one click; nothing fails and nothing leaves the machine."""
    url, vehicle_id = desk
    visit = Visit(browser, url, DESKTOP)
    page = visit.sign_in("ann")
    expect(page.get_by_role("heading", name="What needs attention now")).to_be_visible()
    expect(page.get_by_text("Thermostat stays open").first).to_be_visible()
    expect(page.get_by_text("Proposed").first).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Evidence").click()
    expect(page).to_have_url(f"{url}/vehicles/{vehicle_id}")
    expect(page.locator("[data-drawn=yes] canvas").first).to_be_visible()
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="节温器常开").first).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert visit.problems == []


def test_owner_accepts_on_a_phone(browser, desk) -> None:
    """The owner accepts the proposal with a thumb; the advisor's page shows it without a reload."""
    url, _ = desk
    advisor = Visit(browser, url, DESKTOP)
    advisor.sign_in("ann")
    advisor.page.goto(f"{url}/appointments")
    owner = Visit(browser, url, PHONE)
    page = owner.sign_in("otto")
    expect(page.get_by_text("Something should be looked at.")).to_be_visible()
    page.reload()
    accept = page.get_by_role("button", name="Accept")
    expect(accept).to_be_visible(timeout=15_000)
    box = accept.bounding_box()
    assert box is not None
    assert box["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    accept.click()
    expect(page.get_by_text("Agreed")).to_be_visible()
    expect(advisor.page.get_by_text("Every proposal has an answer.")).to_be_visible(timeout=15_000)
    assert owner.problems == advisor.problems == []


def test_owner_chooses_another_time_then_cancels(browser, desk) -> None:
    """Any free time can be chosen; an agreed appointment can be cancelled."""
    url, _ = desk
    visit = Visit(browser, url, PHONE)
    page = visit.sign_in("otto")
    expect(page.get_by_text("Something should be looked at.")).to_be_visible()
    wait_for_proposal(page)
    page.get_by_role("link", name="Other time").click()
    chosen = page.locator(".times button").nth(3)
    words = chosen.inner_text()
    chosen.click()
    expect(page.get_by_text(words)).to_be_visible()
    page.get_by_role("button", name="Cancel appointment").click()
    expect(page.get_by_text("Agreed")).to_have_count(0)
    assert visit.problems == []


def test_reading_codes_from_an_offline_car_says_so(browser, desk) -> None:
    """A request to a car that is not there ends with a clear word, on the page, without a reload."""
    url, vehicle_id = desk
    visit = Visit(browser, url, DESKTOP)
    page = visit.sign_in("ann")
    expect(page.get_by_role("heading", name="What needs attention now")).to_be_visible()
    page.goto(f"{url}/vehicles/{vehicle_id}")
    page.get_by_role("button", name="Read codes now").click()
    expect(page.get_by_text("Asking the device")).to_be_visible()
    assert visit.problems == []


def test_strangers_and_keyboards(browser, desk) -> None:
    """Without signing in every page leads to the form; the first tab stop skips to the content."""
    url, vehicle_id = desk
    visit = Visit(browser, url, DESKTOP)
    visit.page.goto(f"{url}/vehicles/{vehicle_id}")
    expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()
    page = visit.sign_in("ann")
    expect(page.get_by_role("heading", name="What needs attention now")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def wait_for_proposal(page: Page) -> None:
    for _ in range(30):
        if page.get_by_role("link", name="Other time").count() > 0:
            return
        page.wait_for_timeout(500)
        page.reload()
    pytest.fail("no proposal appeared on the owner's page")
