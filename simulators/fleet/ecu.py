"""The control unit's memory: what its tests found, trip by trip, and which codes and lamp follow.

A code is pending after a failing drive, stored and with the lamp on after as many as its test asks for in a row. The
lamp goes out after three drives in a row that pass, the code after forty warm-ups without. Clearing codes forgets
everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from simulators.fleet.ecu_tests import ALSO_READ, Look, columns, tests_of
from simulators.fleet.recording import DRIVING, KEY_OFF, KEY_ON
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.ecu_tests import Test
    from simulators.fleet.recording import Rows

    Bools = npt.NDArray[np.bool_]

PASSES_TO_LAMP_OFF = 3
WARM_UPS_TO_FORGET = 40
WARM_C = 71.0
ROW_S = 2.0
FROZEN = (
    s.SPEED, s.ENGINE_SPEED, s.ENGINE_LOAD, s.COOLANT_TEMPERATURE, s.INTAKE_AIR_TEMPERATURE, s.MAP, s.MAF,
    s.SHORT_TERM_FUEL_TRIM_1, s.LONG_TERM_FUEL_TRIM_1, s.CONTROL_MODULE_VOLTAGE, s.RUN_TIME, s.AMBIENT_AIR_TEMPERATURE,
)  # fmt: skip
MEMORY_SIGNALS = (s.MIL_ON, s.DTC_COUNT, s.WARM_UPS_SINCE_CODES_CLEARED, s.TIME_SINCE_CODES_CLEARED)
"""What the memory itself gives to a reader."""
LONGEST_COUNT = 65_535.0
MOST_WARM_UPS = 255.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A trouble code as it changes: ``state`` is pending, stored, permanent, or cleared once it is gone.

    ``vehicle`` is the index in the block; ``freeze`` are the readings kept with it.
    """

    vehicle: int
    time_ms: int
    code: str
    component: str
    state: str
    present: bool
    lamp: bool
    freeze: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """Of all cars of a block: ``(n, tests)`` each, or ``(n,)``."""

    tests: tuple[Test, ...]
    failing: npt.NDArray[np.int16]
    """Failing drives in a row."""
    passing: npt.NDArray[np.int16]
    stored: Bools
    warm_ups: npt.NDArray[np.int16]
    """Since a stored code's test last failed."""
    ready: Bools
    """Whether each test came to a result since codes were cleared."""
    crossed_s: Floats
    judged_s: Floats
    hottest_c: Floats
    stopped_ms: Indices
    cleared_ms: Indices
    since_cleared: Floats
    """Warm-ups since codes were cleared."""

    @property
    def lamp(self) -> Bools:
        """Whether the malfunction lamp is on, ``(n,)``."""
        asks = np.array([test.lamp for test in self.tests], dtype=np.bool_)
        lit = self.stored & asks & (self.passing < PASSES_TO_LAMP_OFF)
        return np.asarray(lit.any(axis=1), dtype=np.bool_)


def fresh(signals: tuple[str, ...], start_ms: int, n: int, rng: np.random.Generator) -> Memory:
    """The memory of cars without codes, last cleared long ago."""
    tests = tests_of(signals)
    count = np.zeros((n, len(tests)), dtype=np.int16)
    zeros = np.zeros((n, len(tests)), dtype=np.float32)
    return Memory(
        tests=tests, failing=count, passing=count.copy(), stored=count > 0, warm_ups=count.copy(), ready=count == 0,
        crossed_s=zeros, judged_s=zeros.copy(), hottest_c=floats(np.full(n, -40.0)),
        stopped_ms=np.full(n, start_ms, dtype=np.int64),
        cleared_ms=start_ms - (rng.gamma(2.0, 300.0, n) * 86_400_000.0).astype(np.int64),
        since_cleared=floats(rng.uniform(60.0, MOST_WARM_UPS, n)),
    )  # fmt: skip


def told(memory: Memory, rows: Rows) -> Floats:
    """Values of ``MEMORY_SIGNALS`` in each row, ``(k, 4)``: as the memory stands, read with the rest."""
    lamp, count = floats(memory.lamp), floats(memory.stored.sum(axis=1))
    since = np.clip((rows.time_ms - memory.cleared_ms[rows.vehicle]) / 60_000.0, 0.0, LONGEST_COUNT)
    return np.stack(
        [lamp[rows.vehicle], count[rows.vehicle], memory.since_cleared[rows.vehicle], floats(since)], axis=1
    )


def clear(memory: Memory, vehicle: int, time_ms: int) -> None:
    """Codes of a car are cleared: all counts begin anew."""
    for counts in (memory.failing, memory.passing, memory.warm_ups, memory.crossed_s, memory.judged_s):
        counts[vehicle] = 0
    memory.stored[vehicle] = memory.ready[vehicle] = False
    memory.cleared_ms[vehicle], memory.since_cleared[vehicle] = time_ms, 0.0


