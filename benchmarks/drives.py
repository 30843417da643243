"""Recorded drives as the batches that an agent would make of them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import NoInputError
from edge_agent.batcher import Columns, Timed, batches
from edge_agent.buses.base import open_source
from edge_agent.health import Health
from edge_agent.settings import Collect
from vehicle.batch import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vehicle.batch import Batch
    from vehicle.signal_set import SignalSet

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "simulators" / "recordings"
BATCH_ROWS = 30
MAP = "carobd"


@dataclass(frozen=True, slots=True)
class Drives:
    """Batches of recorded drives with their signal sets, and what they are of."""

    batches: list[tuple[SignalSet, Batch]]
    source: str

    @property
    def samples(self) -> int:
        """How many values there are; every cell that the log holds is one."""
        return sum(len(column) - column.count(None) for _, batch in self.batches for column in batch.columns)

    def __str__(self) -> str:
        return f"{self.samples:,} samples in {len(self.batches):,} batches of {BATCH_ROWS} rows, {self.source}"


def recorded() -> Drives:
    """All drives of the full recordings where they are beside the project, else the one that ships with it.

    Raises:
        NoInputError: neither is there.
    """
    shared = Path(os.environ.get("ROADWORTHY_SHARED_DATA", ROOT.parent / "shared" / "data")) / "carobd"
    for folder in (shared, SHIPPED):
        paths = sorted(folder.glob("*.csv.gz"))
        if paths:
            made = [pair for path in paths for pair in _batched(asyncio.run(_read(path)))]
            return Drives(made, f"{len(paths)} recorded drive(s) of {'carOBD' if folder is shared else 'the package'}")
    raise NoInputError("wire", SHIPPED)


def shipped() -> Drives:
    """The drive that ships with the project: 27 signals, batches of 30 rows a second apart.

    Raises:
        NoInputError: it is not there.
    """
    paths = sorted(SHIPPED.glob("*.csv.gz"))
    if not paths:
        raise NoInputError("ingest", SHIPPED)
    made = [pair for path in paths for pair in _batched(asyncio.run(_read(path)))]
    last = made[-1][0].id
    whole = [(chosen, one) for chosen, one in made if chosen.id == last and len(one.times_ms) == BATCH_ROWS]
    return Drives(whole, f"{len(paths)} recorded drive(s) of the package")


async def _read(path: Path) -> list[Timed]:
    source = open_source(f"csv:{path}", collect=Collect(), health=Health(), options={"map": MAP})
    rows = [row async for row in source.rows(skip=0, start_ms=0)]
    return [Timed(row.time_ms or 0, row.time_ms or 0, row.values) for row in rows if row.values]


def _batched(rows: Sequence[Timed]) -> Iterator[tuple[SignalSet, Batch]]:
    columns = Columns()
    for start in range(0, len(rows), BATCH_ROWS):
        piece = rows[start : start + BATCH_ROWS]
        columns.grow(piece)
        for batch in batches(piece, columns.chosen, boot_id=1 << 62, quality=TimeQuality.RECORDED):
            yield columns.chosen, batch
