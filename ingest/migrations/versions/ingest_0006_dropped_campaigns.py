"""Which campaigns devices shall not carry out any more, and whether they have said so.

Nothing is known of those that ended before; of such a campaign the device's latest word counts, as it did.
"""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0006"
down_revision = "ingest_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dropped_campaigns",
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("let_go", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "campaign_id"),
    )
    op.create_index(op.f("ix_dropped_campaigns_campaign_id"), "dropped_campaigns", ["campaign_id"])


def downgrade() -> None:
    op.drop_table("dropped_campaigns")
