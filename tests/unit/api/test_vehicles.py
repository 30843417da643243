"""Vehicles for people: codes that are there now, thinned series, and taking cars into care."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from api import tables
from api.errors import InvalidRequestError, NoDeviceError, NotFoundError
from api.vehicles import registrar, repository, service, workshop
from diagnostics import memory
from diagnostics import repository as diagnosis
from ingest.devices import enrol, revoke
from ingest.storage import tables as stored
from ingest.storage.database import transaction
from vehicle import wire
from vehicle.batch import Event, TimeQuality
from vehicle.signals import COOLANT_TEMPERATURE, SPEED

VIN = "1HGCM82633A004352"


@pytest.fixture(name="tell")
def _tell(world, now):
    """Lets the car of the first shop send an event, as ingest would have stored it."""
    count = 0

    def event(kind: str, **data: object) -> None:
        nonlocal count
        count += 1
        at_ms = int(now.timestamp() * 1000) + count
        made = Event(kind=kind, time_ms=at_ms, quality=TimeQuality.NTP, boot_id=1, monotonic_ms=count, data=data)
        row = {
            "device_id": "d", "vehicle_id": world.here.vehicle_id, "epoch": 1, "sequence": count, "lane": 0,
            "content": int(wire.Content.EVENT), "received_at": now, "first_ms": at_ms, "last_ms": at_ms,
            "digest": secrets.token_bytes(16), "payload": wire.encode_event(epoch=1, sequence=count, event=made),
        }  # fmt: skip
        with transaction(world.engine) as connection:
            connection.execute(stored.inbox.insert().values(row))

    return event


def code(name: str, state: str = "stored", *, present: bool = True) -> dict[str, object]:
    return {"ecu": "7E8", "code": name, "state": state, "present": present}


def test_codes_are_those_that_are_there_now(world, tell, write) -> None:
    """A code that went away is not shown; stored ones come first, each with words in both languages."""
    for data in (code("P0420", "pending"), code("P0301"), code("P0128"), code("P0301", present=False)):
        tell("dtc", **data)
    found = write(service.codes_of, world.here.owner, world.here.vehicle_id)
    assert [(one.code, one.state) for one in found] == [("P0128", "stored"), ("P0420", "pending")]
    assert all(one.title["en"] and one.title["zh"] for one in found)


def test_codes_of_a_truck_stand_beside_those_of_a_car(world, tell, write) -> None:
    """Active ones with stored ones, past ones last; each in words of both languages."""
    for data in (code("SPN 110 FMI 0", "inactive"), code("P0420", "pending"), code("SPN 520192 FMI 31", "active")):
        tell("dtc", **data)
    found = write(service.codes_of, world.here.owner, world.here.vehicle_id)
    assert [one.code for one in found] == ["SPN 520192 FMI 31", "P0420", "SPN 110 FMI 0"]
    assert all(one.title["en"] and one.title["zh"] for one in found)


def test_a_code_keeps_the_time_of_its_first_sight(world, tell, write) -> None:
    """Being told again does not make a code younger; going and coming back does."""
    tell("dtc", **code("P0301"))
    first = write(service.codes_of, world.admin, world.here.vehicle_id)[0].since
    tell("dtc", **code("P0301"))
    assert write(service.codes_of, world.admin, world.here.vehicle_id)[0].since == first
    tell("dtc", **code("P0301", present=False))
    tell("dtc", **code("P0301"))
    assert write(service.codes_of, world.admin, world.here.vehicle_id)[0].since > first


def test_events_that_make_no_sense_are_passed_over(world, tell, write) -> None:
    """A code event without a code, or of another kind, does no harm."""
    tell("dtc", ecu="7E8")
    tell("mil", on=True, count=1)
    assert write(service.codes_of, world.admin, world.here.vehicle_id) == []


class Recorded:
    """A history with one sample a second, in place of the Parquet files."""

    def __init__(self, count: int) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        times = pl.Series(
            "time", [start + timedelta(seconds=at) for at in range(count)], dtype=pl.Datetime("ms", "UTC")
        )
        speeds = pl.Series(SPEED, [None if at % 10 == 0 else float(at) for at in range(count)], dtype=pl.Float64)
        self.frame = pl.DataFrame([times, speeds])
        self.asked: dict[str, object] = {}

    def read(self, **asked: object) -> pl.DataFrame:
        """The whole of it."""
        self.asked = asked
        return self.frame


def test_a_long_series_is_thinned(world, write, now) -> None:
    """At most 2,000 points, in order, with catalogue unit and words; gaps are left out, not zero."""
    store = Recorded(90_000)
    (found,) = write(
        service.series_of, store, world.here.owner, world.here.vehicle_id, paths=[SPEED], start=now, end=None
    )
    assert 1000 < len(found.points) <= service.MAX_POINTS
    assert found.points == sorted(found.points)
    assert all(value % 10 for _, value in found.points)
    assert (found.unit, found.label["zh"]) == ("km/h", "车速")
    assert store.asked["start"] == now


def test_without_a_span_the_last_day_of_data_is_shown(world, write) -> None:
    """A car that stood for months still shows its last drive."""
    (found,) = write(
        service.series_of, Recorded(100_000), world.here.owner, world.here.vehicle_id, paths=[SPEED, SPEED],
        start=None, end=None,
    )  # fmt: skip
    assert found.points[-1][0] - found.points[0][0] <= service.LAST_DAY.total_seconds() * 1000


def test_an_unknown_signal_is_told_with_the_nearest(world, write) -> None:
    """A misspelt path is refused with names that exist."""
    with pytest.raises(InvalidRequestError, match="Vehicle"):
        write(
            service.series_of, Recorded(1), world.admin, world.here.vehicle_id, paths=[f"{COOLANT_TEMPERATURE}s"],
            start=None, end=None,
        )  # fmt: skip


def test_a_strangers_car_is_neither_shown_nor_asked(world, write, now) -> None:
    """Codes, series and requests of a foreign vehicle do not exist."""
    for stranger in (world.there.owner, world.there.advisor):
        with pytest.raises(NotFoundError):
            write(service.codes_of, stranger, world.here.vehicle_id)
        with pytest.raises(NotFoundError):
            write(service.ask, stranger, world.here.vehicle_id, "read_dtcs", now)


def test_a_revoked_device_is_not_asked(world, write, now) -> None:
    """A device without the right to connect could not answer."""
    write(enrol, name="old", now=now, vehicle_id=world.here.vehicle_id)
    write(revoke, name="old", now=now)
    with pytest.raises(NoDeviceError):
        write(service.ask, world.here.advisor, world.here.vehicle_id, "read_dtcs", now)


def test_new_devices_bring_their_cars_once(world, write, now) -> None:
    """Two devices of one vehicle make one vehicle, and idling writes nothing."""
    assert not registrar.has_news(world.engine)
    made = write(enrol, name="one", now=now)
    write(enrol, name="two", now=now, vehicle_id=made.vehicle_id)
    assert registrar.has_news(world.engine)
    write(registrar.take_in, dealer_id=world.there.dealer_id, now=now)
    assert not registrar.has_news(world.engine)
    found = write(repository.vehicle, world.there.advisor, made.vehicle_id)
    assert (found.dealer_id, found.owner_id, found.vin) == (world.there.dealer_id, None, None)


def test_a_vin_that_the_car_tells_is_kept_once(world, tell, write, now) -> None:
    """The first valid VIN stays; nonsense, or a VIN after people entered one, changes nothing."""
    tell("vin", vin="not a VIN")
    tell("vin", vin=VIN)
    tell("vin", vin="WVWZZZ1JZXW000001")
    write(registrar.take_in, dealer_id=world.here.dealer_id, now=now)
    assert write(repository.vehicle, world.here.owner, world.here.vehicle_id).vin == VIN
    assert not registrar.has_news(world.engine)


def test_changing_a_vehicle_is_audited(world, write, now) -> None:
    """Who gave the car another plate, and which."""
    write(service.change, world.here.advisor, world.here.vehicle_id, {"plate": "粤B 1"}, now)
    query = sa.select(tables.audit.c.who, tables.audit.c.action, tables.audit.c.details)
    row = write(lambda connection: connection.execute(query).one())
    assert (row.who, row.action, row.details) == ("here-advisor", "change_vehicle", {"plate": "粤B 1"})


@pytest.mark.parametrize(("plate", "model", "label"), [("A 1", "Golf", "A 1"), (None, "Golf", "Golf")])
def test_a_car_is_called_by_what_is_known(world, write, now, plate, model, label: str) -> None:
    """Plate before model."""
    write(service.change, world.here.advisor, world.here.vehicle_id, {"plate": plate, "model": model}, now)
    assert write(repository.vehicle, world.here.advisor, world.here.vehicle_id).label == label


def test_what_was_measured_is_kept_for_diagnosis(world, write, now) -> None:
    """An advisor enters a pad's thickness; who, what and when are kept."""
    write(workshop.measure, world.here.advisor, world.here.vehicle_id, name="pad_front_mm", value=4.5, at=now, now=now)
    with transaction(world.engine) as connection:
        assert diagnosis.measurements_of(connection, world.here.vehicle_id) == [
            ("pad_front_mm", 4.5, now, world.here.advisor.name)
        ]


