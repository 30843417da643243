"""Where trips and charging sessions begin and end, and what a car does in each row: engine on, driving, charging, rest.

Rows fall into parts: a silence, a long standstill with everything off, a new start or the plug begins a new one. A part
in which nothing was active is no trip; what a parked car tells now and then is rest before the next active part, and
both together are a stretch. The ECU's own run time, not the row's time, tells how long the engine ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import integers
from diagnostics.features import rows as row_state
from diagnostics.features.rows import Samples
from diagnostics.features.spans import CHARGE_HOLD_MS, ENGINE_OFF_MS, HOLD_MS, MISSED_MS
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State
    from diagnostics.features.rows import Rows

RUNNING_RPM = 300.0
"""Above cranking (150 to 250 rpm), below any idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Rows, heads included, and what happened in them, each ``(m,)``; no head is running, driving or charging.

    ``passed_ms`` time since the row before by the car's own clock, as far as the row stands for it, and ``missed_ms``
    the rest within the part, of which nothing arrived, as floats of the rows' kind; ``elapsed_ms`` running or charging
    time of the part so far. ``running`` engine on, or ready in a car without one; ``driving`` in motion;
    ``charging`` at the plug. ``active_ms`` when any of these was last seen, -1 never. ``part`` and ``stretch`` number
    of each, counted over all vehicles. Of parts ``(n_parts,)``: ``part_starts`` first row, ``part_active`` anything
    happened in it, ``part_stretch``. Of stretches: ``begun_ms`` their first sample.
    """

    samples: Samples
    passed_ms: Floats
    missed_ms: Floats
    running: Flags
    driving: Flags
    charging: Flags
    active_ms: Integers
    elapsed_ms: Integers
    part: Integers
    part_starts: Integers
    part_active: Flags
    part_stretch: Integers
    begun_ms: Integers

    @property
    def head(self) -> Flags:
        """Rows that are no samples."""
        return self.samples.head

    @property
    def trip(self) -> Integers:
        """Number of the part that each row belongs to."""
        return self.part

    def fresh(self, path: str) -> Flags:
        """Where a value was read anew."""
        return self.samples.fresh(path)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of vehicles of which nothing was seen."""
    return row_state.initial(n_vehicles) | {
        "active_ms": np.full(n_vehicles, -1, dtype=np.int64),
        "begun_ms": np.full(n_vehicles, -1, dtype=np.int64),
        "elapsed_ms": np.zeros(n_vehicles, dtype=np.int64),
        "part_active": np.zeros(n_vehicles, dtype=np.int64),
    }


def prepare(rows: Rows, state: State) -> Prepared:
    """Rows with the state of their vehicles carried in; ``state`` as of :func:`initial`, one row a vehicle."""
    samples = Samples(rows, state)
    charging_too = _plugged(samples)
    running, driving = _running(samples, charging_too)
    charging = charging_too & ~samples.head
    active = running | driving | charging
    active_ms = _last_active(samples, active, integers(state["active_ms"]))
    passed, beyond = _passed(samples, charging_too)
    begins = _begins(samples, active, active_ms, charging_too)
    part = np.cumsum(begins) - 1
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    went = active & (passed > 0)
    went[samples.heads] = integers(state["part_active"]) > 0
    part_active = np.logical_or.reduceat(went, starts)
    new = samples.head[starts] | np.concatenate([[True], part_active[:-1]])
    return Prepared(
        samples=samples,
        passed_ms=passed.astype(samples.dtype),
        missed_ms=np.where(begins | ~_was_active(samples, active_ms), 0, beyond).astype(samples.dtype),
        running=running,
        driving=driving,
        charging=charging,
        active_ms=active_ms,
        elapsed_ms=_elapsed(samples, np.where(running | charging, passed, 0), part, starts, state),
        part=part,
        part_starts=starts,
        part_active=part_active,
        part_stretch=np.cumsum(new) - 1,
        begun_ms=_begun(samples, starts[new], integers(state["begun_ms"])),
    )


