"""Campaigns for people: made, changed, revoked, brought to devices, and what came back."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from api.auth.scope import Role, Scope
from api.campaigns import deployment, repository, results, service
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.errors import FaultyCampaignError, IllegalMoveError, NotFoundError
from api.tables import audit
from api.vehicles import repository as vehicles
from api.vehicles import service as vehicle_service
from ingest import devices
from ingest.storage import campaigns as stored
from ingest.storage.database import reading
from vehicle.campaign import Refused
from vehicle.signals import SPEED


@pytest.fixture(name="draft")
def _draft(now) -> Draft:
    """A campaign for the car of the first shop."""
    return Draft(
        name="x", condition=f"{SPEED} > 80", signals={SPEED: 1000}, before_s=2.0, after_s=2.0,
        until=now + timedelta(days=9), target=Target(vehicles=["here-car"]),
    )  # fmt: skip


@pytest.fixture(name="engineer")
def _engineer(world) -> Scope:
    return Scope(user_id="x", name="eva", role=Role.ENGINEER, dealer_id=world.here.dealer_id)


@pytest.fixture(name="dongles")
def _dongles(write, now) -> dict[str, str]:
    """A device in each shop's car; ids by vehicle."""
    cars = ("here-car", "there-car")
    return {car: write(devices.enrol, name=f"dongle-{car}", now=now, vehicle_id=car).device_id for car in cars}


def told(world, device_id: str) -> list[tuple[str, int]]:
    """Campaigns and versions that a device shall carry out."""
    with reading(world.engine) as connection:
        found = stored.config_of(connection, device_id)
    return [(one.name, one.version) for one in found.message.campaigns] if found else []


def test_a_campaign_reaches_the_devices_that_it_is_meant_for(world, write, now, engineer, draft, dongles) -> None:
    """Made, changed and revoked: each time the devices it is meant for are told another thing, and no others."""
    made = write(service.create, engineer, draft, now=now)
    assert deployment.work(world.engine, now=now, thorough=False) == 1
    assert deployment.work(world.engine, now=now, thorough=False) == 0
    assert told(world, dongles["here-car"]) == [("x", 1)]
    assert told(world, dongles["there-car"]) == []
    write(service.renew, engineer, made.id, replace(draft, name="y"), now=now)
    deployment.work(world.engine, now=now, thorough=False)
    assert told(world, dongles["here-car"]) == [("y", 2)]
    write(service.revoke, engineer, made.id, now=now)
    deployment.work(world.engine, now=now, thorough=False)
    assert told(world, dongles["here-car"]) == []
    with reading(world.engine) as connection:
        actions = [row.action for row in connection.execute(audit.select().order_by(audit.c.id)) if row.who == "eva"]
    assert actions == ["create_campaign", "change_campaign", "revoke_campaign"]


def test_a_campaign_that_is_over_is_taken_from_devices(world, write, now, engineer, draft, dongles) -> None:
    """Nobody has to do anything at the end of the last day."""
    write(service.create, engineer, draft, now=now)
    deployment.work(world.engine, now=now, thorough=True)
    later = now + timedelta(days=10)
    assert deployment.work(world.engine, now=later, thorough=False) == 0
    assert deployment.work(world.engine, now=later, thorough=True) == 1
    assert told(world, dongles["here-car"]) == []


def test_models_and_tags(world, write, now, engineer, draft, dongles) -> None:
    """All of a model and all with a tag, those that get it later too; of the own dealer only."""
    wide = replace(draft, target=Target(models=["golf"], tags=["uphill"]))
    write(service.create, engineer, wide, now=now)
    assert deployment.work(world.engine, now=now, thorough=True) == 0
    for car, admin in (("here-car", engineer), ("there-car", world.admin)):
        write(vehicle_service.retag, admin, car, ["uphill", "uphill"], now)
    assert deployment.work(world.engine, now=now, thorough=True) == 1
    assert told(world, dongles["here-car"]) == [("x", 1)]
    write(vehicle_service.retag, engineer, "here-car", [], now)
    deployment.work(world.engine, now=now, thorough=True)
    assert told(world, dongles["here-car"]) == []
    write(vehicles.change, engineer, "here-car", {"model": "golf"})
    deployment.work(world.engine, now=now, thorough=True)
    assert told(world, dongles["here-car"]) == [("x", 1)]


