"""Suggestions know when their matter began and ended.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ADDED = ("raised_at", "cleared_at", "closed_at")


def upgrade() -> None:
    for name in ADDED:
        op.add_column("suggestions", sa.Column(name, UtcDateTime))
    op.execute("UPDATE suggestions SET raised_at = created_at")
    op.execute("UPDATE suggestions SET closed_at = changed_at WHERE state IN ('dismissed', 'withdrawn', 'done')")


def downgrade() -> None:
    for name in ADDED:
        op.drop_column("suggestions", name)
