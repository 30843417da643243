"""The desk's migrations."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from api import tables


def test_migrations_make_the_tables_that_the_code_knows(engine) -> None:
    """After all scripts the database is as `api/tables.py` says; the other packages' tables are not looked at."""

    def ours(name: str | None, kind: str, parents: object) -> bool:
        del parents
        return kind != "table" or name in tables.metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours})
        assert compare_metadata(context, tables.metadata) == []
