"""Rows of samples made ready: what is new, what still holds, how much engine time passed, where trips begin.

Two facts of real logs shape this (measured on a recorded Toyota, 82 h): a "1 Hz" log repeats 73 to 95 % of its values,
because a poll of 27 PIDs takes 1.8 s; and the ECU's own run time, not the row's time, tells how long the engine ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import columns as c

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

HOLD_MS = 15_000
"""How long a value stands for the time after it (our choice: three slow polls)."""
TRIP_GAP_MS = 600_000
"""Silence that ends a trip (our choice; a stop-start pause or a fuel stop with the engine on is shorter)."""
ENGINE_OFF_MS = 300_000
"""Engine off for so long ends a trip though samples go on (our choice; stop-start pauses are shorter)."""
RUNNING_RPM = 300.0
"""Above cranking (150 to 250 rpm), below any idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Samples of many vehicles, sorted by vehicle, then strictly by time.

    ``vehicle`` ``(m,)`` row of each vehicle in the state arrays; ``time_ms`` ``(m,)``; ``values`` ``(m, n_signals)`` in
    the order of :data:`diagnostics.features.columns.SIGNALS`, NaN where nothing was read.
    """

    vehicle: Integers
    time_ms: Integers
    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Rows with what was known before. Each vehicle's first row (``head``) is not a sample but what was carried over.

    ``held`` ``(m, n_signals)`` last value not older than ``HOLD_MS``; ``held_ms`` when it was read; ``known`` the same
    at any age; ``fresh`` where a value was read anew; ``polled`` ``(m,)`` no mere
    repetition of the row before; ``passed_ms`` ``(m,)`` engine time since the row before;
    ``running`` engine on; ``trip`` ``(m,)`` number of the stretch a row belongs to, heads included.
    """

    vehicle: Integers
    time_ms: Integers
    values: Floats
    head: Flags
    known: Floats
    known_ms: Integers
    held: Floats
    fresh: Flags
    polled: Flags
    passed_ms: Integers
    running: Flags
    ran_ms: Integers
    trip: Integers


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of vehicles of which nothing was seen."""
    width = len(c.SIGNALS)
    return {
        "seen_ms": np.full(n_vehicles, -1, dtype=np.int64),
        "ran_ms": np.full(n_vehicles, -1, dtype=np.int64),
        "row_run_time": np.full(n_vehicles, np.nan),
        "known": np.full((n_vehicles, width), np.nan),
        "known_ms": np.full((n_vehicles, width), -1, dtype=np.int64),
    }


def prepare(rows: Rows, state: State) -> Prepared:
    """Rows with the state of their vehicles carried in; ``state`` as of :func:`initial`."""
    starts = np.flatnonzero(np.diff(rows.vehicle, prepend=-1))
    ids = rows.vehicle[starts]
    vehicle = np.insert(rows.vehicle, starts, ids)
    time_ms = np.insert(rows.time_ms, starts, state["seen_ms"][ids])
    heads = starts + np.arange(len(starts))
    head = np.zeros(len(vehicle), dtype=bool)
    head[heads] = True
    values = np.insert(rows.values, starts, np.nan, axis=0)
    seen = np.insert(rows.values, starts, state["known"][ids], axis=0)
    seen_ms = np.repeat(time_ms[:, None], values.shape[1], axis=1)
    seen_ms[heads] = state["known_ms"][ids]
    run_time = values[:, c.RUN_TIME].copy()
    run_time[heads] = state["row_run_time"][ids]
    silent = np.diff(time_ms, prepend=time_ms[:1]) > TRIP_GAP_MS
    known, known_ms = _last_known(seen, seen_ms, head, silent)
    held = np.where(time_ms[:, None] - known_ms <= HOLD_MS, known, np.nan)
    running = (held[:, c.ENGINE_SPEED] > RUNNING_RPM) & ~head
    ran_ms = _ran(running, time_ms, heads, np.asarray(state["ran_ms"][ids], dtype=np.int64))
    return Prepared(
        vehicle=vehicle,
        time_ms=time_ms,
        values=values,
        head=head,
        known=known,
        known_ms=known_ms,
        held=held,
        fresh=_fresh(values, known, run_time, head),
        polled=(run_time != _before(run_time)) & ~head,
        passed_ms=_passed(time_ms, run_time, head),
        running=running,
        ran_ms=ran_ms,
        trip=_trips(time_ms, run_time, known, running, ran_ms, head, silent),
    )


def _last_known(seen: Floats, seen_ms: Integers, head: Flags, silent: Flags) -> tuple[Floats, Integers]:
    """What was read last and when; a run time from before a silence is forgotten.

    The silence has begun a trip already. Were the old run time kept, the new one, read some seconds after the key,
    would begin a second trip in the middle of the start.
    """
    rows = np.arange(len(seen))[:, None]
    counts = ~np.isnan(seen) | head[:, None]
    counts[:, c.RUN_TIME] |= silent
    last = np.maximum.accumulate(np.where(counts, rows, 0), axis=0)
    return np.take_along_axis(seen, last, axis=0), np.take_along_axis(seen_ms, last, axis=0)


def _before(values: Floats) -> Floats:
    """Each row's predecessor; the first row, a head, is its own."""
    return np.concatenate([values[:1], values[:-1]])


def _fresh(values: Floats, known: Floats, run_time: Floats, head: Flags) -> Flags:
    # Where the ECU's run time stood still, a value that did not change either was written down again, not read again.
    stood_still = run_time == _before(run_time)
    repeated = stood_still[:, None] & (values == _before(known))
    fresh: Flags = ~np.isnan(values) & ~repeated & ~head[:, None]
    return fresh


def _passed(time_ms: Integers, run_time: Floats, head: Flags) -> Integers:
    wall = np.diff(time_ms, prepend=time_ms[:1])
    engine = (run_time - _before(run_time)) * 1000.0
    told = engine >= 0.0
    passed = np.where(told, np.where(told, engine, 0.0), wall).astype(np.int64)
    before_known = ~head & (np.concatenate([time_ms[:1], time_ms[:-1]]) >= 0)
    return np.where(before_known, np.clip(passed, 0, HOLD_MS), 0)


def _ran(running: Flags, time_ms: Integers, heads: Integers, carried: Integers) -> Integers:
    """When the engine was last seen running, up to and with each row; -1 never."""
    at = np.where(running, np.arange(len(running)), 0)
    at[heads] = heads
    when = time_ms.copy()
    when[heads] = carried
    ran: Integers = when[np.maximum.accumulate(at)]
    return ran


def _trips(
    time_ms: Integers, run_time: Floats, known: Floats, running: Flags, ran_ms: Integers, head: Flags, silent: Flags
) -> Integers:
    restarted = run_time < _before(known)[:, c.RUN_TIME]
    parked = ~running & (ran_ms >= 0) & (time_ms - ran_ms > ENGINE_OFF_MS)
    was_parked = np.concatenate([parked[:1], parked[:-1]])
    just_parked = parked & ~was_parked
    begins = head | silent | restarted | just_parked
    return np.cumsum(begins) - 1


def carried(prepared: Prepared) -> tuple[Integers, dict[str, Floats | Integers]]:
    """Which vehicles had rows, and what is to be carried to their next ones."""
    last = np.flatnonzero(np.diff(prepared.vehicle, append=-1))
    return prepared.vehicle[last], {
        "seen_ms": prepared.time_ms[last],
        "ran_ms": prepared.ran_ms[last],
        "row_run_time": prepared.values[last, c.RUN_TIME],
        "known": prepared.known[last],
        "known_ms": prepared.known_ms[last],
    }
