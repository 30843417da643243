"""Who may do what with whose objects: every operation of the desk, in every role, on own and foreign objects.

The table below says it again, apart from :mod:`api.policy`, so that neither can be changed alone. An operation that is
not in the table fails the suite.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api import policy, tables, web
from api.app import create_app
from api.appointments import repository as appointments
from api.appointments import service as booking
from api.auth import service as people
from api.auth.scope import Role, Scope
from api.campaigns import service as campaigns
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.dealers import repository as dealers
from api.listening import operations
from api.settings import ApiSettings
from api.vehicles import service as vehicles
from diagnostics import repository as advice
from diagnostics import tables as diagnosis
from diagnostics.findings import Component, Evidence, Finding, Severity, Suggestion, SuggestionState
from ingest.devices import enrol
from ingest.storage.database import migrate, open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

V1 = "/api/v1"
PASSWORD = "correct horse battery"
NOBODY: frozenset[Role] = frozenset()
EVERYONE = frozenset({Role.OWNER, Role.ADVISOR, Role.MANAGER, Role.ENGINEER, Role.ADMIN})
SHOP = EVERYONE - {Role.OWNER}
DESK = SHOP - {Role.ENGINEER}
DECIDE = DESK | {Role.OWNER}
MAKERS = frozenset({Role.ENGINEER, Role.ADMIN})
TEXT = {"en": "Words", "zh": "字"}


@dataclass(frozen=True)
class Car:
    """A vehicle with everything that hangs on it, and who keeps it."""

    vehicle_id: str
    dealer: str
    owner: str
    booked: str
    free: str
    proposed: str
    agreed: str
    command_id: str
    finding_id: str
    other_time: str
    campaign_id: str
    capture_id: str

    def ids(self) -> set[str]:
        """Everything by which an answer could give this car away."""
        return {
            self.vehicle_id,
            self.booked,
            self.free,
            self.proposed,
            self.agreed,
            self.command_id,
            self.finding_id,
            self.campaign_id,
            self.capture_id,
        }


@dataclass(frozen=True)
class Cell:
    """What one operation asks and answers: the roles that may do it, and how it is done to a car."""

    roles: frozenset[Role]
    status: int = 200
    body: Callable[[Car], dict[str, Any]] | None = None
    form: Callable[[Car], dict[str, Any]] | None = None
    query: str = ""
    suggestion: str = "free"
    appointment: str = "proposed"
    shows: str = ""
    """Name of the car's id that the answer must hold for who may see it (lists)."""
    led_on: frozenset[Role] = NOBODY
    """Roles that are led to a page of their own."""


def start(car: Car) -> dict[str, Any]:
    """Body with another time."""
    return {"start": car.other_time}


def plan(car: Car) -> dict[str, Any]:
    """Body of a campaign for the car."""
    return {
        "name": "x", "condition": "Vehicle.Speed > 80", "signals": {"Vehicle.Speed": 1000}, "before_s": 5,
        "until": car.other_time, "target": {"vehicles": [car.vehicle_id]},
    }  # fmt: skip


def plan_form(car: Car) -> dict[str, Any]:
    """The same as the console's form."""
    return {
        "name": "x", "condition": "Vehicle.Speed > 80", "signal-1": "Vehicle.Speed", "rate-1": "1000", "before": "5",
        "after": "0", "most": "5", "megabytes": "1", "until": car.other_time[:10], f"vehicle:{car.vehicle_id}": "on",
    }  # fmt: skip


