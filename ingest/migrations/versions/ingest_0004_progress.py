"""How far history has come is one number instead of a mark on each row; only events are found by vehicle."""

import sqlalchemy as sa
from alembic import op

revision = "ingest_0004"
down_revision = "ingest_0003"
branch_labels = None
depends_on = None

_TELEMETRY, _EVENT = 1, 2
_INDEXES = {
    "inbox_events": ["id"],
    "inbox_events_by_device": ["device_id", "id"],
    "inbox_events_by_vehicle": ["vehicle_id", "id"],
}
_NONE_LEFT = "COALESCE((SELECT MAX(id) FROM inbox), 0)"
_BEFORE_FIRST = "COALESCE((SELECT MIN(id) - 1 FROM inbox WHERE content = {content} AND {which}), {otherwise})"


def upgrade() -> None:
    table = op.create_table(
        "progress",
        sa.Column("work", sa.String(16), primary_key=True),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
    )
    in_history = _BEFORE_FIRST.format(content=_TELEMETRY, which="NOT in_history", otherwise=_NONE_LEFT)
    spent = _BEFORE_FIRST.format(content=_TELEMETRY, which="in_history", otherwise=in_history)
    for work, value in {"history": in_history, "spent": spent, "forgotten": "0"}.items():
        op.execute(table.insert().from_select(["work", "inbox_id"], sa.select(sa.literal(work), sa.text(value))))
    op.drop_index("inbox_pending", table_name="inbox")
    op.drop_index("inbox_by_vehicle", table_name="inbox")
    # Not by a copy of the table, which would begin its numbers anew where it is empty.
    op.drop_column("inbox", "in_history")
    only_events = sa.text(f"content = {_EVENT}")
    for name, columns in _INDEXES.items():
        op.create_index(name, "inbox", columns, postgresql_where=only_events, sqlite_where=only_events)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, table_name="inbox")
    op.add_column("inbox", sa.Column("in_history", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE inbox SET in_history = (1 = 1) WHERE content <> 2 "
        "AND id <= (SELECT inbox_id FROM progress WHERE work = 'history')"
    )
    op.create_index("inbox_pending", "inbox", ["in_history", "content", "id"])
    op.create_index("inbox_by_vehicle", "inbox", ["vehicle_id", "content", "id"])
    op.drop_table("progress")
