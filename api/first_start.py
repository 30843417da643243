"""What must be there before the service desk opens: tables, and one dealer. No person, and no password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.dealers import repository as dealers
from ingest.storage.database import migrate, transaction

if TYPE_CHECKING:
    import sqlalchemy as sa

    from api.settings import ApiSettings


def prepare(settings: ApiSettings, engine: sa.Engine) -> str:
    """Migrates the tables and makes the first dealer where there is none; the first dealer's id."""
    for package in ("ingest", "diagnostics", "api"):
        migrate(engine, package)
    with transaction(engine) as connection:
        known = dealers.list_dealers(connection)
        if known:
            return known[0].id
        return dealers.create(
            connection, name_en=settings.dealer_name_en, name_zh=settings.dealer_name_zh,
            time_zone=settings.dealer_time_zone, bays=settings.dealer_bays, now=datetime.now(UTC),
        )  # fmt: skip
