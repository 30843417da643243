"""Owners allow trouble codes to be cleared."""

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "api_0005"
down_revision = "api_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clearing_consents",
        sa.Column("vehicle_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("used_by", sa.String(length=64)),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicles.id"]),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("vehicle_id"),
    )


def downgrade() -> None:
    op.drop_table("clearing_consents")
