"""The malfunction lamp by itself: on for a while, and no code that would explain it.

A lamp that a stored code explains is that code's matter. Where the car tells none (codes of the maker's own, or of
units that OBD does not ask), the lamp is stated once the car has run for a quarter of an hour, or was started four
times, with it on: by the car's own time, as it is taken for gone after as long without it
(:mod:`diagnostics.suggestions.standing`). A code that comes later takes the matter over, also one that is stored and
waits for the drives to bear it out (:data:`diagnostics.trouble_codes.HEALS`): as long as the car stores it, it explains
the lamp.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from diagnostics.findings import Component, Evidence, Finding, Severity
from diagnostics.suggestions.standing import lasted
from diagnostics.suggestions.statement import finding_id, moment
from diagnostics.trouble_codes import HEALS, NAME, STATED, CodeEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from diagnostics.suggestions.standing import Run

CODE, STATE = "MIL", "lamp"
"""What the lamp is called among code events."""
LIGHTS = HEALS - {"P0A7E"}
"""Codes that wait and light the lamp; that of the traction battery's heat is set without it."""
WITH_THE_LAMP_MS = 900_000
"""A code that is told so soon after the lamp lights it: devices ask for codes every few minutes (our choice)."""
CONFIDENCE = 0.9
"""That a lamp that stays on stands for a fault (our choice)."""


def lamp_event(vehicle_id: str, time_ms: int, data: Mapping[str, object]) -> CodeEvent:
    """The lamp's event as one of a code; what a newer device leaves out or adds does no harm."""
    ecu, on = str(data.get("ecu", ""))[:16], bool(data.get("on", False))
    return CodeEvent(vehicle_id=vehicle_id, ecu=ecu, code=CODE, time_ms=time_ms, state=STATE, present=on)


def lamp_findings(events: Iterable[CodeEvent], codes: Sequence[Finding], runs: Sequence[Run]) -> list[Finding]:
    """Findings of one vehicle's lamp, of its code ``events``, findings of ``codes`` and ``runs``."""
    in_time = sorted(set(events), key=lambda event: (event.time_ms, event))
    waits = _waits(in_time)
    found: list[Finding] = []
    lit: dict[str, CodeEvent] = {}
    for event in in_time:
        if event.state != STATE:
            continue
        if event.present:
            lit.setdefault(event.ecu, event)
        elif event.ecu in lit:
            found += _findings(lit.pop(event.ecu), event.time_ms, waits, codes, runs)
    for began in lit.values():
        found += _findings(began, inf, waits, codes, runs)
    return found


def _waits(in_time: Sequence[CodeEvent]) -> list[tuple[float, float]]:
    """From when until when, ms, codes stood that light the lamp and wait for drives to bear them out; in order."""
    since: dict[tuple[str, str, str], float] = {}
    waits: list[tuple[float, float]] = []
    for event in in_time:
        key = (event.ecu, event.code, event.state)
        if event.code not in LIGHTS or event.state not in STATED:
            continue
        if event.present:
            since.setdefault(key, float(event.time_ms))
        elif key in since:
            waits.append((since.pop(key), float(event.time_ms)))
    return sorted([*waits, *((begin, inf) for begin in since.values())])


def _findings(
    began: CodeEvent, off_ms: float, waits: Sequence[tuple[float, float]], codes: Sequence[Finding], runs: Sequence[Run]
) -> list[Finding]:
    """Of a lamp that came on and went off then, the times in which no code that waits explained it."""
    found: list[Finding] = []
    start = float(began.time_ms)
    for begin, until in (*waits, (off_ms, inf)):
        if until <= start:
            continue
        if begin > start + WITH_THE_LAMP_MS or begin >= off_ms:
            found += _finding(replace(began, time_ms=int(start)), min(begin, off_ms), codes, runs)
        start = until
        if start >= off_ms:
            break
    return found


def _finding(began: CodeEvent, off_ms: float, codes: Sequence[Finding], runs: Sequence[Run]) -> list[Finding]:
    off = None if off_ms == inf else moment(int(off_ms))
    since = moment(began.time_ms)
    sure = lasted(began.time_ms, runs)
    if sure is None or (off is not None and off <= sure):
        return []
    if any(code.found_at <= sure and (code.cleared_at is None or code.cleared_at > since) for code in codes):
        return []
    ends = [code.found_at for code in codes if code.found_at > sure] + ([] if off is None else [off])
    unit = f" ({began.ecu})" if began.ecu else ""
    return [
        Finding(
            id=finding_id(began.vehicle_id, NAME, f"{began.ecu}/{CODE}", began.time_ms), vehicle_id=began.vehicle_id,
            detector=NAME, cause=CODE, component=Component.ENGINE, severity=Severity.SOON, confidence=CONFIDENCE,
            since=since, found_at=sure, cleared_at=min(ends, default=None),
            evidence=Evidence(
                feature="lamp", unit="", label={"en": f"Malfunction lamp{unit}", "zh": f"故障指示灯{unit}"},
                points=((began.time_ms, 1.0),), expectation=0.0, threshold=None,
                window=(began.time_ms, int(sure.timestamp() * 1000)), signals=(),
            ),
            title={"en": "The malfunction lamp is on", "zh": "故障指示灯亮"},
            text={
                "en": "The malfunction lamp stays on, and no code that the car stores explains it. Check first: "
                "read the codes of all control units with the maker's tool.",
                "zh": "故障指示灯持续点亮，但已存储的故障码均不能解释。优先检查：用厂家设备读取所有控制单元的故障码。",
            },
            job="diagnose_lamp",
        )
    ]  # fmt: skip
