"""Every page in both languages: complete, in one language, safe with hostile names, and leading somewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.routing import Match

from api import tables
from api.auth.scope import Role, Scope
from api.auth.service import create_user
from diagnostics import tables as diagnosis
from ingest.storage import tables as stored
from ingest.storage.database import transaction
from vehicle.signals import CATALOGUE

UNSPOKEN = {"script", "style", "code", "head"}
SPOKEN_ATTRIBUTES = ("aria-label", "title", "placeholder", "alt", "data-empty")
UNITS = {row.unit.symbol for row in CATALOGUE.values()}
HOSTILE = "<script>alert('x')</script>\"'&"


@dataclass(frozen=True)
class Form:
    """A form of a page: where it is sent, and what it carries."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a page says, where it leads, and what it would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: set[str] = set()
        self.forms: list[Form] = []
        self.elements: list[str] = []
        self._silent: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes) -> None:
        known = {name: value or "" for name, value in attributes}
        self.elements.append(tag)
        if tag not in {"input", "img", "meta", "link", "br"}:
            self._open.append(tag)
            if (
                tag in UNSPOKEN
                or "mono" in known.get("class", "").split()
                or (known.get("lang") == "en" and tag != "html")
            ):
                self._silent.append(f"{len(self._open)}")
        if not self._silent:
            self.words += [known[name] for name in SPOKEN_ATTRIBUTES if known.get(name)]
        self.links |= {known[name] for name in ("href", "src", "hx-get", "data-chart", "sse-connect") if name in known}
        if tag == "form":
            self.forms.append(Form(known["action"]))
        if tag in {"input", "select", "textarea"} and "name" in known and self.forms:
            self.forms[-1].fields[known["name"]] = known.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"
        if self._silent and int(self._silent[-1]) > len(self._open):
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(data.strip())

    @property
    def said(self) -> str:
        return " ".join(self.words)


def pages_of(scene) -> dict[Role, list[str]]:
    """Addresses of every page that a role sees, in every state."""
    car = f"/vehicles/{scene.vehicle_id}"
    times = f"/appointments/{scene.proposed}/times"
    day = "/appointments?day=2026-03-02"
    staff = ["/attention", "/attention?severity=soon", "/vehicles", car, "/appointments", day, times, "/quality"]
    staff += [f"{car}?command={command}" for command in scene.requests.values()]
    staff += ["/vehicles/unknown", "/nowhere"]
    chase = ["/campaigns", f"/campaigns/{scene.campaign_id}", f"/captures/{scene.capture_id}"]
    chase += [f"{car}/captures", *(f"{car}/captures?command={command}" for command in scene.requests.values())]
    making = [*chase, "/campaigns/new", f"/campaigns/{scene.campaign_id}/change"]
    return {
        Role.ADVISOR: staff + chase,
        Role.ENGINEER: ["/attention", car, "/appointments", "/quality", *making],
        Role.OWNER: ["/me", times, "/appointments/unknown/times", "/attention"],
    }


def person(world, role: Role) -> Scope:
    """Somebody of the first shop in that role."""
    known = {Role.ADVISOR: world.here.advisor, Role.OWNER: world.here.owner}
    if role in known:
        return known[role]
    dealer_id = world.here.dealer_id
    with transaction(world.engine) as connection:
        user_id = create_user(
            connection, name=f"here-{role}", role=role, password="correct horse battery", now=datetime.now(UTC),
            dealer_id=dealer_id,
        )  # fmt: skip
    return Scope(user_id=user_id, name=f"here-{role}", role=role, dealer_id=dealer_id)


@pytest.mark.parametrize("role", [Role.ADVISOR, Role.ENGINEER, Role.OWNER])
def test_a_chinese_page_has_no_english_words(visit, scene, role: Role) -> None:
    """Besides names, VIN and units, and what is marked as a code, everything is said in Chinese."""
    browser = visit(person(scene.world, role), "zh")
    names = {
        "Roadworthy",
        "VIN",
        "dongle",
        "here",
        "A",
        "s",
        "P0128",
        "SPN 100 FMI 1",
        "http://127.0.0.1:8420/me",
        *(f"here-{one}" for one in Role),
        *UNITS,
    }
    allowed = re.compile(
        "|".join(rf"(?<![A-Za-z]){re.escape(one)}(?![A-Za-z])" for one in sorted(names, reverse=True) if one)
    )
    english = {}
    for path in pages_of(scene)[role]:
        said = Page(browser.get(path).text).said
        assert said, path
        said = re.sub(r"“[^”]*”", "", said)  # what a sentence quotes is a name
        left = re.findall(r"[A-Za-z]+", allowed.sub(" ", said))
        if left:
            english[path] = left
    assert english == {}


