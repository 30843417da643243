"""The ECU's own tests, and what it remembers of them: pending after one bad trip, stored with the lamp after two.

The limits are those of an ECU of this class as service literature describes such tests (our choice within its bands).
Overheating and a supply far off are stored on the first trip, as component protection does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vehicle import signals
from vehicle.dtc import DtcState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.parameters import FloatArray

ECU = "7E8"
AT_ONCE = frozenset({"P0217"})
PASSES_TO_HEAL = 3
"""Trips in a row that a test must pass before the lamp goes out (SAE J1979 and 13 CCR 1968.2: three)."""

_WARM_BY_C = 70.5
_HOTTEST_C = 117.5
_LEAN_LONG, _LEAN_SHORT = 19.0, 3.5
_LOW_V, _LOW_FROM_RPM = 11.9, 950.0
_MISFIRE_SHARE = 0.025
_IRRATIONAL_K = 24.0
_OVERNIGHT_S = 6.5 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One test on one trip: the row at which it failed, or None: it passed."""

    code: str
    failed_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the ECU keeps: states of codes, and how many trips in a row each stored code's test has passed."""

    pending: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    passes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def mil(self) -> bool:
        """Whether the lamp is on."""
        return bool(self.stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of memory at a row of the trip, as an event of the wire."""

    row: int
    kind: str
    data: dict[str, Any]


def tests(
    values: Mapping[str, FloatArray], misfires: FloatArray, *, parked_s: float, warm_air_g_per_k: float
) -> list[Verdict]:
    """The tests whose conditions a trip met; ``values`` as the sensors say, each second.

    ``warm_air_g_per_k`` is the maker's calibration: air after which any healthy engine is a kelvin warmer.
    """
    verdicts = [
        _warm_up(values, warm_air_g_per_k),
        _overheating(values),
        _lean(values),
        _supply(values),
        _misfire(values, misfires),
        _plausible(values, parked_s),
    ]
    return [verdict for verdict in verdicts if verdict is not None]


def _held(bad: npt.NDArray[np.bool_], seconds: int) -> int | None:
    """The first row at which something has been so for that long."""
    run = np.convolve(bad.astype(float), np.ones(seconds), mode="full")[: len(bad)]
    found = np.flatnonzero(run > seconds - 0.5)
    return int(found[0]) if len(found) else None


def _warm_up(values: Mapping[str, FloatArray], warm_air_g_per_k: float) -> Verdict | None:
    """P0128: the coolant is not warm after air (hence fuel, hence heat) that warms any healthy engine."""
    coolant = values[signals.COOLANT_TEMPERATURE]
    enough = np.flatnonzero(np.cumsum(values[signals.MAF]) > warm_air_g_per_k * (_WARM_BY_C - coolant[0]))
    if coolant[0] > _WARM_BY_C - 15.0 or len(enough) == 0:
        return None
    at = int(enough[0])
    return Verdict(code="P0128", failed_at=at if coolant[: at + 1].max() < _WARM_BY_C else None)


def _overheating(values: Mapping[str, FloatArray]) -> Verdict:
    return Verdict(code="P0217", failed_at=_held(values[signals.COOLANT_TEMPERATURE] > _HOTTEST_C, 10))


def _lean(values: Mapping[str, FloatArray]) -> Verdict | None:
    warm = values[signals.COOLANT_TEMPERATURE] > _WARM_BY_C - 8.0
    if warm.sum() < 60:  # noqa: PLR2004  a minute of warm running
        return None
    lean = (values[signals.LONG_TERM_FUEL_TRIM_1] > _LEAN_LONG) & (
        values[signals.SHORT_TERM_FUEL_TRIM_1] + values[signals.LONG_TERM_FUEL_TRIM_1] > _LEAN_LONG + _LEAN_SHORT
    )
    return Verdict(code="P0171", failed_at=_held(warm & lean, 12))


def _supply(values: Mapping[str, FloatArray]) -> Verdict:
    low = (values[signals.CONTROL_MODULE_VOLTAGE] < _LOW_V) & (values[signals.ENGINE_SPEED] > _LOW_FROM_RPM)
    return Verdict(code="P0562", failed_at=_held(low, 15))


def _misfire(values: Mapping[str, FloatArray], misfires: FloatArray) -> Verdict:
    """P0301: share of failed firings of one cylinder over a minute."""
    window = np.ones(60)
    firings = np.convolve(values[signals.ENGINE_SPEED] / 120.0, window)[: len(misfires)]
    failed = np.convolve(misfires, window)[: len(misfires)]
    bad = (failed > _MISFIRE_SHARE * firings) & (firings > 300.0)  # noqa: PLR2004  a thousand turns or so
    return Verdict(code="P0301", failed_at=_held(bad, 1))


def _plausible(values: Mapping[str, FloatArray], parked_s: float) -> Verdict | None:
    """P0116: after a night, coolant and intake air must agree."""
    if parked_s < _OVERNIGHT_S:
        return None
    apart = abs(values[signals.COOLANT_TEMPERATURE][0] - values[signals.INTAKE_AIR_TEMPERATURE][0])
    return Verdict(code="P0116", failed_at=30 if apart > _IRRATIONAL_K else None)


def judge(memory: Memory, verdicts: list[Verdict]) -> tuple[Memory, list[Change]]:
    """Memory after a trip, and what changed on it."""
    changes: list[Change] = []
    for verdict in verdicts:
        if verdict.failed_at is None:
            memory = _passed(memory, verdict.code, changes)
        else:
            memory = _failed(memory, verdict.code, verdict.failed_at, changes)
    return memory, changes


def _failed(memory: Memory, code: str, row: int, changes: list[Change]) -> Memory:
    passes = {**memory.passes, code: 0}
    if code in memory.stored:
        return Memory(pending=memory.pending, stored=memory.stored, passes=passes)
    if code not in memory.pending:
        changes.append(_dtc(row, code, DtcState.PENDING, present=True))
        if code not in AT_ONCE:
            return Memory(pending=memory.pending | {code}, stored=memory.stored, passes=passes)
    stored = memory.stored | {code}
    changes.append(_dtc(row, code, DtcState.STORED, present=True))
    changes.append(Change(row=row, kind="mil", data={"on": True, "count": len(stored)}))
    return Memory(pending=memory.pending | {code}, stored=stored, passes=passes)


def _passed(memory: Memory, code: str, changes: list[Change]) -> Memory:
    passes = {**memory.passes, code: memory.passes.get(code, 0) + 1}
    pending, stored = memory.pending, memory.stored
    if code in pending:
        pending -= {code}
        changes.append(_dtc(0, code, DtcState.PENDING, present=False))
    if code in stored and passes[code] >= PASSES_TO_HEAL:
        stored -= {code}
        changes.append(_dtc(0, code, DtcState.STORED, present=False))
        changes.append(Change(row=0, kind="mil", data={"on": bool(stored), "count": len(stored)}))
    return Memory(pending=pending, stored=stored, passes=passes)


def _dtc(row: int, code: str, state: DtcState, *, present: bool) -> Change:
    return Change(row=row, kind="dtc", data={"ecu": ECU, "code": code, "state": state.value, "present": present})