API: dict[str, Cell] = {
    "DELETE /session": Cell(EVERYONE, 204),
    "GET /me": Cell(EVERYONE),
    "GET /tokens": Cell(EVERYONE),
    "GET /users": Cell(frozenset({Role.MANAGER, Role.ADMIN})),
    "GET /vehicles": Cell(EVERYONE, shows="vehicle_id"),
    "GET /vehicles/{vehicle_id}": Cell(EVERYONE),
    "PATCH /vehicles/{vehicle_id}": Cell(DESK, body=lambda _: {"plate": "new"}),
    "GET /vehicles/{vehicle_id}/health": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/history": Cell(EVERYONE, query="?signal=Vehicle.Speed"),
    "GET /vehicles/{vehicle_id}/codes": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/findings": Cell(EVERYONE, shows="finding_id"),
    "GET /vehicles/{vehicle_id}/maintenance": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/maintenance": Cell(DESK, 201, body=lambda _: {"item": "brake_fluid"}),
    "GET /vehicles/{vehicle_id}/measurements": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/measurements": Cell(DESK, 201, body=lambda _: {"name": "tread_mm", "value": 4.5}),
    "POST /vehicles/{vehicle_id}/commands": Cell(SHOP, 202, body=lambda _: {"name": "read_dtcs"}),
    "GET /vehicles/{vehicle_id}/commands/{command_id}": Cell(SHOP, shows="command_id"),
    "GET /suggestions": Cell(EVERYONE, shows="free"),
    "GET /suggestions/{suggestion_id}": Cell(EVERYONE),
    "POST /suggestions/{suggestion_id}/dismissal": Cell(SHOP, body=lambda _: {"why": "sold"}),
    "POST /suggestions/{suggestion_id}/outcome": Cell(SHOP, body=lambda _: {"outcome": "confirmed"}),
    "GET /detectors": Cell(SHOP),
    "GET /causes": Cell(SHOP),
    "GET /appointments": Cell(EVERYONE, shows="proposed"),
    "POST /appointments": Cell(DESK, 201, body=lambda car: {"suggestion_id": car.free}),
    "GET /appointments/{appointment_id}": Cell(EVERYONE),
    "GET /appointments/{appointment_id}/free-times": Cell(DECIDE),
    "GET /appointments/{appointment_id}/calendar.ics": Cell(EVERYONE),
    "POST /appointments/{appointment_id}/acceptance": Cell(DECIDE, body=lambda _: {}),
    "POST /appointments/{appointment_id}/move": Cell(DECIDE, body=start),
    "POST /appointments/{appointment_id}/decline": Cell(DECIDE),
    "POST /appointments/{appointment_id}/cancellation": Cell(DECIDE, appointment="agreed"),
    "POST /appointments/{appointment_id}/completion": Cell(DESK, appointment="agreed"),
    "GET /reminders": Cell(EVERYONE, shows="proposed"),
    "GET /campaigns": Cell(SHOP, shows="campaign_id"),
    "POST /campaigns": Cell(MAKERS, 201, body=plan),
    "POST /campaigns/condition": Cell(MAKERS, body=lambda _: {"condition": "always"}),
    "GET /campaigns/{campaign_id}": Cell(SHOP),
    "POST /campaigns/{campaign_id}/versions": Cell(MAKERS, 201, body=plan),
    "POST /campaigns/{campaign_id}/revocation": Cell(MAKERS),
    "GET /campaigns/{campaign_id}/devices": Cell(SHOP, shows="vehicle_id"),
    "GET /campaigns/{campaign_id}/captures": Cell(SHOP, shows="capture_id"),
    "POST /vehicles/{vehicle_id}/recordings": Cell(
        MAKERS, 202, body=lambda _: {"seconds": 5, "signals": {"Vehicle.Speed": 1000}}
    ),
    "GET /vehicles/{vehicle_id}/captures": Cell(SHOP, shows="capture_id"),
    "GET /captures/{capture_id}": Cell(SHOP),
    "GET /captures/{capture_id}/rows.csv": Cell(SHOP),
    "GET /captures/{capture_id}/frames.log": Cell(SHOP),
    "GET /ingest/dead-letters": Cell(frozenset({Role.ENGINEER, Role.ADMIN})),
    "GET /stream": Cell(EVERYONE),
}
PAGES: dict[str, Cell] = {
    "POST /sign-out": Cell(EVERYONE, 303),
    "GET /attention": Cell(SHOP, shows="vehicle_id"),
    "GET /vehicles": Cell(SHOP, shows="vehicle_id"),
    "GET /vehicles/{vehicle_id}": Cell(SHOP, shows="free"),
    "GET /vehicles/{vehicle_id}/evidence/{finding_id}": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/signals": Cell(EVERYONE, query="?path=Vehicle.Speed"),
    "GET /vehicles/{vehicle_id}/device": Cell(SHOP),
    "POST /vehicles/{vehicle_id}/positions": Cell(frozenset({Role.OWNER}), 303, form=lambda _: {"allow": "yes"}),
    "POST /vehicles/{vehicle_id}/measure": Cell(DESK, 303, form=lambda _: {"name": "tread_mm", "value": "4.5"}),
    "GET /vehicles/{vehicle_id}/maintenance": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/maintenance": Cell(DESK, 303, form=lambda _: {"item": "brake_fluid"}),
    "POST /vehicles/{vehicle_id}/identity": Cell(DESK, 303, form=lambda _: {"powertrain": "diesel"}),
    "POST /vehicles/{vehicle_id}/read-codes": Cell(SHOP, 303),
    "POST /vehicles/{vehicle_id}/ask": Cell(SHOP, 303, form=lambda _: {"name": "read_vin"}),
    "POST /vehicles/{vehicle_id}/clearing": Cell(frozenset({Role.OWNER}), 303, form=lambda _: {"allow": "no"}),
    "POST /vehicles/{vehicle_id}/clear-codes": Cell(frozenset({Role.ADVISOR, Role.MANAGER}), 409),
    "POST /vehicles/{vehicle_id}/listen-only": Cell(SHOP, 303),
    "POST /vehicles/{vehicle_id}/ask-again": Cell(SHOP, 303),
    "GET /vehicles/{vehicle_id}/commands/{command_id}": Cell(SHOP, shows="command_id"),
    "POST /suggestions/{suggestion_id}/dismiss": Cell(SHOP, 303, form=lambda _: {"why": "sold"}),
    "POST /suggestions/{suggestion_id}/outcome": Cell(SHOP, 303, form=lambda _: {"outcome": "confirmed"}),
    "POST /suggestions/{suggestion_id}/propose": Cell(DESK, 303),
    "GET /appointments": Cell(SHOP, shows="vehicle_id"),
    "GET /appointments/{appointment_id}/times": Cell(DECIDE, shows="proposed"),
    "POST /appointments/{appointment_id}/accept": Cell(DECIDE, 303),
    "POST /appointments/{appointment_id}/move": Cell(DECIDE, 303, form=start),
    "POST /appointments/{appointment_id}/decline": Cell(DECIDE, 303),
    "POST /appointments/{appointment_id}/cancel": Cell(DECIDE, 303, appointment="agreed"),
    "POST /appointments/{appointment_id}/finish": Cell(DESK, 303, appointment="agreed"),
    "GET /campaigns": Cell(SHOP, shows="campaign_id"),
    "GET /campaigns/new": Cell(MAKERS),
    "POST /campaigns": Cell(MAKERS, 303, form=plan_form),
    "POST /campaigns/check": Cell(MAKERS, form=lambda _: {"condition": "always"}),
    "GET /campaigns/{campaign_id}": Cell(SHOP, shows="capture_id"),
    "GET /campaigns/{campaign_id}/change": Cell(MAKERS),
    "POST /campaigns/{campaign_id}/change": Cell(MAKERS, 303, form=plan_form),
    "POST /campaigns/{campaign_id}/revoke": Cell(MAKERS, 303),
    "GET /vehicles/{vehicle_id}/captures": Cell(SHOP, shows="capture_id"),
    "POST /vehicles/{vehicle_id}/record": Cell(MAKERS, 303, form=lambda _: {"seconds": "5", "frames": "on"}),
    "GET /captures/{capture_id}": Cell(SHOP, shows="campaign_id"),
    "GET /captures/{capture_id}/chart": Cell(SHOP, query="?signal=Vehicle.Speed"),
    "GET /me": Cell(EVERYONE, shows="proposed", led_on=SHOP),
    "GET /quality": Cell(SHOP),
    "GET /live": Cell(EVERYONE),
}
CELLS = {operation.replace(" ", f" {V1}", 1): cell for operation, cell in API.items()} | PAGES
PERSONAL = f"DELETE {V1}/tokens/{{token_id}}"
"""Tried apart: a token is nobody's but one's own, not even an administrator's."""
MAKING = f"POST {V1}/tokens"
"""Tried apart: for everyone, but with a session only."""


