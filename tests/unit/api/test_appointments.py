"""Proposing, accepting, moving, declining; slots and reminders with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from api import tables
from api.appointments import proposer, repository, service
from api.appointments.planner import slots_of
from api.appointments.states import State
from api.errors import IllegalMoveError, NotFoundError, OutsideHoursError, SlotTakenError
from api.reminders import repository as reminders
from api.suggestions import service as suggestions
from api.vehicles import repository as vehicles
from diagnostics import repository as advice
from diagnostics.findings import Component, Outcome, Severity, SuggestionState
from ingest.storage.database import reading, transaction


def held(engine: sa.Engine) -> set[tuple[str, int, object]]:
    """Dealer, bay and start of every held quarter hour."""
    with reading(engine) as connection:
        return {(row.dealer_id, row.bay, row.start) for row in connection.execute(sa.select(tables.slots))}


def book(world, **changes: object) -> repository.Appointment:
    """Stores advice and lets the worker propose; the proposal."""
    made = world.suggest(**changes)
    (appointment_id,) = proposer.work(world.engine, now=made.created_at)
    with reading(world.engine) as connection:
        return repository.appointment(connection, world.admin, appointment_id)


def test_advice_that_cannot_wait_proposes_a_time(world, now) -> None:
    """A suggestion `soon` gets one held time and two alternatives, in working hours and not at once."""
    made = book(world)
    assert made.state is State.PROPOSED
    assert len(made.alternatives) == 2
    assert now + timedelta(hours=18) <= made.start < made.alternatives[0]
    assert held(world.engine) == {(world.here.dealer_id, made.bay, slot) for slot in slots_of(made.start, 120)}


def test_a_red_finding_holds_the_two_earliest_times(world, now) -> None:
    """For `stop_now` both the first and the second time are kept free for the owner."""
    made = book(world, severity=Severity.STOP_NOW, component=Component.COOLING, job="check_cooling")
    assert made.start == now + timedelta(hours=1)
    starts = {start for _, _, start in held(world.engine)}
    assert starts == {*slots_of(made.start, 90), *slots_of(made.alternatives[0], 90)}


@pytest.mark.parametrize("severity", [Severity.NEXT_SERVICE, Severity.MONITOR])
def test_advice_that_can_wait_proposes_nothing(world, now, severity: Severity) -> None:
    """Only `soon` and `stop_now` take a time by themselves."""
    world.suggest(severity=severity)
    assert proposer.work(world.engine, now=now) == []


def test_nothing_is_proposed_twice_for_one_fault(world, now) -> None:
    """Neither a second run, nor a change of the suggestion, nor a second suggestion of the component books again."""
    book(world)
    assert proposer.work(world.engine, now=now) == []
    world.suggest(confidence=0.99)
    world.suggest("s2", job="check_cooling")
    assert proposer.work(world.engine, now=now) == []
    with reading(world.engine) as connection:
        assert len(repository.list_appointments(connection, world.admin)) == 1


def test_another_component_is_another_appointment(world, now) -> None:
    """Two faults of one car are two proposals, at different times or bays."""
    first = book(world)
    world.suggest("s2", component=Component.BATTERY_12V, job="test_battery")
    assert len(proposer.work(world.engine, now=now)) == 1
    assert len(held(world.engine)) == len(slots_of(first.start, 120)) + len(slots_of(first.start, 30))


def test_accepting_keeps_the_time_and_tells_diagnosis(world, write, now) -> None:
    """The proposed time is agreed, the suggestion is accepted, and it cannot be accepted twice."""
    made = book(world)
    agreed = write(service.accept, world.here.owner, made.id, start=None, now=now)
    assert (agreed.state, agreed.start, agreed.changed_by) == (State.ACCEPTED, made.start, "here-owner")
    assert write(advice.suggestion, "s1").state is SuggestionState.ACCEPTED
    with pytest.raises(IllegalMoveError):
        write(service.accept, world.here.owner, made.id, start=None, now=now)


def test_an_alternative_can_be_accepted(world, write, now) -> None:
    """The other time is held, and the first is free again."""
    made = book(world)
    agreed = write(service.accept, world.here.advisor, made.id, start=made.alternatives[1], now=now)
    assert agreed.start == made.alternatives[1]
    assert {start for _, _, start in held(world.engine)} == set(slots_of(agreed.start, 120))


def test_a_time_that_was_not_offered_cannot_be_accepted(world, write, now) -> None:
    """Accepting means one of the three; anything else is a move. Nothing changes."""
    made = book(world)
    before = held(world.engine)
    with pytest.raises(OutsideHoursError):
        write(service.accept, world.here.owner, made.id, start=made.start + timedelta(minutes=15), now=now)
    assert held(world.engine) == before
    assert write(repository.appointment, world.admin, made.id) == made


def test_a_proposal_whose_time_is_over_cannot_be_accepted(world, write) -> None:
    """Nobody can agree on yesterday."""
    made = book(world)
    with pytest.raises(OutsideHoursError):
        write(service.accept, world.here.owner, made.id, start=None, now=made.start + timedelta(minutes=1))


def test_moving_takes_any_free_time(world, write, now) -> None:
    """A proposal is accepted by moving it, and an agreed one can be moved again."""
    made = book(world)
    for days in (2, 3):
        moved = write(service.move, world.here.owner, made.id, start=made.start + timedelta(days=days), now=now)
        assert (moved.state, moved.start) == (State.ACCEPTED, made.start + timedelta(days=days))
    assert len(held(world.engine)) == len(slots_of(made.start, 120))


@pytest.mark.parametrize("shift", [timedelta(days=-3), timedelta(minutes=7), timedelta(hours=12)])
def test_a_time_outside_hours_is_refused(world, write, now, shift: timedelta) -> None:
    """Not in the past, not between the quarters, not at night."""
    made = book(world)
    with pytest.raises(OutsideHoursError):
        write(service.move, world.here.owner, made.id, start=made.start + shift, now=now)
    assert write(repository.appointment, world.admin, made.id) == made


def test_a_taken_time_is_refused(world, write, now) -> None:
    """When both bays are held, the third wish for that time fails and changes nothing."""
    wish = book(world).start
    for count, component in enumerate((Component.CHARGING, Component.COOLING)):
        made = book(world, suggestion_id=f"other{count}", component=component)
        if made.start != wish:
            break
    other = made
    rows = [
        {"dealer_id": world.here.dealer_id, "bay": bay, "start": wish, "appointment_id": other.id} for bay in (1, 2)
    ]
    free_rows = [row for row in rows if (row["dealer_id"], row["bay"], row["start"]) not in held(world.engine)]
    write(lambda connection: [connection.execute(tables.slots.insert(), row) for row in free_rows])
    last = book(world, suggestion_id="last", component=Component.BODY)
    with pytest.raises(SlotTakenError):
        write(service.move, world.here.owner, last.id, start=wish, now=now)
    assert write(repository.appointment, world.admin, last.id) == last


@pytest.mark.parametrize(("ending", "state"), [(service.decline, State.DECLINED), (service.cancel, State.CANCELLED)])
def test_declining_and_cancelling_free_the_time_for_good(world, write, now, ending, state: State) -> None:
    """The slots are free, the reminders dropped, and the same suggestion proposes nothing again."""
    made = book(world)
    if state is State.CANCELLED:
        write(service.accept, world.here.owner, made.id, start=None, now=now)
    assert write(ending, world.here.owner, made.id, now=now).state is state
    assert held(world.engine) == set()
    assert {one.state for one in write(reminders.list_reminders, world.admin)} == {reminders.DROPPED}
    assert proposer.work(world.engine, now=now) == []
    assert write(advice.suggestion, "s1").state is SuggestionState.OPEN


@pytest.mark.parametrize("end", [SuggestionState.WITHDRAWN, SuggestionState.DISMISSED, SuggestionState.DONE])
def test_advice_that_ends_withdraws_its_proposal(world, write, now, end: SuggestionState) -> None:
    """A suggestion that ends takes its proposal with it and frees the time."""
    made = book(world)
    write(advice.set_suggestion_state, "s1", end, now, "diagnostics")
    proposer.work(world.engine, now=now)
    assert write(repository.appointment, world.admin, made.id).state is State.WITHDRAWN
    assert held(world.engine) == set()


def test_what_people_agreed_stays_when_the_advice_ends(world, write, now) -> None:
    """An accepted appointment is not withdrawn by a machine."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    write(advice.set_suggestion_state, "s1", SuggestionState.WITHDRAWN, now, "diagnostics")
    proposer.work(world.engine, now=now)
    assert write(repository.appointment, world.admin, made.id).state is State.ACCEPTED


