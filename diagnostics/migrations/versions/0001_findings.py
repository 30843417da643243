"""Findings, suggestions, outcomes, health, and what the runner remembers.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_id = sa.String(64)
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("id", _id, primary_key=True),
        sa.Column("vehicle_id", _id, nullable=False, index=True),
        sa.Column("detector", sa.String(64), nullable=False, index=True),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("component", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("since", _time, nullable=False),
        sa.Column("found_at", _time, nullable=False),
        sa.Column("cleared_at", _time),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("title", sa.JSON, nullable=False),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
    )
    _suggestions()
    op.create_table(
        "services",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("vehicle_id", _id, nullable=False, index=True),
        sa.Column("component", sa.String(32), nullable=False),
        sa.Column("at", _time, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "component_health",
        sa.Column("vehicle_id", _id, primary_key=True),
        sa.Column("component", sa.String(32), primary_key=True),
        sa.Column("health", sa.Float, nullable=False),
        sa.Column("rul_low_days", sa.Float),
        sa.Column("rul_median_days", sa.Float),
        sa.Column("rul_high_days", sa.Float),
        sa.Column("updated_at", _time, nullable=False),
        sa.Column("basis", sa.JSON, nullable=False),
    )
    _memory()


def _suggestions() -> None:
    op.create_table(
        "suggestions",
        sa.Column("id", _id, primary_key=True),
        sa.Column("vehicle_id", _id, nullable=False, index=True),
        sa.Column("component", sa.String(32), nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("due_by", _time),
        sa.Column("title", sa.JSON, nullable=False),
        sa.Column("text", sa.JSON, nullable=False),
        sa.Column("finding_ids", sa.JSON, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, index=True),
        sa.Column("changed_by", sa.String(128), nullable=False),
        sa.Column("changed_at", _time, nullable=False),
    )
    op.create_table(
        "diagnostics_revisions",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("suggestion_id", _id, sa.ForeignKey("suggestions.id"), nullable=False, index=True),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sa.Column("recorded_at", _time, nullable=False),
    )


def _memory() -> None:
    op.create_table(
        "detector_state",
        sa.Column("vehicle_id", _id, primary_key=True),
        sa.Column("make", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "trips",
        sa.Column("vehicle_id", _id, primary_key=True),
        sa.Column("started_ms", sa.BigInteger, primary_key=True),
        sa.Column("features", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "code_events",
        sa.Column("vehicle_id", _id, primary_key=True),
        sa.Column("time_ms", sa.BigInteger, primary_key=True),
        sa.Column("ecu", sa.String(16), primary_key=True),
        sa.Column("code", sa.String(8), primary_key=True),
        sa.Column("state", sa.String(16), primary_key=True),
        sa.Column("present", sa.Boolean, nullable=False),
        sa.Column("device_id", _id, nullable=False),
    )


def downgrade() -> None:
    names = ("code_events", "trips", "detector_state", "component_health", "services", "outcomes")
    for name in (*names, "diagnostics_revisions", "suggestions", "findings"):
        op.drop_table(name)
