"""Whether a device may collect positions."""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0003"
down_revision = "ingest_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column: sa.Column[bool] = sa.Column("positions", sa.Boolean(), nullable=False, server_default=sa.false())
    with op.batch_alter_table("device_configs") as table:
        table.add_column(column)


def downgrade() -> None:
    with op.batch_alter_table("device_configs") as table:
        table.drop_column("positions")
