"""Campaigns: make, change and revoke them, how devices stand with them, and what they collected."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from api.campaigns import repository, results, service
from api.campaigns.repository import Record, Target
from api.campaigns.schemas import (
    CampaignIn,
    CampaignOut,
    CaptureDetail,
    CaptureOut,
    ColumnOut,
    ConditionIn,
    ConditionOut,
    RecordingIn,
    StandingOut,
    TargetIn,
)
from api.campaigns.service import Draft
from api.pagination import Page, Paging
from api.policy import V1
from api.problems import said_of_condition
from api.routes import IdempotentRoute
from api.vehicles.schemas import CommandOut
from api.web import Database, Now, Person
from ingest.storage.campaigns import contents
from vehicle.errors import ConditionError

router = APIRouter(prefix=V1, tags=["campaigns"], route_class=IdempotentRoute)


@router.get("/campaigns")
def list_campaigns(connection: Database, person: Person, paging: Paging, moment: Now) -> Page[CampaignOut]:
    """Campaigns that one may see, the newest first."""
    rows = repository.list_campaigns(connection, person, after=paging.after, limit=paging.limit + 1)
    return paging.page(rows, lambda row: (row.created_at, row.id), lambda row: _out(row, moment))


@router.post("/campaigns", status_code=201)
def create_campaign(body: CampaignIn, connection: Database, person: Person, moment: Now) -> CampaignOut:
    """Make a campaign; devices are told within seconds."""
    return _out(service.create(connection, person, _draft(body), now=moment), moment)


@router.post("/campaigns/condition")
def check_condition(body: ConditionIn, connection: Database, person: Person, request: Request) -> ConditionOut:
    """How a condition is read, or what is wrong with it and where."""
    del connection  # where a repeated request finds its answer
    try:
        found = service.read_condition(body.condition)
    except ConditionError as error:
        return ConditionOut(column=error.column, problem=said_of_condition(error, request, person))
    return ConditionOut(reads_as=found.text, signals=list(found.signals))


@router.get("/campaigns/{campaign_id}")
def get_campaign(campaign_id: str, connection: Database, person: Person, moment: Now) -> CampaignOut:
    """A campaign as it stands."""
    return _out(repository.campaign(connection, person, campaign_id), moment)


@router.post("/campaigns/{campaign_id}/versions", status_code=201)
def renew_campaign(
    campaign_id: str, body: CampaignIn, connection: Database, person: Person, moment: Now
) -> CampaignOut:
    """Put the next version in place of a campaign."""
    return _out(service.renew(connection, person, campaign_id, _draft(body), now=moment), moment)


@router.post("/campaigns/{campaign_id}/revocation")
def revoke_campaign(campaign_id: str, connection: Database, person: Person, moment: Now) -> CampaignOut:
    """End a campaign for good; what it collected stays."""
    return _out(service.revoke(connection, person, campaign_id, now=moment), moment)


@router.get("/campaigns/{campaign_id}/devices")
def get_standings(campaign_id: str, connection: Database, person: Person, moment: Now) -> list[StandingOut]:
    """How each device stands with a campaign, and how often it was triggered."""
    return [
        StandingOut(
            vehicle_id=one.vehicle.id, device=one.device.name, state=one.state, reason=one.reason, triggers=one.triggers
        )
        for one in service.standings(connection, person, campaign_id, moment)
    ]


@router.get("/campaigns/{campaign_id}/captures")
def list_captures(campaign_id: str, connection: Database, person: Person, paging: Paging) -> Page[CaptureOut]:
    """What a campaign collected, the newest first."""
    rows = repository.list_captures(connection, person, campaign_id, after=paging.after, limit=paging.limit + 1)
    return paging.page(rows, lambda row: (row.triggered_at, row.id), CaptureOut.model_validate)


@router.post("/vehicles/{vehicle_id}/recordings", status_code=202)
def record_vehicle(vehicle_id: str, body: RecordingIn, connection: Database, person: Person, moment: Now) -> CommandOut:
    """Ask the car to record from now on; read the answer at the request's own address, and then its captures."""
    asked = service.record(connection, person, vehicle_id, **body.model_dump(), now=moment)
    return CommandOut.model_validate(asked)


@router.get("/vehicles/{vehicle_id}/captures")
def list_vehicle_captures(vehicle_id: str, connection: Database, person: Person) -> list[CaptureOut]:
    """What a vehicle collected, the newest 200; a recording's `campaign_id` is `record-` and the request's id."""
    found = repository.captures_of_vehicle(connection, person, vehicle_id)
    return [CaptureOut.model_validate(one) for one in found]


@router.get("/captures/{capture_id}")
def get_capture(capture_id: str, connection: Database, person: Person) -> CaptureDetail:
    """What one trigger collected, with its readings."""
    found = repository.capture(connection, person, capture_id)
    parts = contents(connection, capture_id)
    read = [
        ColumnOut(path=one.signal.path, unit=one.signal.unit.symbol, points=list(one.points))
        for one in results.columns(parts)
    ]
    known = CaptureOut.model_validate(found).model_dump()
    return CaptureDetail(**known, parts_held=len(parts), columns=read, frames=results.frame_count(parts))


@router.get("/captures/{capture_id}/rows.csv", response_class=PlainTextResponse)
def get_rows(capture_id: str, connection: Database, person: Person) -> PlainTextResponse:
    """The readings of a capture: time, seconds from the trigger, signal, value, unit."""
    found = repository.capture(connection, person, capture_id)
    text = results.as_csv(found, contents(connection, capture_id))
    return _file(text, "text/csv", f"{capture_id}.csv")


@router.get("/captures/{capture_id}/frames.log", response_class=PlainTextResponse)
def get_frames(capture_id: str, connection: Database, person: Person) -> PlainTextResponse:
    """The raw frames of a capture, as candump writes them."""
    found = repository.capture(connection, person, capture_id)
    text = results.as_candump(found, contents(connection, capture_id))
    return _file(text, "text/plain", f"{capture_id}.log")


def _file(text: str, media_type: str, name: str) -> PlainTextResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text, media_type=media_type, headers=headers)


def _draft(body: CampaignIn) -> Draft:
    known = body.model_dump(exclude={"target"})
    return Draft(**known, target=Target(**body.target.model_dump()))


def _out(record: Record, moment: Now) -> CampaignOut:
    return CampaignOut(
        id=record.id, version=record.version, name=record.name, state=record.state(moment), **record.definition,
        until=record.until_at, target=TargetIn.model_validate(record.target), created_by=record.created_by,
        created_at=record.created_at, changed_by=record.changed_by, changed_at=record.changed_at,
    )  # fmt: skip
