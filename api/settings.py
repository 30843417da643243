"""Settings of the service desk; ``data_dir`` and ``database_url`` are filled in by the front door."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service desk listens, and how long a sign-in lasts."""

    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8420
    session_idle_s: int = 1800

    @property
    def history_folder(self) -> Path:
        """Where the Parquet files live."""
        return self.data_dir / "history"
