"""A small world: two dealers, each with an advisor, an owner and a car, in a fresh database file."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import sqlalchemy as sa

from api.auth import service as people
from api.auth.scope import Role, Scope
from api.dealers import repository as dealers
from api.vehicles import repository as vehicles
from diagnostics import repository as advice
from diagnostics.findings import Component, Severity, Suggestion, SuggestionState
from ingest.storage.database import migrate, open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, nine o'clock in Shanghai
PASSWORD = "correct horse battery"
SERVER = os.environ.get("ROADWORTHY_TEST_POSTGRES", "")
TEMPLATE = "roadworthy_test_template"


@dataclass(frozen=True)
class Shop:
    """One dealer, its people, and the car ``{name}-car`` of its owner."""

    dealer_id: str
    advisor: Scope
    owner: Scope
    vehicle_id: str


@dataclass(frozen=True)
class World:
    """The database and what is in it."""

    engine: sa.Engine
    here: Shop
    there: Shop
    admin: Scope

    def suggest(self, suggestion_id: str = "s1", **changes: object) -> Suggestion:
        """Stores advice about the car of ``here``, as diagnostics would."""
        made = replace(_ADVICE, id=suggestion_id, **{"vehicle_id": self.here.vehicle_id} | changes)
        with transaction(self.engine) as connection:
            return advice.save_suggestion(connection, made, at=NOW)


_ADVICE = Suggestion(
    id="s1", vehicle_id="", component=Component.THERMOSTAT, job="replace_thermostat", severity=Severity.SOON,
    confidence=0.9, state=SuggestionState.OPEN, created_at=NOW, due_by=NOW + timedelta(days=14),
    title={"en": "Replace the thermostat", "zh": "更换节温器"},
    text={"en": "It stays open.", "zh": "节温器常开。"}, finding_ids=(),
)  # fmt: skip


def _person(connection: sa.Connection, name: str, role: Role, dealer_id: str | None) -> Scope:
    user_id = people.create_user(
        connection, name=name, role=role, password=PASSWORD, now=NOW, dealer_id=dealer_id,
        language="zh" if role is Role.OWNER else "en",
    )  # fmt: skip
    return Scope(user_id=user_id, name=name, role=role, dealer_id=dealer_id)


def _shop(connection: sa.Connection, name: str, at: datetime) -> Shop:
    dealer_id = dealers.create(connection, name_en=name, name_zh=f"{name}店", time_zone="Asia/Shanghai", bays=2, now=at)
    advisor = _person(connection, f"{name}-advisor", Role.ADVISOR, dealer_id)
    owner = _person(connection, f"{name}-owner", Role.OWNER, None)
    car = {"id": f"{name}-car", "dealer_id": dealer_id, "owner_id": owner.user_id, "plate": f"沪A·{name}"}
    vehicles.insert(connection, car | {"created_at": at})
    return Shop(dealer_id, advisor, owner, f"{name}-car")


def _open_template(folder: Path) -> sa.Engine:
    """An empty database to copy: a file, or one of a PostgreSQL server where ROADWORTHY_TEST_POSTGRES names it."""
    if not SERVER:
        return open_database(f"sqlite:///{folder}/desk.db")
    _on_server(f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
    return open_database(sa.make_url(SERVER).set(database=TEMPLATE).render_as_string(hide_password=False))


def _on_server(*statements: str) -> None:
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    server.dispose()


@pytest.fixture(name="template", scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Shop, Shop, Scope]]:
    """A migrated database with both shops, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("template")
    engine = _open_template(folder)
    for package in ("ingest", "diagnostics", "api"):
        migrate(engine, package)
    with transaction(engine) as connection:
        here = _shop(connection, "here", NOW)
        there = _shop(connection, "there", NOW + timedelta(seconds=1))
        admin = _person(connection, "root", Role.ADMIN, None)
    engine.dispose()  # closing the last connection brings the write-ahead log into the file
    return folder / "desk.db", (here, there, admin)


@pytest.fixture(name="database_url")
def _database_url(tmp_path: Path, template: tuple[Path, object]) -> Iterator[str]:
    """A database of the test's own."""
    if not SERVER:
        shutil.copyfile(template[0], tmp_path / "desk.db")
        yield f"sqlite:///{tmp_path}/desk.db"
        return
    name = f"test_{uuid4().hex}"
    _on_server(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    _on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(name="engine")
def _engine(database_url: str) -> Iterator[sa.Engine]:
    """The engine of the test's own database."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(name="world")
def _world(engine: sa.Engine, template: tuple[Path, tuple[Shop, Shop, Scope]]) -> World:
    """Two shops that must not see each other's cars."""
    here, there, admin = template[1]
    return World(engine, here, there, admin)


@pytest.fixture(name="now")
def _now() -> datetime:
    """Monday, 2 March 2026, nine in the morning in Shanghai."""
    return NOW


@pytest.fixture(name="password")
def _password() -> str:
    """Everyone's password."""
    return PASSWORD


@pytest.fixture(name="write")
def _write(engine: sa.Engine) -> Callable[..., object]:
    """Calls a service function in a transaction of its own, as one request would."""

    def call(function: Callable[..., object], *arguments: object, **options: object) -> object:
        with transaction(engine) as connection:
            return function(connection, *arguments, **options)

    return call
