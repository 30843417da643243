"""The tables that diagnostics owns."""

from __future__ import annotations

import sqlalchemy as sa

from ingest.storage.database import UtcDateTime

metadata = sa.MetaData()
_id = sa.String(64)

findings = sa.Table(
    "findings", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("detector", sa.String(64), nullable=False, index=True),
    sa.Column("cause", sa.String(64), nullable=False),
    sa.Column("component", sa.String(32), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("found_at", UtcDateTime, nullable=False),
    sa.Column("cleared_at", UtcDateTime),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("title", sa.JSON, nullable=False),
    sa.Column("text", sa.JSON, nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
)  # fmt: skip

suggestions = sa.Table(
    "suggestions", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("component", sa.String(32), nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_by", UtcDateTime),
    sa.Column("title", sa.JSON, nullable=False),
    sa.Column("text", sa.JSON, nullable=False),
    sa.Column("finding_ids", sa.JSON, nullable=False),
    sa.Column("causes", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("raised_at", UtcDateTime),
    sa.Column("cleared_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("timing", sa.JSON(none_as_null=True)),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sa.Column("changed_by", sa.String(128), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)  # fmt: skip

revisions = sa.Table(
    "diagnostics_revisions", metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)  # fmt: skip

outcomes = sa.Table(
    "outcomes", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("suggestion_id", _id, sa.ForeignKey("suggestions.id"), nullable=False, index=True),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("cause", sa.String(64), nullable=False, server_default=""),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("recorded_by", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)  # fmt: skip

services = sa.Table(
    "services", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("component", sa.String(32), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

maintenance = sa.Table(
    "maintenance", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("item", sa.String(32), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(128), nullable=False),
)  # fmt: skip

measurements = sa.Table(
    "measurements", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("recorded_by", sa.String(128), nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

vehicle_kinds = sa.Table(
    "vehicle_kinds", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("vehicle_id", _id, nullable=False, index=True),
    sa.Column("platform", sa.String(64), nullable=False),
    sa.Column("powertrain", sa.String(16), nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

component_health = sa.Table(
    "component_health", metadata,
    sa.Column("vehicle_id", _id, primary_key=True),
    sa.Column("component", sa.String(32), primary_key=True),
    sa.Column("health", sa.Float, nullable=False),
    sa.Column("rul_low_days", sa.Float),
    sa.Column("rul_median_days", sa.Float),
    sa.Column("rul_high_days", sa.Float),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("basis", sa.JSON, nullable=False),
)  # fmt: skip

detector_state = sa.Table(
    "detector_state", metadata,
    sa.Column("vehicle_id", _id, primary_key=True),
    sa.Column("make", sa.String(64), nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)  # fmt: skip

trips = sa.Table(
    "trips", metadata,
    sa.Column("vehicle_id", _id, primary_key=True),
    sa.Column("started_ms", sa.BigInteger, primary_key=True),
    sa.Column("features", sa.LargeBinary, nullable=False),
)  # fmt: skip

code_events = sa.Table(
    "code_events", metadata,
    sa.Column("vehicle_id", _id, primary_key=True),
    sa.Column("time_ms", sa.BigInteger, primary_key=True),
    sa.Column("ecu", sa.String(16), primary_key=True),
    sa.Column("code", sa.String(24), primary_key=True),
    sa.Column("state", sa.String(16), primary_key=True),
    sa.Column("present", sa.Boolean, nullable=False),
    sa.Column("device_id", _id, nullable=False),
)  # fmt: skip
