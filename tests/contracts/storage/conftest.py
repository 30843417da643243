"""An empty database of each kind that ingest's storage runs on.

SQLite always; PostgreSQL where it is installed, or where ``ROADWORTHY_TEST_POSTGRES`` names a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.storage.database import migrate, open_database
from ingest.storage.telemetry import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa


@pytest.fixture(name="engine", params=["sqlite", "postgresql"])
def _engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty, migrated database."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'roadworthy.db'}"
    engine = open_database(url)
    migrate(engine, "ingest")
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


@pytest.fixture(name="store")
def _store(engine: sa.Engine, tmp_path: Path) -> TelemetryStore:
    """A telemetry store on that database."""
    return TelemetryStore(engine, tmp_path / "history")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Its history folder."""
    folder = tmp_path / "history"
    folder.mkdir()
    return folder
