"""All SQL about reminders: an outbox in which each message stands once.

One about an appointment stands once for its kind and time, one about advice once for its kind and level.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from api.appointments.states import OPEN
from api.auth.scope import Role
from api.reminders.due import TELLING, Kind, Said, due_times, next_try
from api.tables import appointments, deliveries, reminders, users, vehicles
from diagnostics.findings import Severity
from ingest.storage.database import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from api.auth.scope import Scope
    from api.reminders.texts import Message
    from diagnostics.findings import Suggestion

WAITING, SENT, DROPPED, GIVEN_UP = "waiting", "sent", "dropped", "given_up"
MAX_PROBLEM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A message to an owner about an appointment or advice; ``id`` stays the same however often it is tried.

    ``user_id`` is the owner it is meant for while it waits, and the one it went to after. ``level`` is the severity
    that it tells of.
    """

    id: str
    vehicle_id: str
    appointment_id: str | None
    suggestion_id: str | None
    component: str
    level: Severity
    kind: Kind
    user_id: str | None
    due_at: datetime
    state: str
    tries: int
    sent_at: datetime | None
    subject: str | None
    body: str | None
    problem: str | None


_COLUMNS = tuple(Reminder.__dataclass_fields__)
_JOINED = reminders.join(vehicles, vehicles.c.id == reminders.c.vehicle_id)


def _if_told(otherwise: str) -> sa.ColumnElement[str]:
    """The state in which a message ends that is tried no more: sent where one URL took it, else ``otherwise``."""
    return sa.case((reminders.c.sent_at.is_not(None), SENT), else_=otherwise)


_ENDED = _if_told(DROPPED)


def plan(
    connection: sa.Connection,
    appointment_id: str,
    user_id: str | None,
    *,
    start: datetime,
    now: datetime,
    proposed: bool,
) -> None:
    """Plans the messages of an appointment that is now at ``start``, in place of those for another time."""
    c = reminders.c
    others = (c.appointment_id == appointment_id, c.state == WAITING, c.made_for != start)
    connection.execute(reminders.update().where(*others).values(state=_ENDED))
    mine = (c.appointment_id == appointment_id, c.made_for == start)
    known = set(connection.execute(sa.select(c.kind).where(*mine)).scalars())
    about = _about(connection, appointment_id)
    for kind, due_at in due_times(start, now=now, proposed=proposed).items():
        values: dict[str, Any] = {"user_id": user_id, "due_at": due_at, "state": WAITING, "tries": 0, **about}
        if str(kind) in known:
            # Moved away and back: what was dropped is needed again; what was sent is not.
            dropped = reminders.update().where(*mine, c.kind == str(kind), c.state == DROPPED)
            connection.execute(dropped.values(values))
        else:
            row = {"id": uuid4().hex, "appointment_id": appointment_id, "kind": str(kind), "made_for": start}
            connection.execute(reminders.insert().values(row | values))


def _about(connection: sa.Connection, appointment_id: str) -> dict[str, str]:
    """Vehicle, component and level of messages about an appointment."""
    c = appointments.c
    columns = (c.vehicle_id, c.component, c.severity.label("level"))
    return dict(connection.execute(sa.select(*columns).where(c.id == appointment_id)).mappings().one())


def plan_notice(
    connection: sa.Connection, advice: Suggestion, user_id: str | None, kind: Kind, level: Severity, *, due_at: datetime
) -> None:
    """Plans a message about advice; what is planned or was told already stands."""
    c = reminders.c
    same = (c.suggestion_id == advice.id, c.kind == str(kind), c.level == str(level))
    if connection.execute(sa.select(c.id).where(*same)).first() is not None:
        return
    row = {
        "id": uuid4().hex, "suggestion_id": advice.id, "vehicle_id": advice.vehicle_id,
        "component": str(advice.component), "level": str(level), "kind": str(kind), "user_id": user_id,
        "due_at": due_at, "state": WAITING, "tries": 0, "made_for": due_at,
    }  # fmt: skip
    connection.execute(reminders.insert().values(row))


def said_of(connection: sa.Connection, suggestion_ids: Collection[str]) -> dict[str, list[Said]]:
    """What was told of advice, or is to be, by suggestion: messages of its own and proposals that it led to."""
    c, a = reminders.c, appointments.c
    whose = sa.func.coalesce(c.suggestion_id, a.suggestion_id).label("whose")
    joined = reminders.outerjoin(appointments, a.id == c.appointment_id)
    query = sa.select(whose, c.kind, c.level, c.state, c.sent_at).select_from(joined)
    query = query.where(whose.in_(suggestion_ids), c.kind.in_([str(kind) for kind in TELLING])).order_by(c.due_at, c.id)
    found: dict[str, list[Said]] = {}
    for row in connection.execute(query):
        counts = row.sent_at is not None or row.state != DROPPED
        one = Said(kind=Kind(row.kind), level=Severity(row.level), sent_at=row.sent_at, counts=counts)
        found.setdefault(row.whose, []).append(one)
    return found


def told_last(connection: sa.Connection, found: Reminder, user_id: str, kinds: Iterable[Kind]) -> datetime | None:
    """When that owner was last told by such a message of what a message is about, at its level."""
    c = reminders.c
    same = (c.vehicle_id == found.vehicle_id, c.component == found.component, c.level == str(found.level))
    query = sa.select(sa.func.max(c.sent_at, type_=UtcDateTime)).where(*same, c.user_id == user_id, c.id != found.id)
    last: datetime | None = connection.execute(query.where(c.kind.in_([str(kind) for kind in kinds]))).scalar()
    return last


