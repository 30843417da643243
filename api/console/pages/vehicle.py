"""A vehicle's page: identity, health, advice with evidence, codes, signals, and reading codes now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console import charts, overview
from api.console.forms import SEE_OTHER, Form, Reading, back_to, person_of
from api.console.language import translate
from api.console.rendering import Reader, page, said
from api.console.words import COLOURS, MEASURED, POWERTRAINS, READINGS
from api.errors import ConsentError, IllegalMoveError, InvalidRequestError, NoDeviceError, NotFoundError
from api.problems import Problem
from api.routes import WholeRoute
from api.suggestions import service as suggestions
from api.vehicles import clearing, service, workshop
from api.vehicles import repository as vehicles
from api.web import Database, Now, TheDesk
from diagnostics import repository as diagnosis
from diagnostics.findings import Component, Outcome
from diagnostics.outcomes import detector_precision
from diagnostics.suggestions.trust import trust
from ingest.storage.commands import CommandRecord
from vehicle.signals import (
    CATALOGUE,
    CONTROL_MODULE_VOLTAGE,
    COOLANT_TEMPERATURE,
    DEVICE_FREE_DISK,
    DEVICE_FREE_MEMORY,
    DEVICE_PROCESSOR_TEMPERATURE,
    DEVICE_SUPPLY_VOLTAGE,
    DEVICE_WAITING_MESSAGES,
    ENGINE_LOAD,
    ENGINE_SPEED,
    FUEL_LEVEL,
    INTAKE_AIR_TEMPERATURE,
    LONG_TERM_FUEL_TRIM_1,
    ODOMETER,
    SHORT_TERM_FUEL_TRIM_1,
    SPEED,
)

router = APIRouter(include_in_schema=False, route_class=WholeRoute)
SHOWN_SIGNALS = (SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE, CONTROL_MODULE_VOLTAGE)
ASKED_SIGNALS = (
    *SHOWN_SIGNALS, ENGINE_LOAD, INTAKE_AIR_TEMPERATURE, SHORT_TERM_FUEL_TRIM_1, LONG_TERM_FUEL_TRIM_1, FUEL_LEVEL,
    ODOMETER,
)  # fmt: skip
DEVICE_SIGNALS = (
    DEVICE_PROCESSOR_TEMPERATURE, DEVICE_FREE_DISK, DEVICE_FREE_MEMORY, DEVICE_WAITING_MESSAGES, DEVICE_SUPPLY_VOLTAGE,
)  # fmt: skip
RECENT = timedelta(days=2)
MAX_NOTE = 4000


@router.get("/vehicles/{vehicle_id}")
def vehicle_page(
    request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now, command: str | None = None
) -> HTMLResponse:
    """Everything that is known of a vehicle."""
    asked = service.command(connection, person_of(reader), vehicle_id, command, moment) if command else None
    return _show(request, reader, connection, vehicle_id, moment, asked=asked)


@router.get("/vehicles/{vehicle_id}/evidence/{finding_id}")
def evidence(vehicle_id: str, finding_id: str, reader: Reading, connection: Database) -> dict[str, Any]:
    """The chart of a finding, as numbers."""
    vehicles.vehicle(connection, person_of(reader), vehicle_id)
    found = diagnosis.finding(connection, finding_id)
    if found.vehicle_id != vehicle_id:
        raise NotFoundError("finding", finding_id)
    words = {
        "expected": translate(reader.language, "expected"), "limit": translate(reader.language, "limit"),
        "noticed": translate(reader.language, "noticed"), "since": translate(reader.language, "since"),
    }  # fmt: skip
    return charts.of_evidence(found, reader.language, words)


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


@router.get("/vehicles/{vehicle_id}/device")
def device(
    request: Request, vehicle_id: str, reader: Reading, connection: Database, desk: TheDesk, moment: Now
) -> HTMLResponse:
    """What the device last said of itself, as a piece of the page."""
    said_of_itself = service.series_of(
        connection, desk.store, person_of(reader), vehicle_id, paths=DEVICE_SIGNALS, start=moment - RECENT, end=None
    )
    return page(request, reader, "_device.html", said=[one for one in said_of_itself if one.points], now=moment)


@router.post("/vehicles/{vehicle_id}/read-codes")
def read_codes(request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now) -> Response:
    """Asks the car for its codes; the answer appears on the page as it comes."""
    return _ask(request, vehicle_id, "read_dtcs", reader, connection, moment)


@router.post("/vehicles/{vehicle_id}/ask")
def ask(request: Request, vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """Asks the car for something else that it can tell; the answer appears on the page as it comes."""
    name = form.get("name", "")
    if name not in READINGS:
        raise InvalidRequestError("choose what to ask for")
    signals = ASKED_SIGNALS if name == "read_signals" else ()
    return _ask(request, vehicle_id, name, reader, connection, moment, signals)


@router.post("/vehicles/{vehicle_id}/clear-codes")
def clear_codes(request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now) -> Response:
    """Clears the car's codes, which its owner has allowed once."""
    return _ask(request, vehicle_id, "clear_dtcs", reader, connection, moment)


