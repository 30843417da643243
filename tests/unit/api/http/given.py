"""What tests of the REST interface do beside asking it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api.appointments import proposer
from api.settings import ApiSettings
from ingest.storage.database import reading

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

V1 = "/api/v1"


def settings_for(folder: Path, **changes: object) -> ApiSettings:
    return ApiSettings(data_dir=folder, database_url=f"sqlite:///{folder}/desk.db", **changes)


def sign_in(client: TestClient, name: str, password: str) -> dict[str, object]:
    answer = client.post(f"{V1}/session", json={"name": name, "password": password})
    assert answer.status_code == 201, answer.text
    return answer.json()


def propose(world) -> str:
    """Advice that led to a proposal in the coming days; the proposal's id."""
    world.suggest()
    return proposer.work(world.engine, now=datetime.now(UTC))[0]


def count(world, table: sa.Table) -> int:
    with reading(world.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