@dataclass
class World:
    """The app with two dealers, three owners and their cars."""

    app: Any
    client: TestClient
    engine: sa.Engine
    cars: dict[str, Car]
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    user_ids: dict[str, str] = field(default_factory=dict)
    token_ids: dict[str, str] = field(default_factory=dict)

    def visible(self, role: Role) -> dict[str, Car]:
        """The cars that a person of the first dealer, or its first owner, may see."""
        if role is Role.ADMIN:
            return self.cars
        if role is Role.OWNER:
            return {name: car for name, car in self.cars.items() if car.owner == "ann"}
        return {name: car for name, car in self.cars.items() if car.dealer == "here"}

    def hidden_ids(self, role: Role) -> set[str]:
        """Ids that no answer to such a person may hold."""
        seen = self.visible(role)
        return set().union(*(car.ids() for name, car in self.cars.items() if name not in seen))

    def request(self, operation: str, cell: Cell, car: Car, headers: dict[str, str]) -> Any:
        """Does the operation to the car."""
        method, template = operation.split(" ")
        path = template.format(
            vehicle_id=car.vehicle_id, command_id=car.command_id, finding_id=car.finding_id,
            suggestion_id=getattr(car, cell.suggestion), appointment_id=getattr(car, cell.appointment),
            campaign_id=car.campaign_id, capture_id=car.capture_id,
        )  # fmt: skip
        body, form = cell.body(car) if cell.body else None, cell.form(car) if cell.form else None
        return self.client.request(method, path + cell.query, json=body, data=form, headers=headers)

    def content(self) -> dict[str, list[str]]:
        """All rows of the desk and of diagnostics."""
        every = (*tables.metadata.sorted_tables, *diagnosis.metadata.sorted_tables)
        with self.engine.connect() as connection:
            return {table.name: sorted(map(str, connection.execute(sa.select(table)))) for table in every}


