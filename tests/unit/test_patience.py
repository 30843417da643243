"""The suite's own guard: a test that waits for what never comes fails."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from tests.conftest import _patient


async def test_a_test_that_awaits_for_ever_fails_where_it_waits() -> None:
    """The error names the line that waited."""

    async def a_wait_without_end() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as caught:
        await _patient(a_wait_without_end, patience_s=0.01)()
    assert "a_wait_without_end" in "".join(traceback.format_exception(caught.value))


async def test_one_that_ends_is_left_alone() -> None:
    """Its arguments reach it, and what it raises comes out."""
    heard: list[object] = []

    async def quick(one: int, *, other: str) -> None:
        heard.extend((one, other))
        raise LookupError

    with pytest.raises(LookupError):
        await _patient(quick)(1, other="two")
    assert heard == [1, "two"]
