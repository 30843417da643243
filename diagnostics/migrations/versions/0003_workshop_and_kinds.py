"""What workshops measured, and what vehicles are.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("vehicle_id", sa.String(64), nullable=False, index=True),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vehicle_kinds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("vehicle_id", sa.String(64), nullable=False, index=True),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("powertrain", sa.String(16), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("vehicle_kinds")
    op.drop_table("measurements")
