"""All SQL about dealers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from api.appointments.planner import Opening
from api.errors import InvalidRequestError
from api.tables import dealers

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEK: Mapping[str, list[list[str]]] = {
    **{str(day): [["08:00", "12:00"], ["13:00", "18:00"]] for day in range(5)},
    "5": [["08:30", "16:00"]],
    "6": [],
}
"""Hours of a new dealer by weekday, Monday 0 (our choice, to be changed by the dealer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """A shop and when it is open."""

    id: str
    name: Mapping[str, str]
    opening: Opening


def create(
    connection: sa.Connection,
    *,
    name_en: str,
    name_zh: str,
    time_zone: str,
    bays: int,
    now: datetime,
    hours: Mapping[str, list[list[str]]] | None = None,
) -> str:
    """Adds a dealer; its id."""
    dealer_id = uuid4().hex
    values: dict[str, Any] = {"id": dealer_id, "name_en": name_en, "name_zh": name_zh, "time_zone": time_zone}
    values |= {"bays": bays, "hours": dict(hours or WEEK), "closed_days": [], "created_at": now}
    connection.execute(dealers.insert().values(values))
    return dealer_id


def dealer(connection: sa.Connection, dealer_id: str) -> Dealer:
    """The dealer of that id, which must exist."""
    return _dealer(connection.execute(sa.select(dealers).where(dealers.c.id == dealer_id)).mappings().one())


def find(connection: sa.Connection, name: str) -> Dealer:
    """The dealer with that id or name.

    Raises:
        InvalidRequestError: there is none; names those there are.
    """
    everyone = list_dealers(connection)
    for one in everyone:
        if name in (one.id, one.name["en"], one.name["zh"]):
            return one
    known = ", ".join(one.name["en"] for one in everyone)
    raise InvalidRequestError("there is no dealer {name!r}; there are {known}", name=name, known=known)


def list_dealers(connection: sa.Connection) -> list[Dealer]:
    """All dealers, oldest first."""
    rows = connection.execute(sa.select(dealers).order_by(dealers.c.created_at, dealers.c.id)).mappings()
    return [_dealer(row) for row in rows]


def _dealer(row: sa.RowMapping) -> Dealer:
    hours = {
        int(day): tuple((time.fromisoformat(first), time.fromisoformat(last)) for first, last in spans)
        for day, spans in row["hours"].items()
    }
    closed = frozenset(date.fromisoformat(day) for day in row["closed_days"])
    opening = Opening(time_zone=row["time_zone"], hours=hours, closed_days=closed, bays=row["bays"])
    return Dealer(id=row["id"], name={"en": row["name_en"], "zh": row["name_zh"]}, opening=opening)
