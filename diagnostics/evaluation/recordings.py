"""Recorded drives of the carOBD set as frames of samples, with the logger's faults as they are.

Source: GitHub eron93br/carOBD (Toyota Etios 2014, sound). Rows have no time; here they are a second apart, as the
source says, although the ECU's run time advances 0.49 s a row.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from diagnostics.errors import NoRecordingError
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from diagnostics.arrays import Floats

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "ENGINE_RUN_TINE": signals.RUN_TIME,
        "ENGINE_RPM": signals.ENGINE_SPEED,
        "VEHICLE_SPEED": signals.SPEED,
        "THROTTLE": signals.THROTTLE,
        "COOLANT_TEMPERATURE": signals.COOLANT_TEMPERATURE,
        "LONG_TERM_FUEL_TRIM_BANK_1": signals.LONG_TERM_FUEL_TRIM_1,
        "SHORT_TERM_FUEL_TRIM_BANK_1": signals.SHORT_TERM_FUEL_TRIM_1,
        "INTAKE_MANIFOLD_PRESSURE": signals.MAP,
        "INTAKE_AIR_TEMP": signals.INTAKE_AIR_TEMPERATURE,
        "CONTROL_MODULE_VOLTAGE": signals.CONTROL_MODULE_VOLTAGE,
    }
)
"""Column of the log, as it spells it, to signal."""
ROW_MS = 1000
EPOCH = "1970-01-01"
_DIGITS = re.compile(r"(\d+)")


def recorded_files(folder: Path) -> list[Path]:
    """The drives in a folder in the order of their numbers."""
    return sorted(folder.glob("*.csv.gz"), key=lambda path: [_part(text) for text in _DIGITS.split(path.name)])


def shared_data() -> Path:
    """The folder of recorded data: beside the project, or where ``ROADWORTHY_SHARED_DATA`` says."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("ROADWORTHY_SHARED_DATA", beside))


def shared_drives() -> Path:
    """The folder of the full recordings of drives."""
    return shared_data() / "carobd"


def read_drives(folder: Path) -> list[dict[str, Floats]]:
    """All drives of a folder.

    Raises:
        NoRecordingError: there is none, or one of them is no such log.
    """
    files = recorded_files(folder)
    if not files:
        raise NoRecordingError(folder, "holds no recorded drive (*.csv.gz)")
    return [_checked(path) for path in files]


def _checked(path: Path) -> dict[str, Floats]:
    try:
        return read_drive(path)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise NoRecordingError(path, f"is no carOBD log, packed with gzip ({error})") from error


def _part(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdigit() else (0, text)


def read_drive(path: Path) -> dict[str, Floats]:
    """Values by signal; what a short row lacks is NaN, what a long one has too many is left out."""
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    names = [name.strip().removesuffix(" ()") for name in lines[0].split(",")]
    cells = [_row(line, len(names)) for line in lines[1:] if line.strip()]
    table = np.array(cells)
    return {path: table[:, names.index(name)] for name, path in COLUMNS.items()}


def _row(line: str, width: int) -> list[float]:
    cells = [cell.strip() for cell in line.rstrip(",").split(",")][:width]
    return [_number(cell) for cell in cells] + [np.nan] * (width - len(cells))


def _number(cell: str) -> float:
    return float(cell) if re.fullmatch(r"-?\d+(\.\d+)?", cell) else np.nan


def frame_of(drive: Mapping[str, Floats], *, vehicle_id: str, start_ms: int) -> pl.DataFrame:
    """A drive as stored samples are read: vehicle, time, a column a signal."""
    rows = len(next(iter(drive.values())))
    times = start_ms + ROW_MS * np.arange(rows, dtype=np.int64)
    columns = {"vehicle_id": pl.Series([vehicle_id] * rows, dtype=pl.String), "time": pl.Series(times)}
    values = {name: pl.Series(column).fill_nan(None) for name, column in drive.items()}
    return pl.DataFrame(columns | values).with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC")))


def history(
    drives: Iterable[Mapping[str, Floats]], *, vehicle_id: str = "recorded", start_ms: int, between_ms: int = 28_800_000
) -> pl.DataFrame:
    """Drives one after the other, ``between_ms`` from start to start."""
    frames = [
        frame_of(drive, vehicle_id=vehicle_id, start_ms=start_ms + number * between_ms)
        for number, drive in enumerate(drives)
    ]
    return pl.concat(frames)