def test_a_new_suggestion_of_the_same_component_may_propose_again(world, write, now) -> None:
    """A fault that comes back after the job was done is another fault."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    write(service.finish, world.here.advisor, made.id, now=now)
    write(suggestions.record_outcome, world.here.advisor, "s1", outcome=Outcome.CONFIRMED, note="", now=now)
    assert proposer.work(world.engine, now=now) == []
    assert book(world, suggestion_id="s2").id != made.id


def test_a_proposal_that_nobody_answers_is_renewed_and_then_ends(world, write) -> None:
    """New times are proposed when the first is over, the owner is told again, and after three times it ends."""
    made = book(world)
    starts = [made.start]
    for _ in range(2):
        proposer.renew(world.engine, now=starts[-1] - timedelta(minutes=1))
        assert write(repository.appointment, world.admin, made.id).start == starts[-1]
        proposer.renew(world.engine, now=starts[-1])
        found = write(repository.appointment, world.admin, made.id)
        assert (found.state, len(found.alternatives)) == (State.PROPOSED, 2)
        assert {start for _, _, start in held(world.engine)} == set(slots_of(found.start, 120))
        starts.append(found.start)
    assert starts == sorted(set(starts))
    told = [one for one in write(reminders.list_reminders, world.admin) if one.kind == "proposed"]
    assert len(told) == 3
    proposer.renew(world.engine, now=starts[-1])
    assert write(repository.appointment, world.admin, made.id).state is State.WITHDRAWN
    assert held(world.engine) == set()


def test_an_agreed_time_that_is_over_is_not_renewed(world, write, now) -> None:
    """Only what nobody answered gets new times."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    proposer.renew(world.engine, now=made.start + timedelta(days=1))
    assert write(repository.appointment, world.admin, made.id).state is State.ACCEPTED


