"""Settings of the service desk; ``data_dir`` and ``database_url`` are filled in by the front door."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service desk listens, how long a sign-in lasts, and the first dealer.

    ``public`` must be set to listen on an address that others can reach, and then cookies are sent over TLS only.
    ``public_url`` is where people reach it (``https://workshop.example``, behind a TLS proxy); links in messages start
    with it. Where it begins with ``https:``, cookies are sent over TLS only too.
    """

    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8420
    public: bool = False
    public_url: str = ""
    session_idle_s: int = 1800
    poll_s: float = 0.5
    dealer_name_en: str = "Main dealer"
    dealer_name_zh: str = "主店"
    dealer_time_zone: str = "Asia/Shanghai"
    dealer_bays: int = 3

    def __post_init__(self) -> None:
        if self.public_url and not re.fullmatch(r"https?://[^\s/]+\S*", self.public_url):
            raise ValueError(f"`public_url` is a web address such as https://workshop.example, not {self.public_url!r}")

    @property
    def base_url(self) -> str:
        """What links in messages start with, without a slash at the end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def over_tls(self) -> bool:
        """Whether people come over TLS only, so that cookies must not travel without."""
        return self.public or self.public_url.startswith("https:")

    @property
    def history_folder(self) -> Path:
        """Where the Parquet files live."""
        return self.data_dir / "history"

    @property
    def outbox_folder(self) -> Path:
        """Where the file channel leaves messages."""
        return self.data_dir / "outbox"
