"""Settings of diagnostics; ``data_dir`` and ``database_url`` are filled in by the front door."""

from __future__ import annotations

from pathlib import Path

import msgspec


class DiagnosticsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How stored telemetry is followed.

    ``poll_every_s``: pause when nothing new is stored; ``batches_per_step``: most batches taken into one
    transaction; ``rebuild_every_s``: a vehicle with late data is replayed from its history at most so often;
    ``silence_s``: a trip of a vehicle that sent nothing for so long is judged without waiting for its next one.
    """

    data_dir: Path
    database_url: str
    poll_every_s: float = 0.25
    batches_per_step: int = 400
    rebuild_every_s: float = 5.0
    silence_s: float = 1800.0

    @property
    def history_folder(self) -> Path:
        """Where the Parquet files live."""
        return self.data_dir / "history"
