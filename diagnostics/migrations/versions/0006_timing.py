"""Suggestions say what waiting costs.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suggestions", sa.Column("timing", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("suggestions", "timing")
