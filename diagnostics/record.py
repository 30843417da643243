"""What a step found, written down: trips, findings, suggestions, health and state, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from diagnostics import memory, outcomes, repository
from diagnostics.findings import ComponentHealth
from diagnostics.lamp import STATE as LAMP
from diagnostics.lamp import lamp_findings
from diagnostics.suggestions.advice import advise
from diagnostics.suggestions.standing import stood
from diagnostics.suggestions.statement import finding_of, moment
from diagnostics.trouble_codes import HEALS, STATED, code_findings
from diagnostics.trouble_codes import NAME as TROUBLE_CODES

if TYPE_CHECKING:
    import sqlalchemy as sa

    from diagnostics.advance import Alarm, Step
    from diagnostics.arrays import Floats
    from diagnostics.detector import Detector
    from diagnostics.findings import Finding
    from diagnostics.fleet import Fleet
    from diagnostics.suggestions.causes import Told
    from diagnostics.suggestions.standing import Run
    from diagnostics.trouble_codes import CodeEvent


@dataclass(slots=True)
class Gathered:
    """What a step of the follower brought, by vehicle id; ``vehicles`` are those whose record may change."""

    vehicles: set[str] = field(default_factory=set)
    alarms: list[tuple[str, Alarm]] = field(default_factory=list)
    trips: dict[str, Floats] = field(default_factory=dict)
    codes: list[tuple[str, CodeEvent]] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)

    def add(self, step: Step, fleet: Fleet) -> None:
        """Adds what came of taking samples."""
        touched = {fleet.id_of(int(row)) for row in step.touched}
        self.vehicles |= touched
        self.moved |= touched
        self.alarms += [(fleet.id_of(alarm.vehicle), alarm) for alarm in step.alarms]
        for row in np.unique(step.trips.vehicle).tolist():
            vehicle, mine = fleet.id_of(row), step.trips.only(step.trips.vehicle == row).values
            before = self.trips.get(vehicle)
            self.trips[vehicle] = mine if before is None else np.concatenate([before, mine])


def record(connection: sa.Connection, gathered: Gathered, fleet: Fleet, *, now: datetime) -> None:
    """Writes everything down."""
    memory.remove_trips(connection, gathered.replayed)
    memory.add_trips(connection, gathered.trips)
    stood = {vehicle: _of_trips(connection, vehicle) for vehicle in gathered.replayed}
    stated: set[str] = set()
    for vehicle, alarm in gathered.alarms:
        stated |= _apply(connection, vehicle, alarm, fleet.by_name[alarm.detector])
    for before in stood.values():
        repository.remove_findings(connection, sorted(before - stated))
    repository.save_health(connection, _healths(gathered, fleet))
    memory.add_code_events(connection, gathered.codes)
    coded = {event.vehicle_id for _, event in gathered.codes} | memory.told_by_driving(connection, gathered.trips)
    _apply_codes(connection, sorted(coded))
    changed = {vehicle for vehicle, _ in gathered.alarms} | coded
    waiting = repository.vehicles_with_advice(connection, gathered.trips)  # a trip may be the one that ends it
    concerned = sorted(changed | waiting | gathered.replayed)
    told = outcomes.told(connection) if concerned else None
    for vehicle in concerned:
        _advise(connection, vehicle, told, now)
    states = {
        vehicle: (fleet.make_of(vehicle), fleet.packed(fleet.row_of[vehicle]))
        for vehicle in sorted(gathered.moved | gathered.replayed)
    }
    memory.write_states(connection, states)
    memory.write_states(connection, dict.fromkeys(sorted(gathered.stale), (memory.STALE, b"")))


def _of_trips(connection: sa.Connection, vehicle_id: str) -> set[str]:
    found = repository.findings_of(connection, vehicle_id)
    return {finding.id for finding in found if finding.detector != TROUBLE_CODES}


def _apply(connection: sa.Connection, vehicle_id: str, alarm: Alarm, detector: Detector) -> set[str]:
    """States what an alarm raises, or clears what its detector had stated; returns the ids of new findings."""
    if alarm.cause < 0:
        for finding in repository.findings_of(connection, vehicle_id, lasting=True):
            if finding.detector == detector.name:
                repository.clear_finding(connection, finding.id, moment(alarm.found_ms))
        return set()
    log = memory.trips_of(connection, vehicle_id, until_ms=alarm.found_ms)
    finding = finding_of(alarm, detector, vehicle_id, log)
    repository.save_finding(connection, finding)
    return {finding.id}


def _apply_codes(connection: sa.Connection, vehicle_ids: list[str]) -> None:
    """States all findings that the vehicles' codes bear out, and takes back those that they no longer do."""
    if not vehicle_ids:
        return
    events = memory.code_events_of(connection, vehicle_ids)
    found = code_findings(events, _driven(connection, events))
    found += _lamps(connection, events, found)
    ids = {finding.id for finding in found}
    for vehicle_id in vehicle_ids:
        known = {f.id: f for f in repository.findings_of(connection, vehicle_id) if f.detector == TROUBLE_CODES}
        repository.remove_findings(connection, sorted(set(known) - ids))
        for finding in found:
            if finding.vehicle_id == vehicle_id and known.get(finding.id) != finding:
                repository.save_finding(connection, finding)


