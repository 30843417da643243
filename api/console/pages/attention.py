"""What needs attention now, all vehicles, and the quality of diagnosis and ingest."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.responses import HTMLResponse

from api.console import overview
from api.console.forms import Reading, person_of
from api.console.rendering import page
from api.console.words import COLOURS
from api.operations.endpoints import changes
from api.routes import WholeRoute
from api.vehicles import repository as vehicles
from api.web import Database, Now, TheDesk
from diagnostics.outcomes import detector_precision, told
from diagnostics.suggestions.causes import shares
from diagnostics.suggestions.trust import NEEDED, trust
from ingest.devices import listening_only
from ingest.storage.letters import counts_by_reason

router = APIRouter(include_in_schema=False, route_class=WholeRoute)


@router.get("/attention")
def attention(
    request: Request, reader: Reading, connection: Database, moment: Now, severity: str | None = None
) -> HTMLResponse:
    """The advisor's first page: worst first."""
    found = overview.attention(connection, person_of(reader), now=moment, time_zone=reader.time_zone, severity=severity)
    return page(request, reader, "attention.html", found=found, chosen=severity, now=moment, colours=COLOURS)


@router.get("/vehicles")
def vehicle_list(request: Request, reader: Reading, connection: Database) -> HTMLResponse:
    """All vehicles in the shop's care."""
    person = person_of(reader)
    worst = overview.worst_by_vehicle(connection, person)
    cars = vehicles.list_vehicles(connection, person)
    return page(
        request, reader, "vehicles.html", cars=cars, worst=worst, colours=COLOURS, listening=listening_only(connection)
    )


@router.get("/quality")
def quality(request: Request, reader: Reading, connection: Database) -> HTMLResponse:
    """How often detectors were right, and what could not be read."""
    precision = [(one, trust(one)) for one in detector_precision(connection)]
    causes = shares(told(connection).causes)
    letters = counts_by_reason(connection) if person_of(reader).role in {"engineer", "admin"} else None
    return page(request, reader, "quality.html", precision=precision, causes=causes, needed=NEEDED, letters=letters)


@router.get("/live")
def live(request: Request, reader: Reading, desk: TheDesk) -> StreamingResponse:
    """Server-sent events by which open pages learn that something changed."""
    del reader
    stream = changes(request, desk)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
