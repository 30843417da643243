"""Settings of the service desk; ``data_dir`` and ``database_url`` are filled in by the front door."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service desk listens, how long a sign-in lasts, and the first dealer.

    ``public`` must be set to listen on an address that others can reach, and then cookies are sent over TLS only.
    """

    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8420
    public: bool = False
    session_idle_s: int = 1800
    poll_s: float = 0.5
    dealer_name_en: str = "Main dealer"
    dealer_name_zh: str = "主店"
    dealer_time_zone: str = "Asia/Shanghai"
    dealer_bays: int = 3

    @property
    def history_folder(self) -> Path:
        """Where the Parquet files live."""
        return self.data_dir / "history"

    @property
    def outbox_folder(self) -> Path:
        """Where the file channel leaves messages."""
        return self.data_dir / "outbox"
