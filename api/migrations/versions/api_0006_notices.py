"""Messages about advice, beside those about appointments."""

import sqlalchemy as sa
from alembic import op

from ingest.storage.database import UtcDateTime

revision = "api_0006"
down_revision = "api_0005"
branch_labels = None
depends_on = None

_deliveries = sa.table(
    "deliveries", sa.column("reminder_id"), sa.column("address"), sa.column("at", UtcDateTime())
)  # fmt: skip
OF_APPOINTMENT = "SELECT {} FROM appointments WHERE appointments.id = reminders.appointment_id"


def upgrade() -> None:
    with _without_deliveries():
        with op.batch_alter_table("reminders") as table:
            table.alter_column("appointment_id", existing_type=sa.String(64), nullable=True)
            table.add_column(sa.Column("suggestion_id", sa.String(64)))
            table.add_column(sa.Column("vehicle_id", sa.String(64)))
            table.add_column(sa.Column("component", sa.String(32)))
            table.add_column(sa.Column("level", sa.String(16)))
        for name, source in (("vehicle_id", "vehicle_id"), ("component", "component"), ("level", "severity")):
            op.execute(f"UPDATE reminders SET {name} = ({OF_APPOINTMENT.format(source)})")  # noqa: S608  our own names
        with op.batch_alter_table("reminders") as table:
            for name, length in (("vehicle_id", 64), ("component", 32), ("level", 16)):
                table.alter_column(name, existing_type=sa.String(length), nullable=False)
            table.create_foreign_key("reminders_of_vehicle", "vehicles", ["vehicle_id"], ["id"])
            table.create_unique_constraint("reminders_of_advice", ["suggestion_id", "kind", "level"])
            table.create_index(op.f("ix_reminders_vehicle_id"), ["vehicle_id"])


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE reminder_id IN (SELECT id FROM reminders WHERE appointment_id IS NULL)")
    op.execute("DELETE FROM reminders WHERE appointment_id IS NULL")
    with _without_deliveries(), op.batch_alter_table("reminders") as table:
        table.drop_index(op.f("ix_reminders_vehicle_id"))
        table.drop_constraint("reminders_of_advice", type_="unique")
        table.drop_constraint("reminders_of_vehicle", type_="foreignkey")
        for name in ("level", "component", "vehicle_id", "suggestion_id"):
            table.drop_column(name)
        table.alter_column("appointment_id", existing_type=sa.String(64), nullable=False)


class _without_deliveries:  # noqa: N801  a context
    """SQLite makes the table anew, and drops none that others point to; so what points to it is set aside meanwhile."""

    def __enter__(self) -> None:
        self.rows = [dict(row) for row in op.get_bind().execute(sa.select(_deliveries)).mappings()]
        op.execute("DELETE FROM deliveries")

    def __exit__(self, *_: object) -> None:
        if self.rows:
            op.bulk_insert(_deliveries, self.rows)