def postpone(connection: sa.Connection, reminder_id: str, until: datetime) -> None:
    """Puts a message off."""
    connection.execute(reminders.update().where(reminders.c.id == reminder_id).values(due_at=until))


def drop(connection: sa.Connection, appointment_id: str) -> None:
    """Drops the messages of an appointment that has ended."""
    mine = (reminders.c.appointment_id == appointment_id, reminders.c.state == WAITING)
    connection.execute(reminders.update().where(*mine).values(state=_ENDED))


def readdress(connection: sa.Connection, vehicle_id: str, owner_id: str | None, *, now: datetime) -> None:
    """Means for a vehicle's new owner what has reached nobody yet: what waits, and what was given up."""
    c = reminders.c
    theirs = sa.select(appointments.c.id).where(
        appointments.c.vehicle_id == vehicle_id, appointments.c.state.in_([str(state) for state in OPEN])
    )
    about = sa.or_(c.appointment_id.in_(theirs), sa.and_(c.vehicle_id == vehicle_id, c.suggestion_id.is_not(None)))
    mine = (about, c.user_id.is_distinct_from(owner_id))
    told = (c.state == WAITING, c.sent_at.is_not(None))
    connection.execute(reminders.update().where(*mine, *told).values(state=SENT))
    anew: dict[str, Any] = {"user_id": owner_id, "tries": 0, "problem": None}
    tried = sa.or_(c.state == GIVEN_UP, sa.and_(c.state == WAITING, c.tries > 0))
    connection.execute(reminders.update().where(*mine, tried).values(anew | {"state": WAITING, "due_at": now}))
    connection.execute(reminders.update().where(*mine, c.state == WAITING).values(anew))


def times_proposed(connection: sa.Connection, appointment_id: str) -> int:
    """For how many times of an appointment a proposal was told, or is to be told."""
    c = reminders.c
    query = sa.select(sa.func.count()).where(c.appointment_id == appointment_id, c.kind == str(Kind.PROPOSED))
    return int(connection.execute(query).scalar_one())


def due(connection: sa.Connection, now: datetime, *, limit: int = 100) -> list[Reminder]:
    """Messages to send now, oldest first; those about a vehicle without an owner wait until it has one."""
    c = reminders.c
    owned = _JOINED.join(users, users.c.id == vehicles.c.owner_id)
    query = sa.select(*(c[name] for name in _COLUMNS)).select_from(owned)
    query = query.where(c.state == WAITING, c.due_at <= now, users.c.disabled_at.is_(None))
    query = query.order_by(c.due_at).limit(limit)
    return [_reminder(row) for row in connection.execute(query).mappings()]


def delivered(connection: sa.Connection, reminder_id: str) -> set[str]:
    """By which URLs a message has gone already, as :func:`address` names them."""
    query = sa.select(deliveries.c.address).where(deliveries.c.reminder_id == reminder_id)
    return set(connection.execute(query).scalars())


def address(url: str) -> str:
    """What is kept of a URL, or of the empty text for the file channel."""
    return hashlib.sha256(url.encode()).hexdigest()


def mark_delivered(
    connection: sa.Connection, reminder_id: str, user_id: str, message: Message, *, url: str, now: datetime
) -> None:
    """Notes that a message went out by one URL, to whom and with which words; so it has been told."""
    connection.execute(deliveries.insert().values(reminder_id=reminder_id, address=address(url), at=now))
    c = reminders.c
    values = {"user_id": user_id, "subject": message.subject, "body": message.body}
    first = sa.func.coalesce(c.sent_at, sa.literal(now, UtcDateTime))
    connection.execute(reminders.update().where(c.id == reminder_id).values(values | {"sent_at": first}))


def mark_sent(connection: sa.Connection, reminder_id: str) -> None:
    """Notes that a message went out by all URLs."""
    connection.execute(reminders.update().where(reminders.c.id == reminder_id).values(state=SENT, problem=None))


def mark_dropped(connection: sa.Connection, reminder_id: str) -> None:
    """Notes that there is nothing to say any more."""
    connection.execute(reminders.update().where(reminders.c.id == reminder_id).values(state=_ENDED))


def mark_failed(connection: sa.Connection, found: Reminder, problem: str, *, now: datetime) -> None:
    """Notes a failure; the message is tried again later, or given up. One that went out by some URL counts as sent."""
    again = next_try(found.tries + 1, now=now)
    values: dict[str, Any] = {"tries": found.tries + 1, "problem": problem[:MAX_PROBLEM]}
    values |= {"state": _if_told(GIVEN_UP)} if again is None else {"due_at": again}
    connection.execute(reminders.update().where(reminders.c.id == found.id).values(values))


def list_reminders(
    connection: sa.Connection, scope: Scope, *, vehicle_id: str | None = None, limit: int = 100
) -> list[Reminder]:
    """Messages about vehicles that the person may see, newest first; an owner sees those to themselves."""
    query = sa.select(*(reminders.c[name] for name in _COLUMNS)).select_from(_JOINED).where(scope.visible())
    if scope.role is Role.OWNER:
        query = query.where(reminders.c.user_id == scope.user_id)
    if vehicle_id is not None:
        query = query.where(reminders.c.vehicle_id == vehicle_id)
    query = query.order_by(reminders.c.due_at.desc(), reminders.c.id).limit(limit)
    return [_reminder(row) for row in connection.execute(query).mappings()]


def _reminder(row: sa.RowMapping) -> Reminder:
    words = {"kind": Kind(row["kind"]), "level": Severity(row["level"])}
    return Reminder(**{name: row[name] for name in _COLUMNS} | words)
