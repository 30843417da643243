"""Proposing, accepting, moving, declining: each is one transaction that also plans its reminders."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from api import audit
from api.appointments import planner, repository
from api.appointments.states import Move, State, after
from api.dealers.repository import dealer as dealer_of
from api.errors import IllegalMoveError, NoSlotError, NotFoundError, OutsideHoursError, SlotTakenError
from api.reminders import repository as reminders
from api.suggestions import service as suggestions
from api.vehicles import repository as vehicles
from diagnostics import repository as advice
from diagnostics.errors import StateMoveError
from diagnostics.findings import LIVING, Severity, SuggestionState

if TYPE_CHECKING:
    import sqlalchemy as sa

    from api.appointments.planner import Offer
    from api.appointments.repository import Appointment
    from api.auth.scope import Scope
    from diagnostics.findings import Suggestion

ALTERNATIVES = 2
MOST_PROPOSALS = 3
"""How often times are proposed for one fault without an answer (our choice)."""
STOP_NOW = "stop_now"


def propose(connection: sa.Connection, suggestion: Suggestion, *, now: datetime, by: str) -> str | None:
    """Proposes a time with two alternatives for a suggestion; its id, or None where one is open already.

    The proposed time is held until people answer; for a red finding (``stop_now``) the second time is held too.

    Raises:
        NoSlotError: the shop has no free time in the horizon.
    """
    kept = vehicles.keeper(connection, suggestion.vehicle_id)
    if kept is None:
        return None
    dealer_id, _ = kept
    repository.take_book(connection, dealer_id)
    if repository.has_open(connection, suggestion.vehicle_id, suggestion.component):
        return None
    if repository.open_of_suggestion(connection, suggestion.id):  # made when the advice was about another component
        return None
    minutes = planner.minutes_of(suggestion.job, suggestion.component)
    found = _offers(connection, dealer_id, suggestion.vehicle_id, minutes, suggestion.severity, now)
    if not found:
        raise NoSlotError(planner.HORIZON_DAYS)
    if suggestion.state is SuggestionState.ACCEPTED:  # it came back, or became worse, after an appointment was over
        _follow(connection, suggestion.id, SuggestionState.OPEN, now, by)
    row = _row(suggestion, found, minutes) | {"dealer_id": dealer_id, "created_at": now, "changed_at": now}
    if not repository.insert(connection, row | {"changed_by": by}):
        return None
    appointment_id: str = row["id"]
    for offer in _held(found, suggestion.severity):
        _hold(connection, dealer_id, offer, minutes, appointment_id)
    reminders.plan(connection, appointment_id, kept[1], start=found[0].start, now=now, proposed=True)
    audit.record(connection, who=by, action="propose", what=appointment_id, now=now, suggestion=suggestion.id)
    return appointment_id


def worsen(connection: sa.Connection, scope: Scope, suggestion: Suggestion, *, now: datetime) -> bool:
    """Offers sooner times where a proposal is open for a suggestion that has become worse; whether one was open so.

    An agreed appointment stays: people decided on it.
    """
    mine = repository.open_of_suggestion(connection, suggestion.id)
    milder = [
        one for one in mine if one.state is State.PROPOSED and suggestion.severity.rank < Severity(one.severity).rank
    ]
    for one in milder:
        found = repository.for_change(connection, scope, one.id)
        minutes = planner.minutes_of(suggestion.job, suggestion.component)
        repository.release(connection, found.id)
        offers = _offers(connection, found.dealer_id, found.vehicle_id, minutes, suggestion.severity, now)
        if not offers:
            raise NoSlotError(planner.HORIZON_DAYS)
        worse = replace(found, job=suggestion.job, severity=str(suggestion.severity), minutes=minutes)
        repository.change(
            connection, found.id, state=found.state, at=now, by=scope.name,
            job=worse.job, severity=worse.severity, minutes=minutes,
        )  # fmt: skip
        _offer_anew(connection, worse, offers, after(found.state, Move.RENEW), now, scope.name)
    return bool(milder)


def leave(connection: sa.Connection, scope: Scope, vehicle_id: str, *, now: datetime) -> None:
    """Ends what is open for a vehicle that goes to another dealer, whose book it is not in; it is proposed anew."""
    for dealer_id in sorted({one.dealer_id for one in repository.open_of_vehicle(connection, vehicle_id)}):
        repository.take_book(connection, dealer_id)
    for found in repository.open_of_vehicle(connection, vehicle_id):
        how = Move.WITHDRAW if found.state is State.PROPOSED else Move.CANCEL
        _free(connection, found, after(found.state, how), now, repository.WORKER_NAME)
        if found.suggestion_id is not None:
            _follow(connection, found.suggestion_id, SuggestionState.OPEN, now, scope.name)
        audit.record(connection, who=scope.name, action=str(how), what=found.id, now=now, why="another dealer")


def accept(
    connection: sa.Connection, scope: Scope, appointment_id: str, *, start: datetime | None, now: datetime
) -> Appointment:
    """Accepts the proposed time, or one of the alternatives.

    Raises:
        NotFoundError: not this person's.
        IllegalMoveError: it is not proposed any more.
        SlotTakenError: the alternative was taken meanwhile.
        OutsideHoursError: ``start`` is none of the times that were offered, or is over.
    """
    found = repository.for_change(connection, scope, appointment_id)
    state = after(found.state, Move.ACCEPT)
    chosen = found.start if start is None else start
    if chosen <= now or chosen not in (found.start, *found.alternatives):
        raise OutsideHoursError(chosen)
    return _settle(connection, scope, found, chosen, state, Move.ACCEPT, now)


def move(
    connection: sa.Connection, scope: Scope, appointment_id: str, *, start: datetime, now: datetime
) -> Appointment:
    """Moves it to any free time of the shop, which accepts it.

    Raises:
        NotFoundError, IllegalMoveError, SlotTakenError: as with :func:`accept`.
        OutsideHoursError: the shop is closed then, or it is in the past or too far ahead.
    """
    found = repository.for_change(connection, scope, appointment_id)
    state = after(found.state, Move.MOVE)
    opening = dealer_of(connection, found.dealer_id).opening
    too_far = start > now + timedelta(days=planner.MOVE_HORIZON_DAYS)
    if start <= now or too_far or not planner.fits(opening, start, found.minutes):
        raise OutsideHoursError(start)
    return _settle(connection, scope, found, start, state, Move.MOVE, now)


def decline(connection: sa.Connection, scope: Scope, appointment_id: str, *, now: datetime) -> Appointment:
    """Declines a proposal; its time is free again, and nothing is proposed anew for the same suggestion."""
    return _end(connection, scope, appointment_id, Move.DECLINE, now)


def cancel(connection: sa.Connection, scope: Scope, appointment_id: str, *, now: datetime) -> Appointment:
    """Cancels an agreed appointment; its time is free again."""
    return _end(connection, scope, appointment_id, Move.CANCEL, now)


def finish(connection: sa.Connection, scope: Scope, appointment_id: str, *, now: datetime) -> Appointment:
    """Notes that the work was done."""
    return _end(connection, scope, appointment_id, Move.FINISH, now)


def renew(connection: sa.Connection, scope: Scope, appointment_id: str, *, now: datetime) -> Appointment:
    """Proposes new times where nobody answered before the first was over; withdraws after :data:`MOST_PROPOSALS`.

    Raises:
        NotFoundError: not this person's.
        IllegalMoveError: it is not proposed any more.
    """
    found = repository.for_change(connection, scope, appointment_id)
    state = after(found.state, Move.RENEW)
    if found.start > now:
        return found
    repository.release(connection, found.id)
    offers = _offers(connection, found.dealer_id, found.vehicle_id, found.minutes, found.severity, now)
    if not offers or reminders.times_proposed(connection, found.id) >= MOST_PROPOSALS:
        _free(connection, found, after(found.state, Move.WITHDRAW), now, scope.name)
        audit.record(connection, who=scope.name, action=str(Move.WITHDRAW), what=found.id, now=now, why="no answer")
    else:
        _offer_anew(connection, found, offers, state, now, scope.name)
    return repository.appointment(connection, scope, found.id)


def withdraw_for(connection: sa.Connection, suggestion_id: str, *, now: datetime, by: str) -> int:
    """Withdraws proposals of a suggestion that ended by itself; agreed appointments stay, people decide on those."""
    count = 0
    for dealer_id in sorted({one.dealer_id for one in repository.open_of_suggestion(connection, suggestion_id)}):
        repository.take_book(connection, dealer_id)
    for found in repository.open_of_suggestion(connection, suggestion_id):
        if found.state is State.PROPOSED:
            _free(connection, found, after(found.state, Move.WITHDRAW), now, by)
            count += 1
    return count


def free_times(
    connection: sa.Connection, scope: Scope, appointment_id: str, *, now: datetime, count: int = 24
) -> list[Offer]:
    """Free times for an appointment, soonest first, spread over the coming days."""
    found = repository.appointment(connection, scope, appointment_id)
    opening = dealer_of(connection, found.dealer_id).opening
    held = _taken(connection, found.dealer_id, found.vehicle_id, opening.bays, now, but=found.id)
    earliest = now + planner.LEAD[STOP_NOW]
    return planner.offers(opening, held, minutes=found.minutes, earliest=earliest, count=count)


def advice_for(connection: sa.Connection, scope: Scope, suggestion_id: str, *, now: datetime) -> Appointment:
    """Proposes a time for a suggestion at an advisor's wish.

    Raises:
        NotFoundError: not a suggestion that this person may see.
        IllegalMoveError: the suggestion has ended, or an appointment for its component is open.
        NoSlotError: the shop has no free time in the horizon.
    """
    suggestion = suggestions.suggestion(connection, scope, suggestion_id)
    if suggestion.state is not SuggestionState.OPEN:
        raise IllegalMoveError("suggestion", suggestion.state, "propose")
    made = propose(connection, suggestion, now=now, by=scope.name)
    if made is None:
        raise IllegalMoveError("appointment", "open already", "propose")
    return repository.appointment(connection, scope, made)


def _taken(
    connection: sa.Connection, dealer_id: str, vehicle_id: str, bays: int, since: datetime, *, but: str | None = None
) -> set[tuple[int, datetime]]:
    """Quarter hours that a vehicle cannot have: the bay is held, or the vehicle itself is elsewhere then."""
    own = [one for one in repository.open_of_vehicle(connection, vehicle_id) if one.id != but]
    busy = {slot for one in own for slot in planner.slots_of(one.start, one.minutes)}
    return repository.taken(connection, dealer_id, since) | {(bay, slot) for slot in busy for bay in range(1, bays + 1)}


def _offers(
    connection: sa.Connection, dealer_id: str, vehicle_id: str, minutes: int, severity: str, now: datetime
) -> list[Offer]:
    opening = dealer_of(connection, dealer_id).opening
    held = _taken(connection, dealer_id, vehicle_id, opening.bays, now - timedelta(days=1))
    earliest = now + planner.LEAD[severity]
    if severity != STOP_NOW:
        return planner.offers(opening, held, minutes=minutes, earliest=earliest, count=1 + ALTERNATIVES)
    return planner.soonest(opening, held, minutes=minutes, earliest=earliest, count=1 + ALTERNATIVES)


def _row(suggestion: Suggestion, found: list[Offer], minutes: int) -> dict[str, Any]:
    first, *others = found
    return {
        "id": uuid4().hex,
        "vehicle_id": suggestion.vehicle_id,
        "suggestion_id": suggestion.id,
        "component": str(suggestion.component),
        "job": suggestion.job,
        "severity": str(suggestion.severity),
        "state": str(State.PROPOSED),
        "bay": first.bay,
        "start": first.start,
        "minutes": minutes,
        "alternatives": [offer.start for offer in others],
    }


def _hold(connection: sa.Connection, dealer_id: str, offer: Offer, minutes: int, appointment_id: str) -> None:
    repository.hold(
        connection,
        dealer_id=dealer_id,
        bay=offer.bay,
        start=offer.start,
        minutes=minutes,
        appointment_id=appointment_id,
    )


def _offer_anew(
    connection: sa.Connection, found: Appointment, offers: list[Offer], state: State, now: datetime, by: str
) -> None:
    first, *others = offers
    for offer in _held(offers, found.severity):
        _hold(connection, found.dealer_id, offer, found.minutes, found.id)
    times = {"bay": first.bay, "start": first.start, "alternatives": [offer.start for offer in others]}
    repository.change(connection, found.id, state=state, at=now, by=by, **times)
    kept = vehicles.keeper(connection, found.vehicle_id)
    reminders.plan(connection, found.id, kept[1] if kept else None, start=first.start, now=now, proposed=True)
    audit.record(connection, who=by, action=str(Move.RENEW), what=found.id, now=now, start=first.start.isoformat())


def _held(offers: list[Offer], severity: str) -> list[Offer]:
    return offers[: 2 if severity == STOP_NOW else 1]


def _settle(
    connection: sa.Connection, scope: Scope, found: Appointment, start: datetime, state: State, how: Move, now: datetime
) -> Appointment:
    bay = found.bay
    held_start = found.start
    repository.release(connection, found.id)
    if start != held_start:
        bay = _free_bay(connection, found, start)
    repository.hold(
        connection, dealer_id=found.dealer_id, bay=bay, start=start, minutes=found.minutes, appointment_id=found.id
    )
    repository.change(connection, found.id, state=state, at=now, by=scope.name, bay=bay, start=start)
    kept = vehicles.keeper(connection, found.vehicle_id)
    reminders.plan(connection, found.id, kept[1] if kept else None, start=start, now=now, proposed=False)
    if found.suggestion_id is not None:
        _follow(connection, found.suggestion_id, SuggestionState.ACCEPTED, now, scope.name)
    audit.record(connection, who=scope.name, action=str(how), what=found.id, now=now, start=start.isoformat())
    return repository.appointment(connection, scope, found.id)


def _free_bay(connection: sa.Connection, found: Appointment, start: datetime) -> int:
    opening = dealer_of(connection, found.dealer_id).opening
    held = _taken(connection, found.dealer_id, found.vehicle_id, opening.bays, start, but=found.id)
    first = next(planner.free(opening, held, minutes=found.minutes, earliest=start), None)
    if first is None or first.start != start:
        raise SlotTakenError(start)
    return first.bay


def _end(connection: sa.Connection, scope: Scope, appointment_id: str, how: Move, now: datetime) -> Appointment:
    found = repository.for_change(connection, scope, appointment_id)
    _free(connection, found, after(found.state, how), now, scope.name)
    if found.suggestion_id is not None and how is not Move.FINISH:
        _follow(connection, found.suggestion_id, SuggestionState.OPEN, now, scope.name)
    audit.record(connection, who=scope.name, action=str(how), what=found.id, now=now)
    return repository.appointment(connection, scope, appointment_id)


def _free(connection: sa.Connection, found: Appointment, state: State, now: datetime, by: str) -> None:
    repository.release(connection, found.id)
    repository.change(connection, found.id, state=state, at=now, by=by)
    reminders.drop(connection, found.id)


def _follow(connection: sa.Connection, suggestion_id: str, state: SuggestionState, now: datetime, by: str) -> None:
    if state is SuggestionState.OPEN and advice.suggestion(connection, suggestion_id).state not in LIVING:
        return  # what people ended stays ended when an appointment for it is cancelled
    try:
        advice.set_suggestion_state(connection, suggestion_id, state, now, by)
    except StateMoveError:
        # The suggestion ended by itself meanwhile; the people's appointment stays as they wish.
        return


__all__ = [
    "NotFoundError", "accept", "advice_for", "cancel", "decline", "finish", "free_times", "leave", "move", "propose",
    "renew", "withdraw_for", "worsen",
]  # fmt: skip
