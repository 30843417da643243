"""Whether a device sends nothing to its car, as it last said."""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0005"
down_revision = "ingest_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("listen_only", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    # Not by a copy of the table, to which the rows of others point.
    op.drop_column("devices", "listen_only")
