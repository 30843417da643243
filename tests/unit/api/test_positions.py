"""Consent to positions: the owner's own, told to the car's devices, void when the car changes hands."""

from __future__ import annotations

import pytest

from api.campaigns import deployment
from api.errors import NotAllowedError, NotFoundError
from api.vehicles import positions, service
from ingest.devices import enrol
from ingest.storage import campaigns as stored
from ingest.storage.database import reading


@pytest.fixture(name="told")
def _told(world, now, write):
    """What the car's device is told at this moment: the version, and whether it may collect positions."""
    device = write(enrol, name="located", vehicle_id=world.here.vehicle_id, now=now)

    def ask(*, thorough: bool = False) -> tuple[int, bool] | None:
        deployment.work(world.engine, now=now, thorough=thorough)
        with reading(world.engine) as connection:
            found = stored.config_of(connection, device.device_id)
        return (found.message.version, found.message.positions) if found else None

    return ask


def test_the_owner_s_word_reaches_the_device(world, now, write, told) -> None:
    """Nothing is told before; yes and no are told once each."""
    assert told() is None
    write(positions.allow, world.here.owner, world.here.vehicle_id, now, yes=True)
    assert told() == (1, True)
    assert told(thorough=True) == (1, True)
    write(positions.allow, world.here.owner, world.here.vehicle_id, now, yes=False)
    assert told() == (2, False)
    assert told(thorough=True) == (2, False)


@pytest.mark.parametrize("who", ["advisor", "admin"])
def test_nobody_else_gives_it(world, now, write, told, who: str) -> None:
    """Not the shop, not even an administrator."""
    person = world.admin if who == "admin" else world.here.advisor
    with pytest.raises(NotAllowedError):
        write(positions.allow, person, world.here.vehicle_id, now, yes=True)
    with pytest.raises(NotFoundError):
        write(positions.allow, world.there.owner, world.here.vehicle_id, now, yes=True)
    assert told(thorough=True) is None


def test_a_new_owner_starts_with_no(world, now, write, told) -> None:
    """Consent belongs to a person, not to a car."""
    write(positions.allow, world.here.owner, world.here.vehicle_id, now, yes=True)
    assert told() == (1, True)
    write(service.change, world.admin, world.here.vehicle_id, {"owner_id": world.there.owner.user_id}, now)
    assert told(thorough=True) == (2, False)
    assert write(positions.allowed, world.admin) == set()