def _driven(connection: sa.Connection, events: list[CodeEvent]) -> dict[str, list[Run]]:
    """Drives since, of vehicles that had a code which drives may end or bear out."""
    first: dict[str, int] = {}
    for event in events:
        if event.code in HEALS and event.state in STATED:
            first[event.vehicle_id] = min(event.time_ms, first.get(event.vehicle_id, event.time_ms))
    return {  # with the drive at whose end it came
        vehicle_id: memory.runs_after(connection, vehicle_id, moment(at_ms - 1)) for vehicle_id, at_ms in first.items()
    }


def _lamps(connection: sa.Connection, events: list[CodeEvent], codes: list[Finding]) -> list[Finding]:
    """Findings of lamps that no code explains, of the vehicles of code events."""
    told: dict[str, list[CodeEvent]] = {}
    for event in events:
        told.setdefault(event.vehicle_id, []).append(event)
    explained: dict[str, list[Finding]] = {}
    for code in codes:
        explained.setdefault(code.vehicle_id, []).append(code)
    found: list[Finding] = []
    for vehicle_id, mine in told.items():
        lit = [event.time_ms for event in mine if event.state == LAMP]
        if lit:
            runs = memory.runs_after(connection, vehicle_id, moment(min(lit)))
            found += lamp_findings(mine, explained.get(vehicle_id, []), runs)
    return found


def _advise(connection: sa.Connection, vehicle_id: str, told: Told | None, now: datetime) -> None:
    found = repository.findings_of(connection, vehicle_id)
    gone = [finding.cleared_at for finding in found if finding.detector == TROUBLE_CODES and finding.cleared_at]
    runs = memory.runs_after(connection, vehicle_id, min(gone)) if gone else []
    history = stood(found, runs)
    standing = [one.finding for one in history if one.until is None]
    known = repository.suggestions_of(connection, [vehicle_id], limit=10_000)
    health = {one.component: one for one in repository.health_of(connection, vehicle_id)}
    for advice in advise(standing, known, now=now, confirmed=told, history=history, health=health):
        repository.save_suggestion(connection, advice, at=now)


def _healths(gathered: Gathered, fleet: Fleet) -> list[ComponentHealth]:
    """The worst health of each component, by whichever detector sees it so."""
    found: dict[tuple[str, str], ComponentHealth] = {}
    for vehicle in sorted(gathered.moved):
        for detector, health, rul, at_ms in fleet.health(fleet.row_of[vehicle]):
            key = (vehicle, str(detector.component))
            if key not in found or health < found[key].health:
                found[key] = _health(vehicle, detector, health, rul, at_ms)
    return list(found.values())


def _health(vehicle_id: str, detector: Detector, health: float, rul: Floats, at_ms: int) -> ComponentHealth:
    low, median, high = (float(days) for days in rul)
    return ComponentHealth(
        vehicle_id=vehicle_id,
        component=detector.component,
        health=round(health, 4),
        rul_days=None if np.isnan(rul).any() else (low, median, high),
        updated_at=datetime.fromtimestamp(at_ms / 1000, UTC),
        basis=dict(detector.drawn.label),
    )