def watch(memory: Memory, rows: Rows, platform: Mapping[str, float]) -> list[Code]:
    """Lets all tests look at rows (sorted by vehicle, then time), and gives what changed in the memory."""
    if not len(rows):
        return []
    begin = np.flatnonzero(np.r_[True, (rows.vehicle[1:] != rows.vehicle[:-1]) | (rows.kind[1:] == KEY_ON)])
    vehicle, last = rows.vehicle[begin], np.r_[begin[1:], len(rows)] - 1
    crossed, judged = _summed(memory, rows, platform, begin)
    hottest = _hottest(rows, begin)
    over = rows.kind[last] == KEY_OFF
    found: list[Code] = []
    turn = np.arange(len(begin)) - np.searchsorted(vehicle, vehicle)
    for number in range(int(turn.max()) + 1):
        which = np.flatnonzero(turn == number)
        cars = vehicle[which]
        memory.crossed_s[cars] += crossed[which]
        memory.judged_s[cars] += judged[which]
        memory.hottest_c[cars] = np.maximum(memory.hottest_c[cars], hottest[which])
        done = which[over[which]]
        found.extend(_ended(memory, rows, vehicle[done], last[done]))
    return found


def _summed(memory: Memory, rows: Rows, platform: Mapping[str, float], begin: Indices) -> tuple[Floats, Floats]:
    """Seconds beyond the limit and seconds of judging, in each stretch of rows, ``(stretches, tests)``."""
    paths = [path for test in memory.tests for path in test.needs]
    look = Look(rows, _soaked(memory, rows), platform, columns(rows, [*paths, *ALSO_READ]))
    weight = floats(np.where(rows.kind == DRIVING, ROW_S, np.where(rows.kind < DRIVING, 1.0, 2.0)))
    crossed, judged = (np.empty((len(begin), len(memory.tests)), dtype=np.float32) for _ in range(2))
    for at, test in enumerate(memory.tests):
        could, beyond = test.judge(look)
        judged[:, at] = np.add.reduceat(could * weight, begin)
        crossed[:, at] = np.add.reduceat(beyond * weight, begin) if beyond.any() else 0.0
    return crossed, judged


def _soaked(memory: Memory, rows: Rows) -> Floats:
    """How long each key-on row's car had stood, s; 0 in other rows."""
    at = np.flatnonzero((rows.kind == KEY_ON) | (rows.kind == KEY_OFF))
    before = np.r_[-1, rows.vehicle[at][:-1]] == rows.vehicle[at]
    stopped = np.where(before, np.r_[0, rows.time_ms[at][:-1]], memory.stopped_ms[rows.vehicle[at]])
    soaked = np.zeros(len(rows), dtype=np.float32)
    soaked[at] = np.where(rows.kind[at] == KEY_ON, (rows.time_ms[at] - stopped) / 1000.0, 0.0)
    return soaked


def _hottest(rows: Rows, begin: Indices) -> Floats:
    if s.COOLANT_TEMPERATURE not in rows.signals:
        return floats(np.full(len(begin), 90.0))
    return floats(np.fmax.reduceat(rows.column(s.COOLANT_TEMPERATURE), begin))


def _ended(memory: Memory, rows: Rows, cars: Indices, last: Indices) -> list[Code]:
    """Draws the conclusions of drives that are over, one a car."""
    if not len(cars):
        return []
    fails_s = floats([test.fails_s for test in memory.tests])
    needed_s = floats([test.judged_s for test in memory.tests])
    asked = np.array([test.trips for test in memory.tests])
    fails = memory.crossed_s[cars] >= fails_s
    passes = ~fails & (memory.judged_s[cars] >= needed_s)
    before, was_stored = memory.failing[cars], memory.stored[cars]
    failing = np.where(fails, before + 1, np.where(passes, 0, before)).astype(np.int16)
    stores = fails & (failing >= asked) & ~was_stored
    warm = (memory.hottest_c[cars] >= WARM_C)[:, None]
    warm_ups = np.where(fails, 0, memory.warm_ups[cars] + warm).astype(np.int16)
    forgets = was_stored & (warm_ups >= WARM_UPS_TO_FORGET)
    memory.failing[cars], memory.warm_ups[cars] = failing, warm_ups
    memory.passing[cars] = np.where(fails, 0, np.minimum(memory.passing[cars] + passes, 100)).astype(np.int16)
    memory.stored[cars] = (was_stored | stores) & ~forgets
    memory.ready[cars] |= fails | passes
    memory.since_cleared[cars] = np.minimum(memory.since_cleared[cars] + warm[:, 0], MOST_WARM_UPS)
    memory.crossed_s[cars] = memory.judged_s[cars] = 0.0
    memory.hottest_c[cars], memory.stopped_ms[cars] = -40.0, rows.time_ms[last]
    pends = fails & (before == 0) & ~stores & ~was_stored
    return [
        code
        for state, changed in (("pending", pends), ("stored", stores), ("cleared", forgets))
        for code in _codes(memory.tests, rows, cars, last, changed, state)
    ]


def _codes(tests: tuple[Test, ...], rows: Rows, cars: Indices, last: Indices, changed: Bools, state: str) -> list[Code]:
    return [
        Code(
            vehicle=int(cars[car]), time_ms=int(rows.time_ms[last[car]]), code=tests[at].code,
            component=tests[at].component, state=state, present=state != "cleared", lamp=tests[at].lamp,
            freeze=_freeze(rows, int(last[car])) if state == "stored" else {},
        )
        for car, at in np.argwhere(changed)
    ]  # fmt: skip


def _freeze(rows: Rows, row: int) -> dict[str, float]:
    """Readings near the end of the drive that set a code."""
    near = dict(zip(rows.signals, rows.copied(np.array([max(0, row - 1)]))[0].tolist(), strict=True))
    values = {path: near[path] for path in FROZEN if path in near}
    return {path: value for path, value in values.items() if not np.isnan(value)}