@router.post("/vehicles/{vehicle_id}/listen-only")
def listen_only(request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now) -> Response:
    """Tells the device to send nothing to the car any more, until somebody says otherwise."""
    return _ask(request, vehicle_id, "listen_only_on", reader, connection, moment)


@router.post("/vehicles/{vehicle_id}/ask-again")
def ask_again(request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now) -> Response:
    """Lets the device ask the car again."""
    return _ask(request, vehicle_id, "listen_only_off", reader, connection, moment)


def _ask(
    request: Request,
    vehicle_id: str,
    name: str,
    reader: Reading,
    connection: Database,
    moment: Now,
    signals: Sequence[str] = (),
) -> Response:
    part = "HX-Request" in request.headers
    try:
        asked = service.ask(connection, person_of(reader), vehicle_id, name, moment, signals)
    except (NoDeviceError, ConsentError) as error:
        problem = said(error, reader)
        if part:  # with 200, since htmx shows nothing of an answer that is an error
            return page(request, reader, "_command.html", asked=None, problem=problem)
        return _show(request, reader, connection, vehicle_id, moment, problem=problem)
    if part:
        return page(request, reader, "_command.html", asked=asked, vehicle_id=vehicle_id)
    return RedirectResponse(f"/vehicles/{vehicle_id}?command={asked.id}#codes", SEE_OTHER)


@router.get("/vehicles/{vehicle_id}/commands/{command_id}")
def command(
    request: Request, vehicle_id: str, command_id: str, reader: Reading, connection: Database, moment: Now
) -> HTMLResponse:
    """How far a request to the car has come, as a piece of the page."""
    asked = service.command(connection, person_of(reader), vehicle_id, command_id, moment)
    return page(request, reader, "_command.html", asked=asked, vehicle_id=vehicle_id)


