"""Codes of trucks are longer: SPN 520192 FMI 31.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _resize(8, 24)


def downgrade() -> None:
    _resize(24, 8)


def _resize(before: int, after: int) -> None:
    with op.batch_alter_table("code_events") as table:
        table.alter_column("code", existing_type=sa.String(before), existing_nullable=False, type_=sa.String(after))
