"""What is said about recorded drives with faults in them, word by word; ``--update-golden`` writes it anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from diagnostics.evaluation.injection import FAULTS
from diagnostics.evaluation.recordings import history, read_drive, recorded_files
from diagnostics.findings import as_json
from diagnostics.fleet import Fleet
from diagnostics.intake import merged, rows_of
from diagnostics.suggestions.statement import TripLog, finding_of

if TYPE_CHECKING:
    from pathlib import Path

START_MS = 1_760_000_000_000
PASSES = 4


def statements(drives: list[dict]) -> list[dict]:
    """Findings about drives that follow each other, as plain JSON without the long series."""
    fleet = Fleet()
    frame = merged(history(drives, vehicle_id="v", start_ms=START_MS))
    step = fleet.take(rows_of(frame, fleet))
    found = [
        finding_of(alarm, fleet.by_name[alarm.detector], "v", TripLog(values=step.trips.values))
        for alarm in step.alarms
        if alarm.cause >= 0
    ]
    return [
        {
            "id": one.id,
            "detector": one.detector,
            "cause": one.cause,
            "severity": str(one.severity),
            "since": one.since.isoformat(),
            "found_at": one.found_at.isoformat(),
            "title": one.title,
            "text": one.text,
            "evidence": as_json(one.evidence) | {"points": as_json(one.evidence)["points"][-3:]},
        }
        for one in found
    ]


def test_what_is_said(root: Path, update_golden: bool) -> None:
    """Findings, their words, numbers and evidence are those that were looked at and kept."""
    drives = [read_drive(path) for path in recorded_files(root / "tests" / "golden" / "carobd")]
    said = {
        name: statements([*drives * PASSES, *(inject(drive) for drive in drives * PASSES)])
        for name, (_, inject) in FAULTS.items()
    }
    kept = root / "tests" / "golden" / "findings.json"
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    if update_golden:
        kept.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(kept.read_text(encoding="utf-8"))
