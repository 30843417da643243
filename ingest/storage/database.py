"""Opening the database, transactions, and migrations; the same for SQLite and PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ingest.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS_KEPT, CONNECTIONS_MORE = 5, 45
"""Together more than the threads that serve requests at once (40, anyio's default), each of which needs one."""
BUSY_TIMEOUT_S = 30
"""How long a SQLite connection waits for another's write (our choice; transactions are short)."""

INBOX_TURN = 7_237_001
"""Number of the advisory lock that writers of the inbox hold (our choice; advisory locks are of one database)."""
_TAKE_TURN = sa.text(f"SELECT pg_advisory_xact_lock({INBOX_TURN})")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC ``datetime``; SQLite would lose the zone, so a naive one is refused and the zone put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """UTC for the database."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise StoreError("a time without zone", f"{value.isoformat()} cannot be stored; it must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """UTC from the database."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_database(url: str) -> sa.Engine:
    """An engine for ``url``; a SQLite file is made with its folder, in WAL mode with full synchronisation.

    Raises:
        StoreError: the URL cannot be read or its folder cannot be made.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed, pool_size=CONNECTIONS_KEPT, max_overflow=CONNECTIONS_MORE)
    except (sa.exc.ArgumentError, OSError, ModuleNotFoundError) as error:
        raise StoreError(f"database {url}", str(error)) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One write transaction: committed at the end, rolled back by an exception."""
    with engine.begin() as connection:
        yield connection


def take_turn(connection: sa.Connection) -> None:
    """Waits until no other transaction writes to the inbox, and lets none begin before this one's end.

    Several workers would otherwise see old states of what is held; and a reader that keeps its place by the inbox's
    numbers would pass over rows whose transaction commits after one with higher numbers. On SQLite a write transaction
    is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_TAKE_TURN)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One read transaction: what is read belongs together, all of one moment, and no writer is kept waiting."""
    options: dict[str, Any] = {"roadworthy_reading": True}
    if engine.dialect.name == "postgresql":  # by itself each statement would see what was committed meanwhile
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def migrate(engine: sa.Engine, package: str) -> None:
    """Brings the tables of ``package`` to the newest version by the Alembic scripts in its ``migrations`` folder.

    Raises:
        StoreError: the database cannot be opened, is no database, or is of a newer version than this software.
    """
    try:
        with resources.as_file(resources.files(package) / "migrations") as folder:
            script = ScriptDirectory(str(folder))
            if _version(engine, package) != tuple(script.get_heads()):
                _upgrade(engine, package, script)
    except (sa.exc.DBAPIError, CommandError) as error:
        why = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise StoreError(f"database {engine.url.render_as_string()}", str(why)) from error


def _version(engine: sa.Engine, package: str) -> tuple[str, ...]:
    with reading(engine) as connection:
        options = {"version_table": f"alembic_version_{package}"}
        return MigrationContext.configure(connection, opts=options).get_current_heads()


def _upgrade(engine: sa.Engine, package: str, script: ScriptDirectory) -> None:
    def steps(revision: Any, _: MigrationContext) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  what alembic's own command calls

    with transaction(engine) as connection, EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table=f"alembic_version_{package}", transactional_ddl=True)
        environment.run_migrations()


def _configure_sqlite(dbapi_connection: Any, _: object) -> None:
    # Transactions are begun by us (see _begin_sqlite), not by the driver's guess.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred transaction that turns into a writer can fail at once with "database is locked".
    kind = "DEFERRED" if connection.get_execution_options().get("roadworthy_reading") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {kind}")
