"""Settings of the broker and of ingest; ``data_dir`` and ``database_url`` are filled in by the front door."""

from __future__ import annotations

from pathlib import Path

import msgspec


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The broker: where devices reach it.

    With ``embedded`` false it is one that is not ours, such as Mosquitto. ``tls`` and ``ca``, a PEM file, go into the
    configuration of each device that is enrolled: whether it encrypts, and whom it trusts (the system where empty).
    """

    data_dir: Path
    database_url: str
    embedded: bool = True
    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    ca: str = ""


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From MQTT to storage.

    ``broker_host`` and ``broker_port`` say where to listen in; ``window`` is how many unacknowledged batches a device
    may have under way; ``history_every_s`` how far the Parquet history may lag behind; ``retention_days`` 0 keeps all.

    ``workers`` is how many processes share the work, which needs PostgreSQL and a broker with shared subscriptions;
    ``group`` names those that share it, for workers on several machines.
    """

    data_dir: Path
    database_url: str
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    window: int = 64
    commit_every_s: float = 0.05
    history_every_s: float = 3.0
    retention_days: int = 0
    workers: int = 1
    group: str = ""

    @property
    def shared_group(self) -> str:
        """Name of the shared subscription; empty where one worker takes all."""
        return self.group or ("ingest" if self.workers > 1 else "")

    @property
    def history_folder(self) -> Path:
        """Where the Parquet files live."""
        return self.data_dir / "history"
