"""Who may do what with whose objects: every operation of the desk, in every role, on own and foreign objects.

An operation that is not in the table (:mod:`tests.contracts.access.cells`) fails the suite.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from api import policy, web
from api.auth import service as people
from api.auth.scope import Role, Scope
from api.listening import operations
from ingest.storage.database import transaction
from tests.contracts.access.cells import CELLS, MAKING, NOBODY, PAGES, PASSWORD, PERSONAL, V1, Car, Cell

if TYPE_CHECKING:
    from tests.contracts.access.world import World

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
