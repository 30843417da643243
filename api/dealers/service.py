"""Adding a dealer, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from api.dealers import repository
from api.errors import DuplicateNameError, InvalidRequestError

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

MOST_BAYS = 200
"""Far more than a workshop has (our choice); each bay is looked through when a time is sought."""
MAX_NAME = 128


def add(
    connection: sa.Connection, *, name_en: str, name_zh: str, time_zone: str, bays: int, now: datetime
) -> repository.Dealer:
    """Adds a dealer with the usual opening hours.

    Raises:
        InvalidRequestError: no name or one that is too long, an unknown time zone, or a number of bays that cannot be.
        DuplicateNameError: another dealer has that name, in either language.
    """
    names = [" ".join(name.split()) for name in (name_en, name_zh)]
    taken = {name for one in repository.list_dealers(connection) for name in (one.id, *one.name.values())}
    for name in names:
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidRequestError("a dealer's name has 1 to {most} characters", most=MAX_NAME)
        if name in taken:
            raise DuplicateNameError(name)
    if time_zone not in available_timezones():
        raise InvalidRequestError("there is no time zone {zone!r}; an example is Asia/Shanghai", zone=time_zone)
    if not 1 <= bays <= MOST_BAYS:
        raise InvalidRequestError("a dealer has 1 to {most} bays, not {count}", most=MOST_BAYS, count=bays)
    dealer_id = repository.create(
        connection, name_en=names[0], name_zh=names[1], time_zone=time_zone, bays=bays, now=now
    )  # fmt: skip
    return repository.dealer(connection, dealer_id)