@pytest.mark.parametrize("role", [Role.ADVISOR, Role.ENGINEER, Role.OWNER])
def test_an_english_page_has_no_chinese_words(visit, scene, role: Role) -> None:
    """Besides the plate and the button for the other language."""
    browser = visit(person(scene.world, role), "en")
    with transaction(scene.world.engine) as connection:
        connection.execute(tables.deliveries.delete())
        connection.execute(tables.reminders.delete())  # messages stay in the language that they were sent in
    for path in pages_of(scene)[role]:
        said = Page(browser.get(path).text).said
        assert said, path
        said = said.replace("沪A·here", "").replace("中文", "")
        assert not re.search(r"[\u4e00-\u9fff]", said), path


def test_pages_show_what_they_are_for(visit, scene) -> None:
    """The scene is really on the pages that the other tests read."""
    advisor, owner = visit(scene.world.here.advisor, "zh"), visit(scene.world.here.owner, "zh")
    car = Page(advisor.get(f"/vehicles/{scene.vehicle_id}").text).said
    for words in ("更换节温器", "待确认", "已确认", "常开", "约 20 天可用", "节温器", "30%", "车速", "冷却液温度"):
        assert words in car, words
    assert "P0128" in advisor.get(f"/vehicles/{scene.vehicle_id}?command={scene.requests['done']}").text
    assert "bad_frame" not in advisor.get("/quality").text
    assert "100%" in Page(advisor.get("/quality").text).said
    mine = Page(owner.get("/me").text).said
    for words in ("请停止行驶并联系我们。", "我们为您预留了时间：", "接受", "为您预留了进店时间"):
        assert words in mine, words


@pytest.mark.parametrize("role", [Role.ADVISOR, Role.OWNER])
def test_every_link_leads_to_a_page_and_every_form_to_an_operation(app, visit, scene, role: Role) -> None:
    """A crawl from the first page: nothing that can be clicked is missing, and what a page draws is there."""
    browser = visit(person(scene.world, role))
    waiting, seen, forms = {"/", *pages_of(scene)[role][:2]}, set(), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code in {200, 303}, path
        found = Page(answer.text) if answer.headers.get("content-type", "").startswith("text/html") else None
        links = found.links if found else {answer.headers["location"]} if answer.status_code == 303 else set()
        links = {urljoin(path, link).partition("#")[0] for link in links} - {"/live"}
        assert all(not urlsplit(link).netloc for link in links)
        days = {link for link in links if link.startswith("/appointments?day=")}
        waiting |= links - seen - (days if len(seen) > 60 else set())
        forms |= {one.action for one in found.forms} if found else set()
    assert {action for action in forms if not is_operation(app, action)} == set()
    assert {"/me" if role is Role.OWNER else "/attention", f"/appointments/{scene.agreed}/times"} <= seen
    assert any("/evidence/" in path for path in seen)
    assert {"/language", "/sign-out", f"/appointments/{scene.proposed}/accept"} <= forms


