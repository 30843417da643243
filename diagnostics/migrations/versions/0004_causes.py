"""Suggestions name their causes, and outcomes the one that was confirmed.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suggestions", sa.Column("causes", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("outcomes", sa.Column("cause", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("outcomes", "cause")
    op.drop_column("suggestions", "causes")