@pytest.mark.usefixtures("dongles")
def test_an_administrators_campaign_reaches_every_dealer(world, write, now, draft) -> None:
    """The one who runs the service chases over the whole fleet."""
    both = replace(draft, target=Target(vehicles=["here-car", "there-car"]))
    write(service.create, world.admin, both, now=now)
    assert deployment.work(world.engine, now=now, thorough=False) == 2


def test_a_foreign_vehicle_cannot_be_named(write, now, engineer, draft) -> None:
    """Nor can one that does not exist."""
    for car in ("there-car", "nothing"):
        with pytest.raises(NotFoundError):
            write(service.create, engineer, replace(draft, target=Target(vehicles=[car])), now=now)


def test_everything_that_is_wrong_is_told_at_once(write, now, engineer, draft) -> None:
    """Each fault names its field."""
    wrong = replace(
        draft, name="", condition="Vehicle.Speed >", signals={}, before_s=-1.0, until=now, target=Target(), most_a_day=0
    )
    with pytest.raises(FaultyCampaignError) as refused:
        write(service.create, engineer, wrong, now=now)
    assert [one.place for one in refused.value.faults] == [
        "name", "condition", "signals", "before_s", "most_a_day", "target", "until"
    ]  # fmt: skip


def test_a_revoked_campaign_stays_revoked(write, now, engineer, draft) -> None:
    """It cannot be changed any more; revoking it again changes nothing."""
    made = write(service.create, engineer, draft, now=now)
    first = write(service.revoke, engineer, made.id, now=now)
    assert write(service.revoke, engineer, made.id, now=now + timedelta(days=1)) == first
    with pytest.raises(IllegalMoveError):
        write(service.renew, engineer, made.id, draft, now=now)


def test_how_a_device_stands(world, write, now, engineer, draft, dongles, collect) -> None:
    """Waiting, sent, acknowledged or refused with the reason, let go of; and how often it was triggered."""
    made = write(service.create, engineer, draft, now=now)
    device_id = dongles["here-car"]

    def state() -> tuple[str, str, int]:
        with reading(world.engine) as connection:
            (one,) = service.standings(connection, engineer, made.id, now)
        return one.state, one.reason, one.triggers

    assert state() == ("waiting", "", 0)
    deployment.work(world.engine, now=now, thorough=False)
    assert state() == ("waiting", "", 0)
    with reading(world.engine) as connection:
        config = stored.config_of(connection, device_id)
    write(stored.mark_sent, config, now)
    assert state() == ("sent", "", 0)
    write(stored.note_taken, device_id, 1, [], now)
    assert state() == ("taken", "", 0)
    write(stored.note_taken, device_id, 1, [Refused(campaign=made.id, version=1, reason="no frames")], now)
    assert state() == ("refused", "no frames", 0)
    write(collect, device_id=device_id, vehicle_id="here-car", campaign_id=made.id, now=now)
    write(service.revoke, engineer, made.id, now=now)
    assert state() == ("waiting", "", 1)
    deployment.work(world.engine, now=now, thorough=False)
    assert state() == ("waiting", "", 1)
    with reading(world.engine) as connection:
        config = stored.config_of(connection, device_id)
    write(stored.mark_sent, config, now)
    assert state() == ("sent", "", 1)
    write(stored.note_taken, device_id, 2, [], now)
    assert state() == ("let_go", "", 1)


def test_who_still_has_a_campaign_that_ended(world, write, now, engineer, draft, dongles) -> None:
    """A device that was never triggered stays on the list, and has let go only when it said so; revoked or over."""
    made = [write(service.create, engineer, draft, now=now) for _ in range(2)]
    deployment.work(world.engine, now=now, thorough=False)
    write(stored.note_taken, dongles["here-car"], 1, [], now)
    write(service.revoke, engineer, made[0].id, now=now)

    def states(at) -> list[str]:
        with reading(world.engine) as connection:
            return [one.state for each in made for one in service.standings(connection, engineer, each.id, at)]

    deployment.work(world.engine, now=now, thorough=False)
    assert states(now) == ["waiting", "waiting"]
    write(stored.note_taken, dongles["here-car"], 2, [], now)
    assert states(now) == ["let_go", "taken"]
    later = draft.until + timedelta(minutes=1)
    deployment.work(world.engine, now=later, thorough=True)
    assert states(later) == ["let_go", "waiting"]
    write(stored.note_taken, dongles["here-car"], 3, [], later)
    assert states(later) == ["let_go", "let_go"]
    write(service.create, engineer, replace(draft, until=later + timedelta(days=1)), now=later)
    deployment.work(world.engine, now=later, thorough=True)
    write(stored.note_taken, dongles["here-car"], 0, [], later)
    assert states(later) == ["let_go", "let_go"]


