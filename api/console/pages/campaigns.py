"""Collection campaigns: the list, the form, how devices stand, and what was collected around each trigger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.campaigns import repository, results, service
from api.console import campaign_form, charts
from api.console.forms import SEE_OTHER, Form, Reading, person_of
from api.console.language import translate
from api.console.pages.vehicle import SHOWN_SIGNALS
from api.console.rendering import Reader, page, said
from api.console.words import STANDING_COLOURS
from api.errors import FaultyCampaignError, NoDeviceError, NotFoundError
from api.problems import said_of_campaign
from api.routes import WholeRoute
from api.vehicles import repository as vehicles
from api.vehicles import service as vehicle_service
from api.web import Database, Now
from ingest.storage.campaigns import contents, trigger_counts
from vehicle.errors import CampaignError, ConditionError
from vehicle.signals import CATALOGUE

router = APIRouter(include_in_schema=False, route_class=WholeRoute)
A_WEEK = timedelta(days=7)
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Choices:
    """What a campaign can be meant for."""

    vehicles: Sequence[vehicles.Vehicle]
    models: Sequence[str]
    tags: Sequence[str]


@router.get("/campaigns")
def campaigns_page(request: Request, reader: Reading, connection: Database, moment: Now) -> HTMLResponse:
    """All campaigns, the newest first."""
    found = repository.list_campaigns(connection, person_of(reader))
    counts = {one.id: sum(trigger_counts(connection, one.id).values()) for one in found}
    return page(request, reader, "campaigns.html", campaigns=found, counts=counts, now=moment)


@router.get("/campaigns/new")
def new_campaign(request: Request, reader: Reading, connection: Database, moment: Now) -> HTMLResponse:
    """The form of a new campaign."""
    until = (moment + A_WEEK).astimezone(ZoneInfo(reader.time_zone)).date().isoformat()
    return _form(request, reader, connection, {**campaign_form.FRESH, "until": until})


@router.post("/campaigns")
def create(request: Request, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """Makes a campaign, or shows what is wrong and where."""
    typed = campaign_form.read(form, reader.time_zone)
    try:
        made = _made(connection, reader, typed, moment)
    except FaultyCampaignError as error:
        return _form(request, reader, connection, form, error.faults)
    return RedirectResponse(f"/campaigns/{made.id}", SEE_OTHER)


@router.post("/campaigns/check")
def check(request: Request, form: Form, reader: Reading) -> HTMLResponse:
    """How a condition is read, or what is wrong with it and where, as a piece of the page."""
    return page(request, reader, "_condition.html", **_read(form.get("condition", ""), reader))


@router.get("/campaigns/{campaign_id}")
def campaign_page(
    request: Request, campaign_id: str, reader: Reading, connection: Database, moment: Now
) -> HTMLResponse:
    """A campaign, how each device stands with it, and what it collected."""
    person = person_of(reader)
    cars = {car.id: car for car in vehicles.list_vehicles(connection, person, limit=None)}
    return page(
        request, reader, "campaign.html", campaign=repository.campaign(connection, person, campaign_id), now=moment,
        standings=service.standings(connection, person, campaign_id, moment), cars=cars, colours=STANDING_COLOURS,
        captures=repository.list_captures(connection, person, campaign_id, limit=MOST_SHOWN), catalogue=CATALOGUE,
    )  # fmt: skip


@router.get("/campaigns/{campaign_id}/change")
def change_page(request: Request, campaign_id: str, reader: Reading, connection: Database) -> HTMLResponse:
    """The form of the next version."""
    found = repository.campaign(connection, person_of(reader), campaign_id)
    return _form(request, reader, connection, campaign_form.shown(found, reader.time_zone), changed=found)


@router.post("/campaigns/{campaign_id}/change")
def change(
    request: Request, campaign_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Puts the next version in place, or shows what is wrong and where."""
    found = repository.campaign(connection, person_of(reader), campaign_id)
    typed = campaign_form.read(form, reader.time_zone)
    try:
        _made(connection, reader, typed, moment, found.id)
    except FaultyCampaignError as error:
        return _form(request, reader, connection, form, error.faults, changed=found)
    return RedirectResponse(f"/campaigns/{found.id}", SEE_OTHER)


@router.post("/campaigns/{campaign_id}/revoke")
def revoke(campaign_id: str, form: Form, reader: Reading, connection: Database, moment: Now) -> Response:
    """Ends a campaign."""
    del form
    service.revoke(connection, person_of(reader), campaign_id, now=moment)
    return RedirectResponse(f"/campaigns/{campaign_id}", SEE_OTHER)


@router.get("/vehicles/{vehicle_id}/captures")
def recordings_page(
    request: Request, vehicle_id: str, reader: Reading, connection: Database, moment: Now, command: str | None = None
) -> HTMLResponse:
    """What was recorded on a vehicle, and recording now."""
    return _recordings(request, reader, connection, vehicle_id, moment, command)


@router.post("/vehicles/{vehicle_id}/record")
def record(
    request: Request, vehicle_id: str, form: Form, reader: Reading, connection: Database, moment: Now
) -> Response:
    """Asks a vehicle to record now, or shows why it cannot."""
    typed = campaign_form.read(form, reader.time_zone).draft
    try:
        asked = service.record(
            connection, person_of(reader), vehicle_id, seconds=campaign_form.seconds(form), signals=typed.signals,
            frames=typed.frames, now=moment,
        )  # fmt: skip
    except (FaultyCampaignError, NoDeviceError) as error:
        return _recordings(request, reader, connection, vehicle_id, moment, typed=form, error=error)
    return RedirectResponse(f"/vehicles/{vehicle_id}/captures?command={asked.id}", SEE_OTHER)


