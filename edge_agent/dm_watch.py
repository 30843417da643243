"""What happened since the last DM1 or DM2 of a unit (SAE J1939-73): codes that came and went, its lamps. Pure.

DM1 comes each second for as long as anything is active, so only what changes is told. A fault that comes and goes
with each message must not make an event each time: a code is gone, and lamps are told again, after a while only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_agent.protocols.j1939 import DM1
from edge_agent.protocols.j1939_dtc import Lamp, LampState, Version, diagnosis
from vehicle.batch import EventKind
from vehicle.dtc import DtcState

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge_agent.protocols.j1939_dtc import Diagnosis, Fault
    from edge_agent.watch import Happening

HOLD_S = 10.0
"""A code must be missing from a unit's messages for so long before it is gone, and lamps are told so seldom (ours)."""
_LIT = frozenset({LampState.ON, LampState.SLOW_FLASH, LampState.FAST_FLASH})
_NOT_TOLD = 127


@dataclass(slots=True)
class _Unit:
    """Codes by state with the time when each was last in a message, and the lamps as they were last told."""

    seen_s: dict[tuple[str, str], float | None] = field(default_factory=dict)
    lamps: dict[str, Any] = field(default_factory=dict)
    told_s: float | None = None
    heard: bool = False

    def codes(self, state: DtcState) -> list[str]:
        return sorted(code for code, of in self.seen_s if of == state)


class DmWatch:
    """Remembers what each unit of a bus has said, by its source address."""

    def __init__(self, older: Version = Version.THIRD) -> None:
        self._older = older
        self._units: dict[int, _Unit] = {}

    def recall(self, known: Collection[tuple[str, str, str]]) -> None:
        """Codes (unit, code, state) that were there when the agent last ran, so that those gone are reported gone."""
        for unit, code, state in known:
            if state in {DtcState.ACTIVE, DtcState.INACTIVE}:
                self._units.setdefault(int(unit, 16), _Unit()).seen_s.setdefault((code, state), None)

    @property
    def units(self) -> list[str]:
        """Those that have said something."""
        return [f"{source:02X}" for source in sorted(self._units) if self._units[source].heard]

    @property
    def known(self) -> list[tuple[str, str, str]]:
        """Unit, code and state of all codes that are there."""
        return [
            (f"{source:02X}", code, state) for source in sorted(self._units)
            for code, state in sorted(self._units[source].seen_s)
        ]  # fmt: skip

    def take(self, source: int, pgn: int, data: bytes, at_s: float) -> list[Happening]:
        """What a DM1 or DM2 of the unit at ``source`` changes; ``at_s`` is of any clock that runs on.

        Raises:
            GarbledAnswerError: it is neither.
        """
        said = diagnosis(data, self._older)
        unit = self._units.setdefault(source, _Unit())
        unit.heard = True
        state = DtcState.ACTIVE if pgn == DM1 else DtcState.INACTIVE
        happened = _came(unit, source, said.faults, state, at_s) + _went(unit, source, said.faults, state, at_s)
        return happened + (_lamps(unit, source, said, at_s) if pgn == DM1 else [])


def _came(unit: _Unit, source: int, faults: Collection[Fault], state: DtcState, at_s: float) -> list[Happening]:
    new = []
    for fault in faults:
        key = (str(fault.code), str(state))
        if key not in unit.seen_s:
            new.append((str(EventKind.DTC), _code(source, *key, present=True) | _more(fault)))
        unit.seen_s[key] = at_s
    return new


def _went(unit: _Unit, source: int, faults: Collection[Fault], state: DtcState, at_s: float) -> list[Happening]:
    there = {str(fault.code) for fault in faults}
    gone = []
    for code in unit.codes(state):
        last_s = unit.seen_s[code, str(state)]
        if code in there:
            continue
        if last_s is None or at_s < last_s:
            unit.seen_s[code, str(state)] = at_s
        elif at_s - last_s >= HOLD_S:
            del unit.seen_s[code, str(state)]
            gone.append((str(EventKind.DTC), _code(source, code, str(state), present=False)))
    return gone


def _lamps(unit: _Unit, source: int, said: Diagnosis, at_s: float) -> list[Happening]:
    lamps = {str(lamp): str(state) for lamp, state in said.lamps.items()}
    now = {
        "on": said.lamps[Lamp.MALFUNCTION] in _LIT,
        "count": len(unit.codes(DtcState.ACTIVE)),
        "ecu": f"{source:02X}",
        "lamps": lamps,
    }
    early = unit.told_s is not None and 0 <= at_s - unit.told_s < HOLD_S
    if now == unit.lamps or early:
        return []
    unit.lamps, unit.told_s = now, at_s
    return [(str(EventKind.MIL), now)]


def _code(source: int, code: str, state: str, *, present: bool) -> dict[str, Any]:
    return {"ecu": f"{source:02X}", "code": code, "state": state, "present": present}


def _more(fault: Fault) -> dict[str, Any]:
    """How often it came, where told; the version of the SPN where nothing on the bus told it."""
    count = {} if fault.count == _NOT_TOLD else {"count": fault.count}
    return count | ({} if fault.version is Version.FOURTH else {"spn_version": int(fault.version)})