@contextmanager
def rolled_back(engine: sa.Engine) -> Iterator[sa.Connection]:
    """In place of a request's transaction: takes its effect back, so that each cell finds the same world."""
    with engine.connect() as connection, connection.begin() as begun:
        yield connection
        begun.rollback()


def person(connection: sa.Connection, name: str, role: Role, dealer_id: str | None) -> Scope:
    user_id = people.create_user(
        connection, name=name, role=role, password=PASSWORD, now=datetime.now(UTC), dealer_id=dealer_id
    )
    return Scope(user_id=user_id, name=name, role=role, dealer_id=dealer_id)


def give_advice(connection: sa.Connection, vehicle_id: str, component: Component, now: datetime) -> Suggestion:
    made = Suggestion(
        id=f"{vehicle_id}-{component}-advice", vehicle_id=vehicle_id, component=component, job="check_sensor",
        severity=Severity.SOON, confidence=0.9, state=SuggestionState.OPEN, created_at=now, due_by=None, title=TEXT,
        text=TEXT, finding_ids=(),
    )  # fmt: skip
    return advice.save_suggestion(connection, made, at=now)


def notice(connection: sa.Connection, vehicle_id: str, now: datetime) -> str:
    evidence = Evidence(
        feature="x", unit="", label=TEXT, points=((1, 2.0),), expectation=None, threshold=1.0, window=(1, 2),
        signals=("Vehicle.Speed",),
    )  # fmt: skip
    found = Finding(
        id=f"{vehicle_id}-finding", vehicle_id=vehicle_id, detector="thermostat", cause="x",
        component=Component.THERMOSTAT, severity=Severity.SOON, confidence=0.9, since=now, found_at=now,
        cleared_at=None, evidence=evidence, title=TEXT, text=TEXT, job="check_sensor",
    )  # fmt: skip
    advice.save_finding(connection, found)
    return found.id


def chase(connection: sa.Connection, vehicle_id: str, dealer_id: str, now: datetime) -> str:
    draft = Draft(
        name="x", condition="Vehicle.Speed > 80", signals={"Vehicle.Speed": 1000}, before_s=5.0,
        until=now + timedelta(days=9), target=Target(vehicles=[vehicle_id]),
    )  # fmt: skip
    engineer = Scope(user_id="x", name="x", role=Role.ENGINEER, dealer_id=dealer_id)
    return campaigns.create(connection, engineer, draft, now=now).id


