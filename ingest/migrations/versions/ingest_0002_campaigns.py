"""What devices are told to collect, and what they collected."""

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "ingest_0002"
down_revision = "ingest_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_configs",
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("campaigns", sa.JSON(), nullable=False),
        sa.Column("idle", sa.Boolean(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("taken_version", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("device_id"),
    )
    op.create_index("device_configs_by_sent_at", "device_configs", ["sent_at"])
    op.create_index(op.f("ix_device_configs_idle"), "device_configs", ["idle"])
    op.create_table(
        "captures",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("vehicle_id", sa.String(length=64), nullable=False),
        sa.Column("triggered_at", UtcDateTime(), nullable=False),
        sa.Column("suspect_time", sa.Boolean(), nullable=False),
        sa.Column("begin_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("fired", sa.JSON(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("captures_by_campaign", "captures", ["campaign_id", "triggered_at"])
    op.create_index(op.f("ix_captures_vehicle_id"), "captures", ["vehicle_id"])
    op.create_table(
        "capture_parts",
        sa.Column("capture_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"]),
        sa.PrimaryKeyConstraint("capture_id", "part"),
    )


def downgrade() -> None:
    op.drop_table("capture_parts")
    op.drop_table("captures")
    op.drop_table("device_configs")
