"""Whether a task's end was asked for."""

from __future__ import annotations

import asyncio


def is_cancelled() -> bool:
    """Whether this task was cancelled, also where an error or a result took the cancellation's place.

    ``asyncio.wait_for``, on which aiomqtt stands, loses a cancellation that comes together with its result (CPython
    before 3.12, issue 86296); a loop that asks here ends all the same.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