def park(
    connection: sa.Connection,
    name: str,
    dealer: tuple[str, str],
    owner: Scope,
    admin: Scope,
    collect: Callable[..., str],
) -> Car:
    """A car with a device, a request to it, a finding, advice, a proposal, an agreed appointment, and a campaign."""
    now = datetime.now(UTC)
    vehicles.register(connection, vehicle_id=name, dealer_id=dealer[1], now=now, owner_id=owner.user_id)
    device_id = enrol(connection, name=f"dongle-{name}", now=now, vehicle_id=name).device_id
    campaign_id = chase(connection, name, dealer[1], now)
    booked, agreed, free = (
        give_advice(connection, name, component, now)
        for component in (Component.THERMOSTAT, Component.BATTERY_12V, Component.CHARGING)
    )
    proposed_id, agreed_id = (booking.propose(connection, one, now=now, by="test") for one in (booked, agreed))
    assert proposed_id is not None
    assert agreed_id is not None
    booking.accept(connection, admin, agreed_id, start=None, now=now)
    other = appointments.appointment(connection, admin, proposed_id).start + timedelta(days=7)
    return Car(
        vehicle_id=name, dealer=dealer[0], owner=owner.name, booked=booked.id, free=free.id, proposed=proposed_id,
        agreed=agreed_id, command_id=vehicles.ask(connection, admin, name, "read_vin", now).id,
        finding_id=notice(connection, name, now), other_time=other.isoformat(),
        campaign_id=campaign_id,
        capture_id=collect(connection, device_id=device_id, vehicle_id=name, campaign_id=campaign_id, now=now),
    )  # fmt: skip


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory, collect: Callable[..., str]) -> Iterator[World]:
    """Dealer `here` with the cars of ann and bob, dealer `there` with the car of cem."""
    folder: Path = tmp_path_factory.mktemp("access")
    url = f"sqlite:///{folder}/desk.db"
    engine = open_database(url)
    for package in ("ingest", "diagnostics", "api"):
        migrate(engine, package)
    app = create_app(ApiSettings(data_dir=folder, database_url=url), engine)
    app.state.stop.set()  # streams end at once
    with transaction(engine) as connection:
        dealer_ids = {
            name: dealers.create(
                connection, name_en=name, name_zh=name, time_zone="Asia/Shanghai", bays=3, now=datetime.now(UTC)
            )
            for name in ("here", "there")
        }
        staff = {
            f"{role}-{dealer}": person(connection, f"{role}-{dealer}", role, dealer_id)
            for dealer, dealer_id in dealer_ids.items()
            for role in (Role.ADVISOR, Role.MANAGER, Role.ENGINEER)
        }
        owners = {name: person(connection, name, Role.OWNER, None) for name in ("ann", "bob", "cem")}
        admin = person(connection, "root", Role.ADMIN, None)
        cars = {
            f"car-of-{name}": park(
                connection, f"car-of-{name}", (dealer, dealer_ids[dealer]), owners[name], admin, collect
            )
            for name, dealer in (("ann", "here"), ("bob", "here"), ("cem", "there"))
        }
        everyone = staff | owners | {"root": admin}
        tokens = {
            name: people.make_token(connection, scope, label="test", now=datetime.now(UTC))
            for name, scope in everyone.items()
        }
    with TestClient(app, base_url="http://127.0.0.1:8420", follow_redirects=False) as client:
        yield World(
            app, client, engine, cars,
            headers={name: {"Authorization": f"Bearer {secret}"} for name, (_, secret, _) in tokens.items()},
            user_ids={name: scope.user_id for name, scope in everyone.items()},
            token_ids={name: token_id for name, (token_id, _, _) in tokens.items()},
        )  # fmt: skip
    engine.dispose()


