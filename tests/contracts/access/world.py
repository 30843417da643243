"""A desk with two dealers, and everything that hangs on a car of each."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from api import tables
from api.appointments import repository as appointments
from api.appointments import service as booking
from api.auth import service as people
from api.auth.scope import Role, Scope
from api.campaigns import service as campaigns
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.vehicles import service as vehicles
from diagnostics import repository as advice
from diagnostics import tables as diagnosis
from diagnostics.findings import Component, Evidence, Finding, Severity, Suggestion, SuggestionState
from ingest.devices import enrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi.testclient import TestClient

from tests.contracts.access.cells import PASSWORD, TEXT, Car, Cell


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
