"""Cursors of pages."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.errors import InvalidRequestError
from api.pagination import decode, encode

moments = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001
    max_value=datetime(2099, 12, 30),  # noqa: DTZ001
)


@given(at=moments, identity=st.text(max_size=64))
def test_a_cursor_comes_back_as_the_row_it_stands_for(at: datetime, identity: str) -> None:
    """Time and id survive, to the microsecond, whatever the id holds."""
    assert decode(encode((at, identity))) == (at, identity)


@given(at=moments, identity=st.text(max_size=64))
def test_a_cursor_fits_into_an_address(at: datetime, identity: str) -> None:
    """It needs no escaping in a query."""
    assert set(encode((at, identity))) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200))
@example("é")
@example(base64.urlsafe_b64encode(b"2026-01-01T00:00:00|x").decode())
@example(base64.urlsafe_b64encode(b"\xff\xfe").decode())
def test_a_foreign_cursor_is_refused(text: str) -> None:
    """Anything that was not given out is an invalid request, never an error of ours."""
    try:
        at, _ = decode(text)
    except InvalidRequestError:
        return
    assert at.tzinfo is not None


def test_a_cursor_without_zone_is_refused() -> None:
    """A time that could mean several moments is none of ours."""
    with pytest.raises(InvalidRequestError):
        decode(base64.urlsafe_b64encode(b"2026-01-01T00:00:00|x").decode())
