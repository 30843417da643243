"""By which of a person's channels a message has gone."""

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "api_0002"
down_revision = "api_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("reminder_id", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reminder_id"],
            ["reminders.id"],
        ),
        sa.PrimaryKeyConstraint("reminder_id", "address"),
    )


def downgrade() -> None:
    op.drop_table("deliveries")
