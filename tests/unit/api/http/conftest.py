"""The desk over a world, and somebody who asks it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.auth import service as people

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from tests.unit.api.http.given import settings_for


@pytest.fixture(name="app")
def _app(world, tmp_path: Path):
    """The app over the world's database."""
    return create_app(settings_for(tmp_path), world.engine)


@pytest.fixture(name="client")
def _client(app) -> Iterator[TestClient]:
    """A browser that nobody has signed in with."""
    with TestClient(app, base_url="http://127.0.0.1:8420") as client:
        yield client


@pytest.fixture(name="token")
def _token(world, write):
    """Makes the request headers of an API client for a person."""

    def make(scope, **more: str) -> dict[str, str]:
        _, secret, _ = write(people.make_token, scope, label="test", now=datetime.now(UTC))
        return {"Authorization": f"Bearer {secret}", **more}

    assert world
    return make
