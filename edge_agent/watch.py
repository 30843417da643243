"""What happened since the last look: codes that came and went, the malfunction lamp, the car's identity. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vehicle.batch import EventKind
from vehicle.signals import DTC_COUNT, MIL_ON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.questions import CodeKey
    from vehicle.dtc import Dtc, DtcState
    from vehicle.vin import Vin

Happening = tuple[str, dict[str, Any]]
"""Kind and data of an event."""


class Watch:
    """Remembers the last look; ``known`` are the codes that were there when the agent last ran."""

    def __init__(self) -> None:
        self.known: set[CodeKey] = set()
        self.has_looked = False
        self._vin: Vin | None = None
        self._lamp: tuple[int, int] | None = None

    def codes(self, seen: Mapping[tuple[str, DtcState], Iterable[Dtc]]) -> list[Happening]:
        """Codes that are new, and those that are gone from an ECU that did answer; silence changes nothing."""
        now = {(ecu, str(code), str(state)) for (ecu, state), codes in seen.items() for code in codes}
        answered = {(ecu, str(state)) for ecu, state in seen}
        gone = {(ecu, code, state) for ecu, code, state in self.known if (ecu, state) in answered} - now
        changes = [(key, True) for key in sorted(now - self.known)] + [(key, False) for key in sorted(gone)]
        self.known = (self.known | now) - gone
        self.has_looked = True
        return [(str(EventKind.DTC), _code(key, present=present)) for key, present in changes]

    def vin(self, vin: Vin | None) -> list[Happening]:
        """The car's identity, when it is first known or another."""
        if vin is None or vin == self._vin:
            return []
        self._vin = vin
        return [(str(EventKind.VIN), {"vin": str(vin)})]

    def lamp(self, values: Mapping[str, int]) -> list[Happening]:
        """The malfunction lamp, when it or the number of codes is another than before."""
        if MIL_ON not in values:
            return []
        now = (values[MIL_ON], values.get(DTC_COUNT, 0))
        if now == self._lamp:
            return []
        self._lamp = now
        return [(str(EventKind.MIL), {"on": bool(now[0]), "count": now[1]})]


def _code(key: CodeKey, *, present: bool) -> dict[str, Any]:
    return {"ecu": key[0], "code": key[1], "state": key[2], "present": present}
