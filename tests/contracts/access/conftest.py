"""The world in which operations are tried, and a way to keep nothing of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api import web
from api.app import create_app
from api.auth import service as people
from api.auth.scope import Role
from api.dealers import repository as dealers
from api.settings import ApiSettings
from ingest.storage.database import migrate, open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

from tests.contracts.access.world import World, park, person, rolled_back


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory, collect: Callable[..., str]) -> Iterator[World]:
    """Dealer `here` with the cars of ann and bob, dealer `there` with the car of cem."""
    folder: Path = tmp_path_factory.mktemp("access")
    url = f"sqlite:///{folder}/desk.db"
    engine = open_database(url)
    for package in ("ingest", "diagnostics", "api"):
        migrate(engine, package)
    app = create_app(ApiSettings(data_dir=folder, database_url=url), engine)
    app.state.stop.set()  # streams end at once
    with transaction(engine) as connection:
        dealer_ids = {
            name: dealers.create(
                connection, name_en=name, name_zh=name, time_zone="Asia/Shanghai", bays=3, now=datetime.now(UTC)
            )
            for name in ("here", "there")
        }
        staff = {
            f"{role}-{dealer}": person(connection, f"{role}-{dealer}", role, dealer_id)
            for dealer, dealer_id in dealer_ids.items()
            for role in (Role.ADVISOR, Role.MANAGER, Role.ENGINEER)
        }
        owners = {name: person(connection, name, Role.OWNER, None) for name in ("ann", "bob", "cem")}
        admin = person(connection, "root", Role.ADMIN, None)
        cars = {
            f"car-of-{name}": park(
                connection, f"car-of-{name}", (dealer, dealer_ids[dealer]), owners[name], admin, collect
            )
            for name, dealer in (("ann", "here"), ("bob", "here"), ("cem", "there"))
        }
        everyone = staff | owners | {"root": admin}
        tokens = {
            name: people.make_token(connection, scope, label="test", now=datetime.now(UTC))
            for name, scope in everyone.items()
        }
    with TestClient(app, base_url="http://127.0.0.1:8420", follow_redirects=False) as client:
        yield World(
            app, client, engine, cars,
            headers={name: {"Authorization": f"Bearer {secret}"} for name, (_, secret, _) in tokens.items()},
            user_ids={name: scope.user_id for name, scope in everyone.items()},
            token_ids={name: token_id for name, (token_id, _, _) in tokens.items()},
        )  # fmt: skip
    engine.dispose()


@pytest.fixture(name="keep_nothing")
def _keep_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects of allowed requests are taken back after each."""
    monkeypatch.setattr(web, "transaction", rolled_back)