def carried(prepared: Prepared) -> dict[str, Floats | Integers]:
    """What is to be carried to the vehicles' next rows."""
    samples, last = prepared.samples, prepared.samples.last_rows
    known, known_ms = samples.known_after()
    part = prepared.part[last]
    return {
        "seen_ms": samples.time_ms[last],
        "row_run_time": samples.run_time[last].astype(np.float64),
        "known": known,
        "known_ms": known_ms,
        "active_ms": prepared.active_ms[last],
        "begun_ms": prepared.begun_ms[prepared.part_stretch[part]],
        "elapsed_ms": prepared.elapsed_ms[last],
        "part_active": prepared.part_active[part].astype(np.int64),
    }


def _plugged(samples: Samples) -> Flags:
    """Where the car charges, heads included; what a head says is what was so in the row that was carried over."""
    if not samples.reading(s.IS_CHARGING).told:
        return np.zeros(len(samples), dtype=bool)
    return samples.held(s.IS_CHARGING, CHARGE_HOLD_MS) > 0.0


def _running(samples: Samples, charging: Flags) -> tuple[Flags, Flags]:
    """Engine on, or ready where no engine was ever heard of; and in motion, by engine or not."""
    speed, rpm = samples.held(s.SPEED), samples.held(s.ENGINE_SPEED)
    running = rpm > RUNNING_RPM
    engine, _ = samples.reading(s.ENGINE_SPEED).last(None)
    near = np.diff(samples.time_ms, prepend=samples.time_ms[:1]) <= HOLD_MS
    running |= np.isnan(engine) & ~np.isnan(speed) & near & ~charging
    driving = (speed > 0.0) & ~charging
    running[samples.heads] = driving[samples.heads] = False
    return running, driving


def _passed(samples: Samples, charging: Flags) -> tuple[Integers, Integers]:
    """Time since the row before that the row stands for, and what is beyond that and was spent alike, ms."""
    wall = np.diff(samples.time_ms, prepend=samples.time_ms[:1])
    engine = np.diff(samples.run_time, prepend=samples.run_time[:1]).astype(np.float64) * 1000.0
    told = engine >= 0.0
    passed = np.where(told, np.where(told, engine, 0.0), wall).astype(np.int64)
    long = np.where(charging & np.concatenate([charging[:1], charging[:-1]]), CHARGE_HOLD_MS, HOLD_MS)
    before_known = ~samples.head & (np.concatenate([samples.time_ms[:1], samples.time_ms[:-1]]) >= 0)
    counted = np.where(before_known, np.clip(passed, 0, long), 0)
    sure = before_known & (told | (wall <= MISSED_MS))
    return counted, np.where(sure, np.maximum(passed - counted, 0), 0)


def _was_active(samples: Samples, active_ms: Integers) -> Flags:
    """Where the row before was active, also one of an earlier batch."""
    was = active_ms == samples.time_ms
    return np.concatenate([was[:1], was[:-1]])


def _last_active(samples: Samples, active: Flags, carried_ms: Integers) -> Integers:
    """When anything was last active, up to and with each row; -1 never."""
    at = np.where(active, np.arange(len(active)), 0)
    at[samples.heads] = samples.heads
    when = samples.time_ms.copy()
    when[samples.heads] = carried_ms
    last: Integers = when[np.maximum.accumulate(at)]
    return last


def _begins(samples: Samples, active: Flags, active_ms: Integers, charging: Flags) -> Flags:
    run_time, _ = samples.reading(s.RUN_TIME).before(None)
    restarted = samples.run_time < run_time
    parked = ~active & (active_ms >= 0) & (samples.time_ms - active_ms > ENGINE_OFF_MS)
    just_parked = parked & ~np.concatenate([parked[:1], parked[:-1]])
    plug = charging != np.concatenate([charging[:1], charging[:-1]])
    begins: Flags = samples.head | samples.silent | restarted | just_parked | plug
    return begins


def _elapsed(samples: Samples, passed: Integers, part: Integers, starts: Integers, state: State) -> Integers:
    """Running time since the part began, up to and with each row."""
    passed[samples.heads] = state["elapsed_ms"]
    total = np.cumsum(passed)
    elapsed: Integers = total - (total - passed)[starts][part]
    return elapsed


def _begun(samples: Samples, starts: Integers, carried_ms: Integers) -> Integers:
    """When each stretch began: its first sample, or what was carried over."""
    of_head = samples.head[starts]
    begun = samples.time_ms[np.where(of_head, starts + 1, starts)]
    known = carried_ms[np.cumsum(of_head) - 1]
    return np.where(of_head & (known >= 0), known, begun)
