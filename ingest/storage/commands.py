"""Requests to devices: written by the service desk, carried out by ingest, answered by the device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from ingest.storage.tables import commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

REQUESTED, SENT, ENDED = "requested", "sent", ("done", "refused", "failed", "expired")
_MAX_REASON = 500
_EXPIRED = "no answer in time: the device is offline, asleep or out of reach"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """A request and how far it has come: requested, sent, progress, then done, refused, failed or expired."""

    id: str
    device_id: str
    name: str
    arguments: Mapping[str, Any]
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    status: str
    result: Mapping[str, Any]
    reason: str
    answered_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether no more will come."""
        return self.status in ENDED

    def at(self, now: datetime) -> CommandRecord:
        """How it stands at ``now``: over where its time is, also while no ingest runs that could note it."""
        if self.ended or self.expires_at >= now:
            return self
        return replace(self, status="expired", reason=_EXPIRED, answered_at=self.expires_at)


def request_command(
    connection: sa.Connection,
    *,
    device_id: str,
    name: str,
    arguments: Mapping[str, Any],
    requested_by: str,
    now: datetime,
    expires_at: datetime,
) -> str:
    """Asks a device for something; the id under which the answer will be found."""
    command_id = uuid4().hex
    connection.execute(
        commands.insert().values(
            id=command_id, device_id=device_id, name=name, arguments=dict(arguments), requested_by=requested_by,
            requested_at=now, expires_at=expires_at, status=REQUESTED, result={}, reason="",
        )
    )  # fmt: skip
    return command_id


def read_command(connection: sa.Connection, command_id: str) -> CommandRecord | None:
    """The request of that id, or None."""
    row = connection.execute(sa.select(commands).where(commands.c.id == command_id)).first()
    return None if row is None else _record(row)


def commands_of(connection: sa.Connection, device_id: str, *, limit: int = 50) -> list[CommandRecord]:
    """The newest requests to a device, newest first."""
    query = sa.select(commands).where(commands.c.device_id == device_id)
    return [_record(row) for row in connection.execute(query.order_by(commands.c.requested_at.desc()).limit(limit))]


def requested(connection: sa.Connection, now: datetime) -> list[CommandRecord]:
    """Requests that have not been sent yet and are still wanted at ``now``, oldest first."""
    waiting = sa.select(commands).where(commands.c.status == REQUESTED, commands.c.expires_at > now)
    query = waiting.order_by(commands.c.requested_at)
    return [_record(row) for row in connection.execute(query)]


def mark_sent(connection: sa.Connection, command_id: str, now: datetime) -> None:
    """Notes that a request went to the broker; an answer that was quicker stays."""
    mine = commands.update().where(commands.c.id == command_id, commands.c.status == REQUESTED)
    connection.execute(mine.values(status=SENT, sent_at=now))


def any_overdue(connection: sa.Connection, now: datetime) -> bool:
    """Whether there is a request whose time is over; asked before writing, so that idling writes nothing."""
    late = sa.select(commands.c.id).where(commands.c.status.not_in(ENDED), commands.c.expires_at < now).limit(1)
    return connection.execute(late).first() is not None


def expire(connection: sa.Connection, now: datetime) -> int:
    """Ends requests whose time is over; how many."""
    open_ones = commands.c.status.not_in(ENDED)
    late = commands.update().where(open_ones, commands.c.expires_at < now)
    return connection.execute(late.values(status="expired", reason=_EXPIRED, answered_at=now)).rowcount


def record_reply(
    connection: sa.Connection,
    *,
    command_id: str,
    device_id: str,
    status: str,
    result: Mapping[str, Any],
    reason: str,
    now: datetime,
) -> bool:
    """Keeps a device's answer; False where the request is not this device's, or has ended."""
    mine = commands.update().where(
        commands.c.id == command_id, commands.c.device_id == device_id, commands.c.status.not_in(ENDED)
    )
    known = status if status in ENDED else "progress"
    clean = reason.replace("\x00", "")[:_MAX_REASON]
    values = {"status": known, "result": dict(result), "reason": clean, "answered_at": now}
    return connection.execute(mine.values(values)).rowcount == 1


def _record(row: sa.Row[tuple[object, ...]]) -> CommandRecord:
    fields = row._mapping  # noqa: SLF001  SQLAlchemy's documented mapping of a row
    return CommandRecord(**{name: fields[name] for name in CommandRecord.__dataclass_fields__})