def test_strangers_cannot_touch_it(world, write, now) -> None:
    """For another dealer's advisor or another owner the appointment does not exist."""
    made = book(world)
    for stranger in (world.there.advisor, world.there.owner):
        for act in (service.decline, service.cancel, service.finish, service.free_times):
            with pytest.raises(NotFoundError):
                write(act, stranger, made.id, now=now)
        with pytest.raises(NotFoundError):
            write(service.accept, stranger, made.id, start=None, now=now)
        with pytest.raises(NotFoundError):
            write(service.move, stranger, made.id, start=made.start, now=now)
        assert write(repository.list_appointments, stranger) == []
    assert write(repository.appointment, world.admin, made.id) == made


def test_an_advisor_proposes_at_wish(world, write, now) -> None:
    """Advice that can wait is booked when the advisor asks; advice of another dealer does not exist for them."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    with pytest.raises(NotFoundError):
        write(service.advice_for, world.there.advisor, "s1", now=now)
    with pytest.raises(NotFoundError):
        write(service.advice_for, world.here.advisor, "unknown", now=now)
    made = write(service.advice_for, world.here.advisor, "s1", now=now)
    assert made.changed_by == "here-advisor"
    with pytest.raises(IllegalMoveError):
        write(service.advice_for, world.here.advisor, "s1", now=now)


def test_advice_that_has_ended_is_not_proposed(world, write, now) -> None:
    """What was dismissed asks for no time."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    write(suggestions.dismiss, world.here.advisor, "s1", why="sold", now=now)
    with pytest.raises(IllegalMoveError):
        write(service.advice_for, world.here.advisor, "s1", now=now)


def test_every_change_is_audited(world, write, now) -> None:
    """Who did what stands in the audit rows, in order."""
    made = book(world)
    write(service.accept, world.here.owner, made.id, start=None, now=now)
    write(service.cancel, world.here.advisor, made.id, now=now)
    query = sa.select(tables.audit.c.who, tables.audit.c.action).order_by(tables.audit.c.id)
    rows = write(lambda connection: [tuple(row) for row in connection.execute(query)])
    assert rows == [("roadworthy", "propose"), ("here-owner", "accept"), ("here-advisor", "cancel")]


def test_every_change_has_a_higher_revision(world, write, now) -> None:
    """Who follows revisions misses no change."""
    made = book(world)
    agreed = write(service.accept, world.here.owner, made.id, start=None, now=now)
    ended = write(service.cancel, world.here.owner, made.id, now=now)
    assert made.revision < agreed.revision < ended.revision


def test_moving_back_still_reminds_the_day_before(world, write, now) -> None:
    """An appointment that was moved away and back is reminded of once, at the right time."""
    made = book(world)
    later = made.start + timedelta(days=7)
    far = write(service.move, world.here.owner, made.id, start=later, now=now)
    for start in (later + timedelta(hours=2), later):
        far = write(service.move, world.here.owner, made.id, start=start, now=now)
    assert far.start == later
    waiting = [one for one in write(reminders.list_reminders, world.admin) if one.state == reminders.WAITING]
    assert [(one.kind, one.due_at) for one in waiting] == [("day_before", later - timedelta(hours=24))]


def test_no_time_is_booked_twice_by_many_at_once(world, now) -> None:
    """Many threads that propose, move and decline at once leave each quarter hour of a bay with one appointment."""
    for count in range(12):
        with transaction(world.engine) as connection:
            car = {"id": f"car{count}", "dealer_id": world.here.dealer_id, "created_at": now}
            vehicles.insert(connection, car)
        world.suggest(f"s{count}", vehicle_id=f"car{count}")
    target = now + timedelta(days=9, hours=5)  # beyond all that is proposed

    def run(count: int) -> str:
        try:
            with transaction(world.engine) as connection:
                suggestion = advice.suggestion(connection, f"s{count}")
                made = service.propose(connection, suggestion, now=now, by="test")
            assert made is not None
            with transaction(world.engine) as connection:
                service.move(connection, world.here.advisor, made, start=target, now=now)
        except SlotTakenError:
            return "taken"
        return "moved"

    with ThreadPoolExecutor(12) as pool:
        results = sorted(pool.map(run, range(12)))
    assert results == ["moved"] * 2 + ["taken"] * 10
    with reading(world.engine) as connection:
        booked = repository.list_appointments(connection, world.admin)
    wanted = [(one.bay, slot) for one in booked for slot in slots_of(one.start, one.minutes)]
    assert len(wanted) == len(set(wanted)) == len(held(world.engine))


def test_many_workers_propose_once(world, now) -> None:
    """Proposers that run at once make one proposal of one suggestion."""
    world.suggest()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: proposer.work(world.engine, now=now), range(8)))
    assert sum(len(one) for one in made) == 1
