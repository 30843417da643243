"""Jobs of the maintenance booklet that were done.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("vehicle_id", sa.String(64), nullable=False),
        sa.Column("item", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("recorded_by", sa.String(128), nullable=False),
    )
    op.create_index("ix_maintenance_vehicle_id", "maintenance", ["vehicle_id"])


def downgrade() -> None:
    op.drop_index("ix_maintenance_vehicle_id", "maintenance")
    op.drop_table("maintenance")