@router.get("/captures/{capture_id}")
def capture_page(request: Request, capture_id: str, reader: Reading, connection: Database) -> HTMLResponse:
    """What happened around one trigger."""
    person = person_of(reader)
    found = repository.capture(connection, person, capture_id)
    parts, recorded = contents(connection, capture_id), found.campaign_id.startswith(repository.RECORDING)
    return page(
        request, reader, "capture.html", capture=found, held=len(parts), columns=results.columns(parts),
        frames=results.frame_count(parts), catalogue=CATALOGUE,
        campaign=None if recorded else repository.campaign(connection, person, found.campaign_id),
        car=vehicles.vehicle(connection, person, found.vehicle_id),
    )  # fmt: skip


@router.get("/captures/{capture_id}/chart")
def chart(
    capture_id: str, reader: Reading, connection: Database, signal: Annotated[str, Query(max_length=150)]
) -> dict[str, Any]:
    """The readings of one signal around the trigger, as numbers for a chart."""
    found = repository.capture(connection, person_of(reader), capture_id)
    for column in results.columns(contents(connection, capture_id)):
        if column.signal.path == signal:
            return charts.of_column(column, found, reader.language, translate(reader.language, "trigger"))
    raise NotFoundError("signal", signal)


def _recordings(
    request: Request,
    reader: Reader,
    connection: sa.Connection,
    vehicle_id: str,
    moment: datetime,
    command: str | None = None,
    typed: Mapping[str, str] | None = None,
    error: FaultyCampaignError | NoDeviceError | None = None,
) -> HTMLResponse:
    person = person_of(reader)
    asked = vehicle_service.command(connection, person, vehicle_id, command, moment) if command else None
    faults = error.faults if isinstance(error, FaultyCampaignError) else ()
    problem = said(error, reader) if error else None
    known = {one.id: one.name for one in repository.list_campaigns(connection, person, limit=None)}
    return page(
        request, reader, "captures.html", status=problem.status if problem else 200, asked=asked, problem=problem,
        car=vehicles.vehicle(connection, person, vehicle_id), catalogue=CATALOGUE, names=known,
        faults=[said_of_campaign(fault, reader.language) for fault in faults],
        captures=repository.captures_of_vehicle(connection, person, vehicle_id)[:MOST_SHOWN],
        here=f"/vehicles/{vehicle_id}/captures" + (f"?command={asked.id}" if asked else ""), shown=SHOWN_SIGNALS,
        typed=typed or {"seconds": "10"} | {f"signal-{at}": "on" for at in range(1, len(SHOWN_SIGNALS) + 1)},
    )  # fmt: skip


def _made(
    connection: sa.Connection, reader: Reader, typed: campaign_form.Typed, moment: datetime, of: str | None = None
) -> repository.Record:
    person = person_of(reader)
    if typed.faults:
        raise FaultyCampaignError([*typed.faults, *service.check(typed.draft, moment)])
    if of is None:
        return service.create(connection, person, typed.draft, now=moment)
    return service.renew(connection, person, of, typed.draft, now=moment)


def _form(
    request: Request,
    reader: Reader,
    connection: sa.Connection,
    typed: Mapping[str, str],
    faults: Sequence[CampaignError] = (),
    *,
    changed: repository.Record | None = None,
) -> HTMLResponse:
    """The form, with what was typed, and what is wrong beside the field."""
    person = person_of(reader)
    cars = vehicles.list_vehicles(connection, person)
    choices = Choices(cars, sorted({car.model for car in cars if car.model}), vehicles.known_tags(connection, person))
    wrong: dict[str, list[str]] = {}
    for fault in faults:
        sentences = wrong.setdefault(fault.place.removesuffix("_ms"), [])
        if (said := said_of_campaign(campaign_form.in_its_unit(fault), reader.language)) not in sentences:
            sentences.append(said)
    return page(
        request, reader, "campaign_form.html", status=422 if faults else 200, typed=typed, wrong=wrong, choices=choices,
        changed=changed, catalogue=CATALOGUE, rows=campaign_form.rows(typed),
        rates=campaign_form.rates, here=f"/campaigns/{changed.id}/change" if changed else "/campaigns/new",
        **_read(typed.get("condition", ""), reader),
    )  # fmt: skip


def _read(text: str, reader: Reader) -> dict[str, Any]:
    """How a condition is read, for the page."""
    if not text.strip():
        return {"reading": None, "fault": None}
    try:
        return {"reading": service.read_condition(text), "fault": None}
    except ConditionError as error:
        fault = CampaignError("condition", error.sentence, column=error.column, **error.values)
        return {
            "reading": None,
            "fault": fault,
            "problem": said_of_campaign(fault, reader.language),
            **_cut(text, error.column),
        }


def _cut(text: str, column: int) -> dict[str, str]:
    """A condition before, at and behind the word of a column."""
    before, rest = text[: column - 1], text[column - 1 :]
    word = rest.split(maxsplit=1)[0] if rest[:1].strip() else rest[:1]
    return {"before": before, "word": word or "␣", "behind": rest[len(word) :]}