@pytest.fixture(name="keep_nothing")
def _keep_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects of allowed requests are taken back after each."""
    monkeypatch.setattr(web, "transaction", rolled_back)


ACTORS = {
    Role.OWNER: "ann",
    Role.ADVISOR: "advisor-here",
    Role.MANAGER: "manager-here",
    Role.ENGINEER: "engineer-here",
    Role.ADMIN: "root",
}


def needs_a_car(operation: str) -> bool:
    """Whether an operation names an object in its path or body."""
    return "_id}" in operation or operation in {f"POST {V1}/appointments", f"POST {V1}/campaigns", "POST /campaigns"}


def test_every_operation_has_its_cell(world: World) -> None:
    """What the app can do stands in this table or is open to everyone, and nothing stands here that it cannot do."""
    assert set(operations(world.app)) - policy.PUBLIC == {*CELLS, PERSONAL, MAKING}


def test_the_description_lists_the_same_operations(world: World) -> None:
    """No operation of the interface is hidden from the OpenAPI description."""
    described = {
        f"{method.upper()} {path}"
        for path, methods in world.client.get(f"{V1}/openapi.json").json()["paths"].items()
        for method in methods
    }
    assert described == {*CELLS.keys() - PAGES, PERSONAL, MAKING, f"POST {V1}/session"}


@pytest.mark.usefixtures("keep_nothing")
@pytest.mark.parametrize(("operation", "role"), [(name, role) for name in CELLS for role in sorted(CELLS[name].roles)])
def test_the_right_people_may_with_their_own(world: World, operation: str, role: Role) -> None:
    """Own objects: done for the roles that may; the answer tells nothing of what is not theirs."""
    cell = CELLS[operation]
    cars = world.visible(role).values() if needs_a_car(operation) else [world.cars["car-of-ann"]]
    for car in cars:
        answer = world.request(operation, cell, car, world.headers[ACTORS[role]])
        assert answer.status_code == (303 if role in cell.led_on else cell.status), answer.text
        assert not [one for one in world.hidden_ids(role) if one in answer.text]
        assert not cell.shows or role in cell.led_on or getattr(car, cell.shows) in answer.text


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("operation", CELLS)
def test_foreign_objects_do_not_exist(world: World, operation: str, role: Role) -> None:
    """Foreign objects: 404 for the roles that may do it at all, 403 for the others, and nothing has changed."""
    cell, before, seen = CELLS[operation], world.content(), world.visible(role)
    allowed = role in cell.roles
    if allowed and not needs_a_car(operation):
        return
    for name, car in world.cars.items():
        if allowed and name in seen:
            continue
        answer = world.request(operation, cell, car, world.headers[ACTORS[role]])
        assert answer.status_code == (404 if allowed else 403), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert not [one for one in world.hidden_ids(role) - car.ids() if one in answer.text]
    assert world.content() == before


@pytest.mark.parametrize("operation", [one for one in CELLS if one.count("{") > 1])
def test_an_own_car_is_no_door_to_a_foreign_one(world: World, operation: str) -> None:
    """An own vehicle in the path with something of another vehicle behind it is not found, in every role."""
    cell = CELLS[operation]
    for role in cell.roles:
        own, *others = sorted(world.cars.values(), key=lambda car: car.vehicle_id)
        assert own.vehicle_id in {car.vehicle_id for car in world.visible(role).values()}
        for other in others:
            mixed = replace(other, vehicle_id=own.vehicle_id)
            assert world.request(operation, cell, mixed, world.headers[ACTORS[role]]).status_code == 404


@pytest.mark.parametrize("operation", PAGES)
def test_strangers_are_led_to_the_entrance(world: World, operation: str) -> None:
    """A browser without a session lands where one signs in."""
    answer = world.request(operation, PAGES[operation], world.cars["car-of-ann"], {"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=/")


@pytest.mark.parametrize("operation", [one for one in CELLS if not one.startswith("GET ")])
def test_a_session_alone_changes_nothing(world: World, operation: str) -> None:
    """Without the token of its form, a browser's unsafe request may be another site's and is refused."""
    cell, car = CELLS[operation], world.cars["car-of-ann"]
    made = people.sign_in(world.engine, name="manager-here", password=PASSWORD, now=datetime.now(UTC), idle_s=1800)
    before = world.content()
    for more in (
        {},
        {"X-Form-Token": "wrong"},
        {"X-Form-Token": str(made.scope.form_token), "Sec-Fetch-Site": "cross-site"},
    ):
        answer = world.request(operation, cell, car, {"Cookie": f"{web.COOKIE}={made.secret}", **more})
        assert answer.status_code == 403, answer.text
    assert world.content() == before


@pytest.mark.parametrize("role", list(Role))
def test_tokens_are_made_by_people_not_by_tokens(world: World, role: Role) -> None:
    """Everyone who has signed in makes tokens for themselves; with a token nobody does."""
    name, body = ACTORS[role], {"label": "x"}
    before = world.content()
    method, path = MAKING.split(" ")
    assert world.client.request(method, path, json=body, headers=world.headers[name]).status_code == 403
    assert world.content() == before
    made = people.sign_in(world.engine, name=name, password=PASSWORD, now=datetime.now(UTC), idle_s=1800)
    headers = {"Cookie": f"{web.COOKIE}={made.secret}"}
    assert world.client.request(method, path, json=body, headers=headers).status_code == 403
    headers["X-Form-Token"] = str(made.scope.form_token)
    assert world.client.request(method, path, json=body, headers=headers).status_code == 201


@pytest.mark.parametrize("operation", [*CELLS, PERSONAL, MAKING])
def test_strangers_are_asked_to_sign_in(world: World, operation: str) -> None:
    """Without session or token, or with a token that is none, nothing is done."""
    before = world.content()
    cell = CELLS.get(operation, Cell(NOBODY))
    car = world.cars["car-of-ann"]
    named = operation.replace("{token_id}", world.token_ids["ann"])
    for headers in ({}, {"Authorization": "Bearer rw_wrong"}, {"Authorization": "Basic YTpi"}):
        assert world.request(named, cell, car, headers).status_code == 401
    assert world.content() == before


@pytest.mark.parametrize("operation", [one for one in CELLS if "{" in one])
def test_made_up_ids_look_like_foreign_ones(world: World, operation: str) -> None:
    """Nobody can tell a foreign object from one that does not exist, not even by the words."""
    cell = CELLS[operation]
    role = next(role for role in (Role.ADVISOR, Role.ENGINEER, Role.OWNER) if role in cell.roles)
    foreign = world.cars["car-of-cem"]
    answer = world.request(operation, cell, foreign, world.headers[ACTORS[role]])
    made_up = Car(**{name: f"made-up-{name}" for name in Car.__dataclass_fields__} | {"other_time": foreign.other_time})
    unknown = world.request(operation, cell, made_up, world.headers[ACTORS[role]])
    assert answer.status_code == unknown.status_code == 404
    bodies = []
    for one, car in ((answer, foreign), (unknown, made_up)):
        text = one.text
        for name in Car.__dataclass_fields__:
            text = text.replace(f"'{getattr(car, name)}'", "'…'")
        bodies.append(text)
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("path", ["suggestions", "appointments", "reminders"])
def test_asking_for_a_foreign_car_lists_nothing(world: World, path: str, role: Role) -> None:
    """A filter by a foreign vehicle finds nothing, one by an own vehicle something."""
    for name, car in world.cars.items():
        answer = world.client.get(f"{V1}/{path}?vehicle_id={car.vehicle_id}", headers=world.headers[ACTORS[role]])
        items = answer.json() if path == "reminders" else answer.json()["items"]
        assert bool(items) == (name in world.visible(role))


@pytest.mark.parametrize("role", list(Role))
def test_people_of_another_dealer_are_not_listed(world: World, role: Role) -> None:
    """A manager sees the people of the own dealer only, an administrator all."""
    answer = world.client.get(f"{V1}/users", headers=world.headers[ACTORS[role]])
    foreign = [world.user_ids[name] for name in world.user_ids if name.endswith("-there")]
    found = [one for one in foreign if one in answer.text]
    assert found == (foreign if role is Role.ADMIN else [])


@pytest.mark.parametrize("role", list(Role))
def test_a_token_is_only_ones_own(world: World, role: Role) -> None:
    """Nobody, not even an administrator, ends or lists another person's token; one's own can be ended."""
    mine = ACTORS[role]
    before = world.content()
    for name, token_id in world.token_ids.items():
        if name != mine:
            answer = world.client.delete(f"{V1}/tokens/{token_id}", headers=world.headers[mine])
            assert answer.status_code == 404
            assert token_id not in world.client.get(f"{V1}/tokens", headers=world.headers[mine]).text
    assert world.content() == before
    with transaction(world.engine) as connection:
        me = Scope(user_id=world.user_ids[mine], name=mine, role=role, dealer_id=None)
        made, _, _ = people.make_token(connection, me, label="x", now=datetime.now(UTC))
    assert world.client.delete(f"{V1}/tokens/{made}", headers=world.headers[mine]).status_code == 204


@pytest.mark.usefixtures("keep_nothing")
@pytest.mark.parametrize("role", list(Role))
def test_only_administrators_move_cars_between_dealers(world: World, role: Role) -> None:
    """The dealer of a vehicle is not among what its own dealer may change."""
    path, before = f"{V1}/vehicles/car-of-ann", world.content()
    there = world.client.get(f"{V1}/vehicles/car-of-cem", headers=world.headers["root"]).json()["dealer_id"]
    answer = world.client.patch(path, json={"dealer_id": there}, headers=world.headers[ACTORS[role]])
    assert answer.status_code == (200 if role is Role.ADMIN else 403)
    assert world.content() == before