@router.post("/suggestions/{suggestion_id}/dismiss")
def dismiss(
    request: Request, suggestion_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Dismisses advice."""
    why = form.get("why", "")
    changed = suggestions.dismiss(connection, person_of(reader), suggestion_id, why=why, now=moment)
    return back_to(request, form, f"/vehicles/{changed.vehicle_id}")


@router.post("/suggestions/{suggestion_id}/outcome")
def outcome(
    request: Request, suggestion_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Keeps what the workshop found; what does not fit comes back with the reason and the words that were typed."""
    person = person_of(reader)
    vehicle_id = suggestions.suggestion(connection, person, suggestion_id).vehicle_id
    try:
        what, note, part = _found(form)
        with connection.begin_nested():
            suggestions.record_outcome(
                connection, person, suggestion_id, outcome=what, note=note, component=part, now=moment
            )
    except (InvalidRequestError, IllegalMoveError) as error:
        typed = {"note": "", "outcome": "", "component": "", **form, "suggestion_id": suggestion_id}
        return _show(request, reader, connection, vehicle_id, moment, problem=said(error, reader), typed=typed)
    return back_to(request, form, f"/vehicles/{vehicle_id}")


@router.post("/vehicles/{vehicle_id}/measure")
def measure(
    request: Request, vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Keeps what the workshop measured; what does not fit comes back with the reason."""
    person, typed = person_of(reader), form.get("value", "")
    try:
        workshop.measure(
            connection, person, vehicle_id, name=form.get("name", ""), value=_number(typed), at=moment, now=moment
        )
    except InvalidRequestError as error:
        again = {"note": typed, "outcome": "", "suggestion_id": ""}
        return _show(request, reader, connection, vehicle_id, moment, problem=said(error, reader), typed=again)
    return RedirectResponse(f"/vehicles/{vehicle_id}#measured", SEE_OTHER)


@router.post("/vehicles/{vehicle_id}/identity")
def identity(
    request: Request, vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Changes what the car is: plate, model, powertrain; an empty field removes it."""
    person = person_of(reader)
    changes = {name: form[name].strip() or None for name in ("plate", "model", "powertrain") if name in form}
    try:
        _check_powertrain(changes)
        with connection.begin_nested():
            service.change(connection, person, vehicle_id, changes, moment)
    except InvalidRequestError as error:
        again = {"note": " · ".join(filter(None, changes.values())), "outcome": "", "suggestion_id": ""}
        return _show(request, reader, connection, vehicle_id, moment, problem=said(error, reader), typed=again)
    return RedirectResponse(f"/vehicles/{vehicle_id}", SEE_OTHER)


def _check_powertrain(changes: Mapping[str, str | None]) -> None:
    if changes.get("powertrain") not in (None, *POWERTRAINS):
        raise InvalidRequestError("choose the powertrain")


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise InvalidRequestError("{text!r} is not a number", text=text) from error


def _found(form: Form) -> tuple[Outcome, str, Component | None]:
    """Outcome, note, and which component it was; one that was chosen beside another outcome does not count."""
    what, note, part = form.get("outcome", ""), form.get("note", ""), form.get("component", "")
    if what not in tuple(Outcome):
        raise InvalidRequestError("choose what was found")
    if len(note) > MAX_NOTE:
        raise InvalidRequestError(
            "the note has {count} characters, at most {most} are kept", count=len(note), most=MAX_NOTE
        )
    if part not in ("", *Component):
        raise InvalidRequestError("choose the component")
    return Outcome(what), note, Component(part) if part and what == Outcome.OTHER_CAUSE else None


def _show(
    request: Request,
    reader: Reader,
    connection: sa.Connection,
    vehicle_id: str,
    moment: datetime,
    *,
    asked: CommandRecord | None = None,
    problem: Problem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The vehicle's page; ``problem`` stands beside the form that ``typed`` came from, or else the codes' form."""
    person = person_of(reader)
    found = overview.picture(connection, person, vehicle_id)
    clearable = clearing.allowed(connection, person, moment) if person.role in clearing.MAY_CLEAR else {}
    return page(
        request, reader, "vehicle.html", status=problem.status if problem else 200, found=found, asked=asked,
        now=moment, colours=COLOURS, readings=READINGS.items(),
        clearable_until=clearable.get(vehicle_id),
        measured=diagnosis.measurements_of(connection, vehicle_id)[::-1][:10], measurable=MEASURED,
        powertrain=diagnosis.kind_of(connection, vehicle_id)[1], powertrains=POWERTRAINS,
        shown_signals=[CATALOGUE[path] for path in SHOWN_SIGNALS], problem=problem, typed=typed,
        poor={one.detector for one in detector_precision(connection) if trust(one).poor},
        living={one.suggestion.id for one in found.advice},
        here=f"/vehicles/{vehicle_id}" + (f"?command={asked.id}" if asked else ""),
    )  # fmt: skip
