"""The tables that ingest owns."""

from __future__ import annotations

import sqlalchemy as sa

from ingest.storage.database import UtcDateTime
from vehicle.wire import Content

metadata = sa.MetaData()
_id = sa.String(64)
_IS_EVENT = sa.text(f"content = {int(Content.EVENT)}")

devices = sa.Table(
    "devices", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("online", sa.Boolean, nullable=False, default=False),
    sa.Column("seen_at", UtcDateTime),
    sa.Column("listen_only", sa.Boolean, nullable=False, server_default=sa.false()),
)  # fmt: skip

installations = sa.Table(
    "installations", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("device_id", _id, sa.ForeignKey("devices.id"), nullable=False, index=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("installed_from", UtcDateTime, nullable=False),
    sa.Column("installed_until", UtcDateTime),
)  # fmt: skip

signal_sets = sa.Table(
    "signal_sets", metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("entries", sa.JSON, nullable=False),
)  # fmt: skip

inbox = sa.Table(
    "inbox", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("device_id", _id, nullable=False),
    sa.Column("vehicle_id", _id, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("content", sa.SmallInteger, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("shift_ms", sa.BigInteger, nullable=False, default=0),
    sa.Column("suspect_time", sa.Boolean, nullable=False, default=False),
    sa.Column("signal_set_id", sa.String(16)),
    sa.Column("digest", sa.LargeBinary(16), nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("device_id", "epoch", "sequence"),
    sa.Index("inbox_events", "id", postgresql_where=_IS_EVENT, sqlite_where=_IS_EVENT),
    sa.Index("inbox_events_by_device", "device_id", "id", postgresql_where=_IS_EVENT, sqlite_where=_IS_EVENT),
    sa.Index("inbox_events_by_vehicle", "vehicle_id", "id", postgresql_where=_IS_EVENT, sqlite_where=_IS_EVENT),
    sqlite_autoincrement=True,
)  # fmt: skip

progress = sa.Table(
    "progress", metadata,
    sa.Column("work", sa.String(16), primary_key=True),
    sa.Column("inbox_id", sa.BigInteger, nullable=False),
)  # fmt: skip

received = sa.Table(
    "received", metadata,
    sa.Column("device_id", _id, primary_key=True),
    sa.Column("epoch", sa.BigInteger, primary_key=True),
    sa.Column("upto", sa.BigInteger, nullable=False),
    sa.Column("ranges", sa.JSON, nullable=False),
)  # fmt: skip

anchors = sa.Table(
    "anchors", metadata,
    sa.Column("device_id", _id, primary_key=True),
    sa.Column("boot_id", sa.BigInteger, primary_key=True),
    sa.Column("offset_ms", sa.BigInteger, nullable=False),
)  # fmt: skip

dead_letters = sa.Table(
    "dead_letters", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("device_id", _id, index=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False, index=True),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("replayed_at", UtcDateTime),
)  # fmt: skip

counters = sa.Table(
    "counters", metadata,
    sa.Column("device_id", _id, primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)  # fmt: skip

cursors = sa.Table(
    "cursors", metadata,
    sa.Column("consumer", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)  # fmt: skip

history_files = sa.Table(
    "history_files", metadata,
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("day", sa.String(10), nullable=False, index=True),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)  # fmt: skip

commands = sa.Table(
    "commands", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("device_id", _id, nullable=False, index=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("requested_by", sa.String(128), nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("answered_at", UtcDateTime),
    sa.Index("commands_by_status", "status"),
)  # fmt: skip

device_configs = sa.Table(
    "device_configs", metadata,
    sa.Column("device_id", _id, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("campaigns", sa.JSON, nullable=False),
    sa.Column("idle", sa.Boolean, nullable=False, index=True),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("taken_version", sa.BigInteger, nullable=False),
    sa.Column("taken_at", UtcDateTime),
    sa.Column("refused", sa.JSON, nullable=False),
    sa.Column("positions", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("device_configs_by_sent_at", "sent_at"),
)  # fmt: skip

dropped_campaigns = sa.Table(
    "dropped_campaigns", metadata,
    sa.Column("device_id", _id, primary_key=True),
    sa.Column("campaign_id", _id, primary_key=True, index=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("let_go", sa.Boolean, nullable=False),
)  # fmt: skip

captures = sa.Table(
    "captures", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("campaign_id", _id, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("device_id", _id, nullable=False),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("triggered_at", UtcDateTime, nullable=False),
    sa.Column("suspect_time", sa.Boolean, nullable=False),
    sa.Column("begin_ms", sa.Integer, nullable=False),
    sa.Column("end_ms", sa.Integer, nullable=False),
    sa.Column("fired", sa.JSON, nullable=False),
    sa.Column("missed", sa.Integer, nullable=False),
    sa.Column("cut", sa.Boolean, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Index("captures_by_campaign", "campaign_id", "triggered_at"),
)  # fmt: skip

capture_parts = sa.Table(
    "capture_parts", metadata,
    sa.Column("capture_id", _id, sa.ForeignKey("captures.id"), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)  # fmt: skip