def is_operation(app, action: str) -> bool:
    """Whether something takes what a form sends."""
    scope = {"type": "http", "method": "POST", "path": action, "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)


def test_what_people_type_is_never_run(visit, scene) -> None:
    """Names, plates, models, notes and messages that look like a program stand on the page as words."""
    plain = {}
    for role in (Role.ADVISOR, Role.OWNER):
        browser = visit(person(scene.world, role))
        plain[role] = {path: Page(browser.get(path).text).elements for path in pages_of(scene)[role]}
    with transaction(scene.world.engine) as connection:
        connection.execute(tables.vehicles.update().values(plate=HOSTILE, model=HOSTILE, vin=HOSTILE[:17]))
        for at, user in enumerate((scene.world.here.owner, scene.world.here.advisor)):
            mine = tables.users.c.id == user.user_id
            connection.execute(tables.users.update().where(mine).values(name=f"{HOSTILE}{at}"))
        connection.execute(tables.reminders.update().values(subject=HOSTILE, body=HOSTILE))
        connection.execute(stored.devices.update().values(name=HOSTILE))
        connection.execute(stored.commands.update().values(reason=HOSTILE))
        for table in (diagnosis.suggestions, diagnosis.findings):
            connection.execute(table.update().values(title={"en": HOSTILE, "zh": HOSTILE}, text={"en": HOSTILE}))
    for role, before in plain.items():
        browser = visit(person(scene.world, role))
        for path, elements in before.items():
            page = browser.get(path)
            assert Page(page.text).elements == elements, path
            assert "<script>alert" not in page.text
            if page.status_code == 200 and path in {"/me", "/attention", "/vehicles"}:
                assert HOSTILE in Page(page.text).said, path


def test_an_address_is_never_run_either(visit, stranger, scene) -> None:
    """What stands in the address bar stands on the page as words."""
    browser = visit(scene.world.here.advisor)
    wild = "%3Cscript%3Ealert(1)%3C/script%3E%22"
    for path in (f"/vehicles/{wild}", f"/attention?severity={wild}", f"/appointments?day={wild}", f"/{wild}"):
        assert "<script>alert" not in browser.get(path).text
    assert "<script>alert" not in stranger.get(f"/sign-in?next={wild}").text


def test_foreign_things_do_not_exist(visit, scene) -> None:
    """Another dealer's people and another owner get 404 wherever they put an id, as for one that is none."""
    car, free = scene.vehicle_id, "unknown"
    for stranger in (scene.world.there.advisor, scene.world.there.owner):
        browser = visit(stranger)
        refused = {403, 404} if stranger.role is Role.OWNER else {404}
        for path in (
            f"/vehicles/{car}", f"/vehicles/{free}", f"/vehicles/{car}?command={scene.requests['done']}",
            f"/vehicles/{car}/evidence/f1", f"/vehicles/{car}/signals", f"/appointments/{scene.proposed}/times",
            f"/vehicles/{car}/commands/{scene.requests['done']}",
        ):  # fmt: skip
            assert browser.get(path).status_code in refused, path
        for move in ("accept", "decline", "cancel", "move"):
            sent = browser.post_form(f"/appointments/{scene.proposed}/{move}", start="2026-03-04T01:00:00+00:00")
            assert sent.status_code == 404, move
        assert "沪A·here" not in browser.get("/me").text


def test_one_cars_evidence_is_not_shown_with_another(visit, scene) -> None:
    """A finding belongs to its car, also for who may see both."""
    browser = visit(scene.world.admin)
    assert browser.get("/vehicles/here-car/evidence/f1").status_code == 200
    assert browser.get("/vehicles/there-car/evidence/f1").status_code == 404


def test_times_are_those_of_the_shop(visit, scene, write, now) -> None:
    """Nine in Shanghai is nine on the advisor's page and on the owner's; moved to Tokyo, the shop is an hour later."""
    write(lambda c: c.execute(tables.appointments.update().values(start=now)))
    advisor, owner = (visit(one, "en") for one in (scene.world.here.advisor, scene.world.here.owner))
    for browser, path in ((advisor, f"/vehicles/{scene.vehicle_id}"), (owner, "/me")):
        assert "Mon 2 Mar, 09:00" in browser.get(path).text
        assert 'data-zone="Asia/Shanghai"' in browser.get(path).text
    write(lambda c: c.execute(tables.dealers.update().values(time_zone="Asia/Tokyo")))
    for browser, path in ((advisor, f"/vehicles/{scene.vehicle_id}"), (owner, "/me")):
        assert "Mon 2 Mar, 10:00" in browser.get(path).text


def test_a_day_is_a_day_of_the_shop(visit, scene, write, now) -> None:
    """What is early on Monday in Shanghai stands on Monday's page, although it is Sunday in Greenwich."""
    early = now.replace(hour=0, minute=15) - (now.replace(hour=9) - now.replace(hour=1))  # 00:15 in Shanghai
    write(lambda c: c.execute(tables.appointments.update().values(start=early, state="accepted")))
    browser = visit(scene.world.here.advisor, "en")
    assert "00:15" in browser.get("/appointments?day=2026-03-02").text
    assert "No appointments on this day." in browser.get("/appointments?day=2026-03-01").text