def test_a_device_may_let_go_of_one_campaign_before_another(world, write, now, engineer, draft, dongles) -> None:
    """What it has counts, be it not the latest; what it is told again, it has not let go of."""
    made = [write(service.create, engineer, draft, now=now) for _ in range(2)]
    tagged = write(service.create, engineer, replace(draft, target=Target(tags=["uphill"])), now=now)
    device_id = dongles["here-car"]

    def states(record) -> list[str]:
        with reading(world.engine) as connection:
            return [one.state for one in service.standings(connection, engineer, record.id, now)]

    def deploy(tags: list[str]) -> None:
        write(vehicle_service.retag, engineer, "here-car", tags, now)
        deployment.work(world.engine, now=now, thorough=True)

    deploy(["uphill"])
    write(service.revoke, engineer, made[0].id, now=now)
    deploy([])
    write(service.revoke, engineer, made[1].id, now=now)
    deploy([])
    write(stored.note_taken, device_id, 2, [], now)
    assert [states(one) for one in (*made, tagged)] == [["let_go"], ["waiting"], ["let_go"]]
    deploy(["uphill"])
    assert states(tagged) == ["waiting"]
    write(stored.note_taken, device_id, 4, [], now)
    assert [states(one) for one in (*made, tagged)] == [["let_go"], ["let_go"], ["taken"]]


def test_what_never_had_a_campaign_is_not_on_its_list_when_it_ended(world, write, now, engineer, draft) -> None:
    """A car of a model that is meant and whose device came after the end has nothing to let go of."""
    write(vehicles.change, engineer, "here-car", {"model": "golf"})
    wide = replace(draft, target=Target(models=["golf"]))
    made = write(service.create, engineer, wide, now=now)
    first = write(devices.enrol, name="early", now=now, vehicle_id="here-car").device_id
    deployment.work(world.engine, now=now, thorough=True)
    write(devices.enrol, name="late", now=now, vehicle_id="here-car")

    def listed() -> list[tuple[str, str]]:
        with reading(world.engine) as connection:
            found = service.standings(connection, engineer, made.id, now)
        return [(one.device.name, one.state) for one in found]

    assert listed() == [("early", "waiting"), ("late", "waiting")]
    write(service.revoke, engineer, made.id, now=now)
    assert listed() == [("early", "waiting")]
    deployment.work(world.engine, now=now, thorough=True)
    write(stored.note_taken, first, 2, [], now)
    assert listed() == [("early", "let_go")]


def test_what_came_back(world, write, now, engineer, draft, dongles, collect) -> None:
    """Readings with their times and units as CSV, frames as candump; only for those whose car it is."""
    made = write(service.create, engineer, draft, now=now)
    device_id = dongles["here-car"]
    capture_id = write(collect, device_id=device_id, vehicle_id="here-car", campaign_id=made.id, now=now)
    with reading(world.engine) as connection:
        found = repository.capture(connection, engineer, capture_id)
        parts = stored.contents(connection, capture_id)
        for stranger in (world.there.advisor, world.here.owner):
            with pytest.raises(NotFoundError):
                repository.capture(connection, stranger, capture_id)
    rows = list(csv.DictReader(io.StringIO(results.as_csv(found, parts))))
    assert [(row["seconds_from_trigger"], row["value"], row["unit"]) for row in rows] == [
        ("-2.000", "79.0", "km/h"), ("-1.000", "80.0", "km/h"), ("0.000", "81.0", "km/h"), ("2.000", "83.0", "km/h"),
    ]  # fmt: skip
    assert rows[0]["time"] == "2026-03-02T00:59:58.000Z"
    start_s = int(now.timestamp())
    assert results.as_candump(found, parts).splitlines() == [
        f"({start_s - 1}.999500) can0 7E8#03410D51", f"({start_s}.000500) can0 18DAF110#"
    ]  # fmt: skip
