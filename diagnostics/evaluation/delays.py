"""How many trips after its onset a fault is found: ``python -m diagnostics.evaluation.delays FOLDER``.

The recorded drives in FOLDER are one sound car's life; then they come again, with a fault in them. Printed for each
fault: the trips until it was found, and everything else that was said by then.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.evaluation.injection import FAULTS
from diagnostics.evaluation.recordings import history, read_drive, recorded_files
from diagnostics.features.trips import FEATURES
from diagnostics.fleet import Fleet
from diagnostics.intake import merged, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from diagnostics.advance import Alarm
    from diagnostics.arrays import Floats

START_MS = 1_700_000_000_000
CAR = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Alarms in the order in which they were said, and when each trip began and ended."""

    alarms: tuple[Alarm, ...]
    began_ms: Floats
    ended_ms: Floats

    def trips_until(self, detector: str, *, after: int) -> int | None:
        """Trips from the ``after``-th on until the detector raised something; 1 is the first. None: never."""
        onset = self.began_ms[after]
        found = [a.found_ms for a in self.alarms if a.detector == detector and a.cause >= 0 and a.found_ms >= onset]
        return int(np.sum(self.began_ms[after:] <= found[0])) if found else None


def said_about(drives: Sequence[Mapping[str, Floats]]) -> Said:
    """What all detectors say about drives that follow each other, the last trip ended."""
    fleet = Fleet()
    step = fleet.take(rows_of(merged(history(drives, vehicle_id=CAR, start_ms=START_MS)), fleet))
    last = fleet.finish(fleet.rows_of([CAR]))
    values = np.concatenate([step.trips.values, last.trips.values])
    return Said(
        alarms=(*step.alarms, *last.alarms),
        began_ms=values[:, FEATURES.index("started_ms")],
        ended_ms=values[:, FEATURES.index("ended_ms")],
    )


def main(folder: Path) -> None:
    """Prints the table."""
    drives = [read_drive(path) for path in recorded_files(folder)]
    sound = said_about([*drives, *drives])
    print(f"{len(drives)} drives, twice, no fault: {len(sound.alarms)} alarms")  # noqa: T201  what it is for
    for name, (detector, inject) in FAULTS.items():
        said = said_about([*drives, *(inject(drive) for drive in drives)])
        trips = said.trips_until(detector, after=len(drives))
        others = sorted({alarm.detector for alarm in said.alarms if alarm.cause >= 0 and alarm.detector != detector})
        found = f"found in trip {trips}" if trips is not None else "NOT FOUND"
        print(f"{name:24} {found:18} by {detector}; also said: {', '.join(others) or 'nothing'}")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
