"""Many rows or names in one statement, on either database, past what SQLAlchemy does for each row.

SQLite takes rows one by one from memory, which is quick; PostgreSQL takes them in one message, as COPY or as a JSON
array, since each row by itself costs a message both ways.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from ingest.storage.database import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_COPIED_AS: Mapping[type[sa.types.TypeEngine[Any]], str] = {
    UtcDateTime: "timestamptz", sa.LargeBinary: "bytea", sa.Boolean: "bool", sa.SmallInteger: "int2",
    sa.BigInteger: "int8", sa.Integer: "int4", sa.String: "text",
}  # fmt: skip
_LISTED: Mapping[str, tuple[str, str]] = {
    "sqlite": ("?", "json_each(?)"),
    "postgresql": ("%s", "json_array_elements_text(CAST(%s AS json)) AS value"),
}
Rows = sa.CursorResult[*tuple[Any, ...]]


def of_names(connection: sa.Connection, statement: str, names: Collection[str], *before: object) -> Rows:
    """Runs a statement in which ``{names}`` stands for the list of ``names``, as in ``WHERE id IN {names}``.

    Values for as many ``{value}`` in it, all of which stand ``before`` the names, are as their driver takes them.
    """
    mark, listed = _LISTED[connection.dialect.name]
    text = statement.format(names=f"(SELECT value FROM {listed})", value=mark)  # noqa: S608  our own words
    return connection.exec_driver_sql(text, (*before, msgspec.json.encode(sorted(names)).decode()))


def write_rows(connection: sa.Connection, statement: str, forms: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Runs an INSERT in which ``{rows}`` stands for ``rows``, whose columns are of the SQL types ``forms``.

    A column of type JSON is handed over as text.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        cells = ", ".join(f"CAST(value ->> {at} AS {form})" for at, form in enumerate(forms))
        text = statement.format(rows=f"SELECT {cells} FROM json_array_elements(CAST(%s AS json))")  # noqa: S608  ours
        connection.exec_driver_sql(text, (msgspec.json.encode(rows).decode(),))
    else:
        text = statement.format(rows=f"VALUES ({', '.join('?' * len(forms))})")
        connection.exec_driver_sql(text, [tuple(row) for row in rows])


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    common: Mapping[str, Any],
) -> None:
    """Adds rows with the columns ``names``, each as its driver takes it, and with what is ``common`` to all.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses, as from any other statement.
    """
    if not rows:
        return
    columns = [table.c[name] for name in (*names, *common)]
    shared = tuple(bound(connection, table.c[name], value) for name, value in common.items())
    placed = ", ".join(column.name for column in columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {table.name} ({placed}) FROM STDIN (FORMAT BINARY)", columns, rows, shared)
    else:
        statement = f"INSERT INTO {table.name} ({placed}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608  ours
        connection.exec_driver_sql(statement, [row + shared for row in rows])


def bound(connection: sa.Connection, column: sa.Column[Any], value: object) -> object:
    """A value as SQLAlchemy would hand it to the driver."""
    convert = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return value if convert is None else convert(value)


def _copy(
    connection: sa.Connection,
    statement: str,
    columns: Sequence[sa.Column[Any]],
    rows: Sequence[tuple[Any, ...]],
    shared: tuple[object, ...],
) -> None:
    forms = [next(name for form, name in _COPIED_AS.items() if isinstance(column.type, form)) for column in columns]
    driver: Any = connection.connection.driver_connection
    with _as_from_sqlalchemy(connection, statement), driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(forms)
        for row in rows:
            copy.write_row(row + shared)


@contextmanager
def _as_from_sqlalchemy(connection: sa.Connection, statement: str) -> Iterator[None]:
    """Gives errors of the driver the classes that those of all other statements have."""
    driver: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        wrapped = sa.exc.DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect)
        raise wrapped from error
