"""What the proposer makes good: no time was free, it became worse, it was forgotten, the car went to another dealer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from api import tables
from api.appointments import proposer, repository, service
from api.appointments.planner import slots_of
from api.appointments.states import State
from api.errors import NotFoundError, OutsideHoursError
from api.vehicles import service as vehicles
from diagnostics import repository as advice
from diagnostics.findings import Component, Severity, SuggestionState
from ingest.storage.database import reading, transaction


def book(world, **changes: object) -> repository.Appointment:
    """Stores advice and lets the worker propose; the proposal."""
    made = world.suggest(**changes)
    (appointment_id,) = proposer.work(world.engine, now=made.created_at)
    return look(world, appointment_id)


def look(world, appointment_id: str, scope=None) -> repository.Appointment:
    with reading(world.engine) as connection:
        return repository.appointment(connection, scope or world.admin, appointment_id)


def everything(world, *states: State) -> list[repository.Appointment]:
    with reading(world.engine) as connection:
        return repository.list_appointments(connection, world.admin, states=states or None)


def set_bays(world, bays: int) -> None:
    with transaction(world.engine) as connection:
        here = tables.dealers.c.id == world.here.dealer_id
        connection.execute(tables.dealers.update().where(here).values(bays=bays))


def test_what_found_no_time_is_proposed_when_there_is_one(world, now) -> None:
    """A shop without a free bay keeps nothing from being proposed later."""
    set_bays(world, 0)
    world.suggest()
    assert proposer.work(world.engine, now=now) == []
    assert proposer.sweep(world.engine, now=now) == []
    set_bays(world, 2)
    assert proposer.work(world.engine, now=now) == []
    assert len(proposer.sweep(world.engine, now=now)) == 1
    assert proposer.sweep(world.engine, now=now) == []


def test_a_fault_that_becomes_worse_gets_sooner_times(world, now) -> None:
    """The proposal that is open is offered anew, with the two earliest times held as for any red finding."""
    made = book(world)
    world.suggest(severity=Severity.STOP_NOW, job="check_cooling")
    assert proposer.work(world.engine, now=now) == []
    worse = look(world, made.id)
    assert (worse.state, worse.severity, worse.job) == (State.PROPOSED, "stop_now", "check_cooling")
    assert worse.start == now + timedelta(hours=1) < made.start
    with reading(world.engine) as connection:
        starts = {row.start for row in connection.execute(sa.select(tables.slots))}
    assert starts == {*slots_of(worse.start, worse.minutes), *slots_of(worse.alternatives[0], worse.minutes)}
    assert len(everything(world)) == 1


def test_what_was_declined_is_proposed_again_only_when_it_is_worse(world, write, now) -> None:
    """People decided on what they were told; they were not told that it is urgent."""
    made = book(world)
    write(service.decline, world.here.owner, made.id, now=now)
    assert proposer.sweep(world.engine, now=now) == []
    world.suggest(severity=Severity.STOP_NOW)
    assert len(proposer.work(world.engine, now=now)) == 1


def test_an_agreed_time_stays_when_it_becomes_worse(world, write, now) -> None:
    """People decided; the advisor sees the severity and may move it."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    world.suggest(severity=Severity.STOP_NOW, state=SuggestionState.ACCEPTED)
    assert proposer.work(world.engine, now=now) == []
    assert proposer.sweep(world.engine, now=now) == []
    assert look(world, made.id).start == made.start


def test_a_fault_that_is_worse_after_the_work_is_proposed(world, write, now) -> None:
    """What was done did not help, or did not last."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    write(service.finish, world.here.advisor, made.id, now=now)
    assert proposer.sweep(world.engine, now=now) == []
    world.suggest(severity=Severity.STOP_NOW, state=SuggestionState.ACCEPTED)
    (again,) = proposer.work(world.engine, now=now)
    write(service.accept, world.here.owner, again, start=None, now=now)
    with reading(world.engine) as connection:
        assert advice.suggestion(connection, "s1").state is SuggestionState.ACCEPTED


def test_an_appointment_that_was_forgotten_stands_in_nobodys_way(world, write, now) -> None:
    """A week after its time it ends, and what is still wrong with the car is proposed again."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    assert proposer.sweep(world.engine, now=made.start + timedelta(days=6)) == []
    (again,) = proposer.sweep(world.engine, now=made.start + timedelta(days=8))
    assert look(world, made.id).state is State.CANCELLED
    assert look(world, again).start > made.start + timedelta(days=8)


def test_three_proposals_without_an_answer_are_the_last(world) -> None:
    """A changed suggestion does not begin anew; a worse one does."""
    made = book(world)
    for _ in range(service.MOST_PROPOSALS):
        proposer.renew(world.engine, now=look(world, made.id).start + timedelta(minutes=1))
    ended = look(world, made.id)
    assert ended.state is State.WITHDRAWN
    world.suggest(confidence=0.99)
    assert proposer.work(world.engine, now=ended.start) == []
    assert proposer.sweep(world.engine, now=ended.start) == []
    world.suggest(severity=Severity.STOP_NOW)
    assert len(proposer.work(world.engine, now=ended.start)) == 1


def test_a_car_is_in_one_place_at_a_time(world, now) -> None:
    """Two faults of it are proposed for different times, and neither can be moved onto the other."""
    first = book(world)
    second = book(world, suggestion_id="s2", component=Component.BATTERY_12V, job="replace_battery")
    spans = [{*slots_of(one.start, one.minutes)} for one in (first, second)]
    assert spans[0].isdisjoint(spans[1])
    with reading(world.engine) as connection:
        free = service.free_times(connection, world.here.owner, second.id, now=now)
    assert all({*slots_of(one.start, second.minutes)}.isdisjoint(spans[0]) for one in free)


@pytest.mark.parametrize("agreed", [False, True])
def test_a_car_that_goes_to_another_dealer_leaves_the_book(world, write, now, agreed: bool) -> None:
    """The old shop's time is free again, and the new shop proposes one of its own."""
    made = book(world)
    if agreed:
        write(service.accept, world.here.owner, made.id, start=None, now=now)
    write(vehicles.change, world.admin, world.here.vehicle_id, {"dealer_id": world.there.dealer_id}, now)
    with reading(world.engine) as connection:
        assert connection.execute(sa.select(tables.slots)).all() == []
    (again,) = proposer.sweep(world.engine, now=now)
    assert look(world, again, world.there.advisor).dealer_id == world.there.dealer_id
    assert look(world, made.id, world.here.advisor).state in {State.WITHDRAWN, State.CANCELLED}
    for scope, appointment_id in ((world.there.advisor, made.id), (world.here.advisor, again)):
        with pytest.raises(NotFoundError):
            look(world, appointment_id, scope)


def test_nobody_moves_an_appointment_by_years(world, write, now) -> None:
    """It would hold its component for as long."""
    made = book(world)
    with pytest.raises(OutsideHoursError):
        write(service.move, world.here.owner, made.id, start=made.start + timedelta(weeks=52), now=now)
