"""A vehicle's page: identity, health, advice with evidence, codes, signals, and reading codes now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console import charts, overview
from api.console.forms import SEE_OTHER, Form, Reading, back_to, person_of
from api.console.language import translate
from api.console.rendering import page
from api.console.words import COLOURS
from api.errors import InvalidRequestError, NotFoundError
from api.suggestions import service as suggestions
from api.vehicles import repository as vehicles
from api.vehicles import service
from api.web import Database, Now, TheDesk
from diagnostics import repository as diagnosis
from diagnostics.findings import Outcome
from vehicle.signals import CONTROL_MODULE_VOLTAGE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

router = APIRouter(include_in_schema=False)
SHOWN_SIGNALS = (SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE, CONTROL_MODULE_VOLTAGE)
RECENT = timedelta(days=2)


@router.get("/vehicles/{vehicle_id}")
def vehicle_page(
    request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now, command: str | None = None
) -> HTMLResponse:
    """Everything that is known of a vehicle."""
    person = person_of(reader)
    found = overview.picture(connection, person, vehicle_id)
    asked = service.command(connection, person, vehicle_id, command) if command else None
    return page(
        request, reader, "vehicle.html", found=found, asked=asked, now=moment, colours=COLOURS,
        shown_signals=SHOWN_SIGNALS, outcomes=tuple(Outcome),
    )  # fmt: skip


@router.get("/vehicles/{vehicle_id}/evidence/{finding_id}")
def evidence(vehicle_id: str, finding_id: str, reader: Reading, connection: Database) -> dict[str, Any]:
    """The chart of a finding, as numbers."""
    vehicles.vehicle(connection, person_of(reader), vehicle_id)
    found = diagnosis.finding(connection, finding_id)
    if found.vehicle_id != vehicle_id:
        raise NotFoundError("finding", finding_id)
    words = {"expected": translate(reader.language, "expected"), "limit": translate(reader.language, "limit")}
    return charts.of_evidence(found.evidence, reader.language, words)


@router.get("/vehicles/{vehicle_id}/signals")
def signals(
    vehicle_id: str,
    reader: Reading,
    connection: Database,
    desk: TheDesk,
    moment: Now,
    path: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    """Recent samples of signals, as numbers for a chart."""
    measured = service.series_of(
        connection, desk.store, person_of(reader), vehicle_id, paths=path or SHOWN_SIGNALS[:1], start=moment - RECENT,
        end=None,
    )  # fmt: skip
    return charts.of_signals(measured, reader.language)


@router.post("/vehicles/{vehicle_id}/read-codes")
def read_codes(request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now) -> Response:
    """Asks the car for its codes; the answer appears on the page as it comes."""
    asked = service.ask(connection, person_of(reader), vehicle_id, "read_dtcs", moment)
    if request.headers.get("HX-Request"):
        return page(request, reader, "_command.html", asked=asked, vehicle_id=vehicle_id)
    return RedirectResponse(f"/vehicles/{vehicle_id}?command={asked.id}#codes", SEE_OTHER)


@router.get("/vehicles/{vehicle_id}/commands/{command_id}")
def command(request: Request, vehicle_id: str, command_id: str, reader: Reading, connection: Database) -> HTMLResponse:
    """How far a request to the car has come, as a piece of the page."""
    asked = service.command(connection, person_of(reader), vehicle_id, command_id)
    return page(request, reader, "_command.html", asked=asked, vehicle_id=vehicle_id)


@router.post("/suggestions/{suggestion_id}/dismiss")
def dismiss(request: Request, suggestion_id: str, form: Form, reader: Reading, connection: Database) -> Response:
    """Dismisses advice."""
    why, now = form.get("why", ""), datetime.now(UTC)
    changed = suggestions.dismiss(connection, person_of(reader), suggestion_id, why=why, now=now)
    return back_to(request, form, f"/vehicles/{changed.vehicle_id}")


@router.post("/suggestions/{suggestion_id}/outcome")
def outcome(
    request: Request, suggestion_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Keeps what the workshop found."""
    if form.get("outcome") not in tuple(Outcome):
        raise InvalidRequestError("choose what was found")
    changed = suggestions.record_outcome(
        connection, person_of(reader), suggestion_id, outcome=Outcome(form["outcome"]), note=form.get("note", ""),
        now=moment,
    )  # fmt: skip
    return back_to(request, form, f"/vehicles/{changed.vehicle_id}")
