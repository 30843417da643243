"""Consent to clear trouble codes: the owner's own, for a day and one time; and who of the shop may use it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.errors import ConsentError, NotAllowedError, NotFoundError
from api.vehicles import clearing, service
from ingest.devices import enrol
from ingest.storage import commands
from ingest.storage.database import reading


@pytest.fixture(autouse=True)
def _device(world, now, write) -> None:
    """The car has a device."""
    write(enrol, name="clearing", vehicle_id=world.here.vehicle_id, now=now)


def asked(world, write, person, now):
    return write(service.ask, person, world.here.vehicle_id, "clear_dtcs", now)


def test_with_the_owner_s_word_codes_are_cleared_once(world, now, write) -> None:
    """The device is told who asks and when the owner allowed it; a second time it needs another word."""
    with pytest.raises(ConsentError):
        asked(world, write, world.here.advisor, now)
    write(clearing.allow, world.here.owner, world.here.vehicle_id, now, yes=True)
    made = asked(world, write, world.here.advisor, now + timedelta(hours=23))
    with reading(world.engine) as connection:
        told = commands.read_command(connection, made.id).arguments
    assert told == {"advisor": world.here.advisor.name, "consent": now.isoformat(timespec="seconds")}
    with pytest.raises(ConsentError):
        asked(world, write, world.here.advisor, now + timedelta(hours=23))


@pytest.mark.parametrize(("status", "is_good"), [("refused", True), ("done", False), ("failed", False)])
def test_a_refused_request_leaves_the_word(world, now, write, status, is_good) -> None:
    """The car moved: nothing was cleared, so the owner need not be asked again; whatever else happened uses it up."""
    car = world.here.vehicle_id
    write(clearing.allow, world.here.owner, car, now, yes=True)
    made = asked(world, write, world.here.advisor, now)
    answer = {
        "command_id": made.id,
        "device_id": made.device_id,
        "status": status,
        "result": {},
        "reason": "",
        "now": now,
    }
    assert write(commands.record_reply, **answer)
    assert (car in write(clearing.allowed, world.here.advisor, now)) == is_good


def test_the_word_ends(world, now, write) -> None:
    """After a day, when it is taken back, and when the car changes hands."""
    owner, car = world.here.owner, world.here.vehicle_id
    write(clearing.allow, owner, car, now, yes=True)
    assert write(clearing.allowed, world.here.advisor, now) == {car: now + timedelta(hours=24)}
    with pytest.raises(ConsentError):
        asked(world, write, world.here.advisor, now + timedelta(hours=24))
    write(clearing.allow, owner, car, now, yes=False)
    assert write(clearing.allowed, owner, now) == {}
    write(clearing.allow, owner, car, now, yes=True)
    write(service.change, world.admin, car, {"owner_id": world.there.owner.user_id}, now)
    assert write(clearing.allowed, world.admin, now) == {}


def test_who_may(world, now, write) -> None:
    """Only the owner gives the word, only who stands by the car uses it, and no other dealer knows of it."""
    car = world.here.vehicle_id
    with pytest.raises(NotAllowedError):
        write(clearing.allow, world.here.advisor, car, now, yes=True)
    with pytest.raises(NotFoundError):
        write(clearing.allow, world.there.owner, car, now, yes=True)
    write(clearing.allow, world.here.owner, car, now, yes=True)
    for person in (world.admin, world.here.owner):
        with pytest.raises(NotAllowedError):
            asked(world, write, person, now)
    with pytest.raises(NotFoundError):
        asked(world, write, world.there.advisor, now)
    assert write(clearing.allowed, world.there.advisor, now) == {}
