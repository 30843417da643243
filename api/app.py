"""The assembly of the service desk: routes, errors, headers, and the worker behind them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import uvicorn

from api import listening, policy, problems
from api.appointments.endpoints import router as appointments
from api.auth.endpoints import router as people
from api.campaigns.endpoints import router as campaigns
from api.console.app import mount
from api.desk_app import DeskApp
from api.first_start import prepare
from api.operations.endpoints import health
from api.operations.endpoints import router as operations
from api.reminders import worker
from api.reminders.endpoints import router as reminders
from api.routes import UnderWay
from api.suggestions.endpoints import router as suggestions
from api.vehicles.endpoints import router as vehicles
from api.web import Desk
from ingest.storage.database import open_database
from ingest.storage.telemetry import TelemetryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from fastapi import FastAPI

    from api.settings import ApiSettings


def create_app(settings: ApiSettings, engine: sa.Engine, *, stop: asyncio.Event | None = None) -> FastAPI:
    """The app over a migrated database; ``stop`` ends its streams.

    Raises:
        PolicyError: an operation has no policy.
    """
    app = DeskApp(
        title="Roadworthy", version="1", openapi_url=f"{policy.V1}/openapi.json", docs_url=None, redoc_url=None,
        summary="Vehicles, suggestions, appointments and reminders of a dealer",
    )  # fmt: skip
    app.state.desk = Desk(settings, engine, TelemetryStore(engine, settings.history_folder))
    app.state.stop = stop or asyncio.Event()
    app.state.under_way = UnderWay()
    for router in (people, vehicles, suggestions, appointments, reminders, campaigns, operations, health):
        # Not include_router: the policy goes by the path that a route itself has.
        app.router.routes.extend(router.routes)
    problems.install(app)
    mount(app)
    policy.check_complete(listening.operations(app))
    return app


async def run(settings: ApiSettings, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
    """The service desk until ``stop`` is set.

    Raises:
        ExposureError: a public address that was not asked for.
        ListenError: the port is in use.
    """
    listening.refuse_exposure(settings)
    engine = open_database(settings.database_url)
    try:
        await asyncio.to_thread(prepare, settings, engine)
        app = create_app(settings, engine, stop=stop)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=3)
        with contextlib.closing(listening.open_socket(settings)) as socket:
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run(settings, engine, stop=stop), name="api.worker")
                try:
                    await listening.serve(uvicorn.Server(config), socket, stop, ready)
                finally:
                    await app.state.under_way.ended()
    finally:
        engine.dispose()