@pytest.mark.parametrize(
    ("name", "value", "later"),
    [
        ("length_m", 1.0, 0),
        ("tread_mm", -1.0, 0),
        ("tread_mm", 21.0, 0),
        ("tread_mm", float("nan"), 0),
        ("tread_mm", 4.0, 1),
    ],
)
def test_a_measurement_that_cannot_be_is_refused(world, write, now, name: str, value: float, later: int) -> None:
    """An unknown name, a value that no part can have, and a time to come."""
    at = now + timedelta(days=later)
    with pytest.raises(InvalidRequestError):
        write(workshop.measure, world.here.advisor, world.here.vehicle_id, name=name, value=value, at=at, now=now)


def test_another_shops_car_is_not_measured(world, write, now) -> None:
    """The car of another dealer does not exist for an advisor."""
    with pytest.raises(NotFoundError):
        write(workshop.measure, world.there.advisor, world.here.vehicle_id, name="tread_mm", value=4.0, at=now, now=now)


def test_diagnosis_learns_what_a_car_is(world, write, now) -> None:
    """Model and powertrain reach diagnosis, each without forgetting the other; a plate says nothing of the kind."""
    for changes in ({"plate": "AB 1"}, {"powertrain": "diesel"}, {"model": "Octavia"}):
        write(service.change, world.here.advisor, world.here.vehicle_id, changes, now)
    with transaction(world.engine) as connection:
        kinds = memory.kinds_after(connection, 0)
        assert [(one.platform, one.powertrain) for one in kinds] == [("", "diesel"), ("Octavia", "diesel")]


def test_what_a_car_is_when_it_is_registered_reaches_the_diagnosis(world, write, now) -> None:
    """Model and powertrain that are given at registration, and the name of a device that is taken in, are told."""
    given = {"vehicle_id": "new", "dealer_id": world.here.dealer_id, "now": now}
    write(service.register, **given, model="Toyota Etios", powertrain="petrol")
    assert write(diagnosis.kind_of, "new") == ("Toyota Etios", "petrol")
    made = write(enrol, name="etios", now=now)
    write(registrar.take_in, dealer_id=world.here.dealer_id, now=now)
    assert write(diagnosis.kind_of, made.vehicle_id) == ("etios", "")
    write(service.register, **given | {"vehicle_id": "nameless"})
    assert write(diagnosis.kind_of, "nameless") == ("", "")
