"""Runs the detectors over the whole stored history, beside what was found as the data came in, and compares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from diagnostics import memory, repository
from diagnostics.findings import as_json as evidence_json
from diagnostics.fleet import Fleet
from diagnostics.follower import note_workshop, replay
from diagnostics.record import Gathered, record
from diagnostics.runner import open_migrated
from ingest.storage.database import migrate, open_database, reading, transaction
from ingest.storage.telemetry import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from diagnostics.findings import Finding
    from diagnostics.settings import DiagnosticsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Of one vehicle: what a replay finds and what is stored, each by id."""

    vehicle_id: str
    replayed: dict[str, Finding]
    stored: dict[str, Finding]

    @property
    def equal(self) -> bool:
        """Whether both are the same to the last digit."""
        return self.replayed == self.stored


def replay_stored(settings: DiagnosticsSettings, *, device: str | None, as_json: bool) -> bool:
    """Replays, prints, and tells whether every vehicle's findings are equal to the stored ones."""
    engine = open_migrated(settings)
    store = TelemetryStore(engine, settings.history_folder)
    with reading(engine) as connection:
        vehicles = memory.vehicle_ids(connection, device)
    compared = [compare(engine, store, vehicle) for vehicle in vehicles]
    engine.dispose()
    if as_json:
        Console().print_json(json.dumps([_json(one) for one in compared], ensure_ascii=False, default=str))
    else:
        _print(compared)
    return all(one.equal for one in compared)


def compare(engine: sa.Engine, store: TelemetryStore, vehicle_id: str) -> Compared:
    """Replays one vehicle's history into a database of its own."""
    with reading(engine) as connection:
        stored = {finding.id: finding for finding in repository.findings_of(connection, vehicle_id)}
        codes = memory.code_events_of(connection, [vehicle_id])
        states = memory.read_states(connection)
        gathered, fleet, known = Gathered(), Fleet(), Fleet()
        for one in (fleet, known):
            note_workshop(connection, one, memory.ReadUpto())
    replay(vehicle_id, fleet, store, gathered)
    if _was_finished(known, states, vehicle_id):
        gathered.add(fleet.finish(fleet.rows_of([vehicle_id])), fleet)
    gathered.codes = [("", event) for event in codes]
    with TemporaryDirectory() as folder:
        own = open_database(f"sqlite:///{Path(folder) / 'replay.db'}")
        migrate(own, "diagnostics")
        with transaction(own) as connection:
            record(connection, gathered, fleet, now=datetime.now(UTC))
            found = repository.findings_of(connection, vehicle_id)
        own.dispose()
    return Compared(vehicle_id=vehicle_id, replayed={finding.id: finding for finding in found}, stored=stored)


def _was_finished(known: Fleet, states: dict[str, tuple[str, bytes]], vehicle_id: str) -> bool:
    make, packed = states.get(vehicle_id, (memory.STALE, b""))
    if make != known.make_of(vehicle_id):
        return False
    known.unpack(vehicle_id, make, packed)
    return bool(known.is_finished(known.rows_of([vehicle_id]))[0])


def _json(one: Compared) -> dict[str, Any]:
    def shown(findings: Iterable[Finding]) -> list[dict[str, Any]]:
        return [
            {name: getattr(found, name) for name in type(found).__dataclass_fields__}
            | {"evidence": evidence_json(found.evidence)}
            for found in sorted(findings, key=lambda found: (found.found_at, found.id))
        ]

    differing = {key for key in {*one.replayed, *one.stored} if one.replayed.get(key) != one.stored.get(key)}
    return {
        "vehicle_id": one.vehicle_id,
        "equal": one.equal,
        "findings": shown(one.replayed.values()),
        "differing": sorted(differing),
    }


def _print(compared: Iterable[Compared]) -> None:
    out = Console(markup=False)
    for one in compared:
        table = Table("found", "detector", "severity", "what", title=f"vehicle {one.vehicle_id}")
        for found in sorted(one.replayed.values(), key=lambda found: (found.found_at, found.id)):
            when = found.found_at.strftime("%Y-%m-%d %H:%M")
            table.add_row(when, found.detector, str(found.severity), found.title["en"])
        out.print(table)
        missing, extra = set(one.stored) - set(one.replayed), set(one.replayed) - set(one.stored)
        words = "equal to what is stored" if one.equal else (
            f"NOT equal to what is stored: {len(missing)} stored only, {len(extra)} replayed only"
        )  # fmt: skip
        out.print(f"{len(one.replayed)} findings, {words}")
