"""Times that people name: aware, and of this century, so that every zone and calendar can hold them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def is_usable(moment: datetime) -> bool:
    """Whether a time names its zone and lies between :data:`EARLIEST` and :data:`LATEST`."""
    return moment.tzinfo is not None and EARLIEST <= moment <= LATEST


def _checked(moment: datetime) -> datetime:
    if not is_usable(moment):
        raise ValueError(f"must be between {EARLIEST:%Y} and {LATEST:%Y}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_checked)]
"""A time in a request; another is refused with the field's name."""
