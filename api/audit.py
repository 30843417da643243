"""Who changed what, and when: one row for each change of state and each request to a car."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.tables import audit

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa


def record(connection: sa.Connection, *, who: str, action: str, what: str, now: datetime, **details: Any) -> None:
    """Adds a row; ``what`` names the object, ``details`` are plain values."""
    row = {"at": now, "who": who, "action": action, "what": what, "details": details}
    connection.execute(audit.insert().values(row))
