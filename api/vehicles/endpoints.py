"""Vehicles: who they are, how they are, what they measured, and asking them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.pagination import Page, Paging
from api.policy import V1
from api.routes import IdempotentRoute
from api.times import Moment
from api.vehicles import repository, service, upkeep, workshop
from api.vehicles.schemas import (
    CodeOut,
    CommandIn,
    CommandOut,
    DeviceOut,
    FindingOut,
    HealthOut,
    MaintenanceIn,
    MaintenanceOut,
    MeasurementIn,
    MeasurementOut,
    SeriesOut,
    VehicleChange,
    VehicleDetail,
    VehicleOut,
)
from api.web import Database, Now, Person, TheDesk
from diagnostics import repository as diagnosis
from diagnostics.findings import Finding, as_json

router = APIRouter(prefix=f"{V1}/vehicles", tags=["vehicles"], route_class=IdempotentRoute)


@router.get("")
def list_vehicles(connection: Database, person: Person, paging: Paging) -> Page[VehicleOut]:
    """Vehicles that one may see, oldest first."""
    rows = repository.list_vehicles(connection, person, after=paging.after, limit=paging.limit + 1)
    return paging.page(rows, lambda row: (row.created_at, row.id), VehicleOut.model_validate)


@router.get("/{vehicle_id}")
def get_vehicle(vehicle_id: str, connection: Database, person: Person) -> VehicleDetail:
    """A vehicle and its devices."""
    found = repository.vehicle(connection, person, vehicle_id)
    devices = [DeviceOut.model_validate(one) for one in service.devices_in(connection, person, vehicle_id)]
    known = VehicleOut.model_validate(found).model_dump()
    return VehicleDetail(
        **known, devices=devices, tags=repository.tags_of(connection, vehicle_id),
        powertrain=diagnosis.kind_of(connection, vehicle_id)[1],
    )  # fmt: skip


@router.patch("/{vehicle_id}")
def change_vehicle(
    vehicle_id: str, body: VehicleChange, connection: Database, person: Person, moment: Now
) -> VehicleOut:
    """Change plate, model, VIN, owner or tags; an administrator also the dealer."""
    changes = body.model_dump(exclude_unset=True, exclude={"tags"})
    if body.tags is not None:
        service.retag(connection, person, vehicle_id, body.tags, moment)
    return VehicleOut.model_validate(service.change(connection, person, vehicle_id, changes, moment))


@router.get("/{vehicle_id}/health")
def get_health(vehicle_id: str, connection: Database, person: Person) -> list[HealthOut]:
    """Health by component."""
    repository.vehicle(connection, person, vehicle_id)
    return [
        HealthOut(
            component=one.component,
            health=one.health,
            rul_days=one.rul_days,
            updated_at=one.updated_at,
            basis=one.basis,
        )
        for one in diagnosis.health_of(connection, vehicle_id)
    ]


@router.get("/{vehicle_id}/history")
def get_history(
    vehicle_id: str,
    connection: Database,
    person: Person,
    desk: TheDesk,
    signal: Annotated[list[str], Query(description="VSS paths.", max_length=20)],
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
) -> list[SeriesOut]:
    """Samples of signals, thinned to at most 2,000 points each."""
    series = service.series_of(connection, desk.store, person, vehicle_id, paths=signal, start=start, end=end)
    return [SeriesOut.model_validate(one) for one in series]


@router.get("/{vehicle_id}/codes")
def get_codes(vehicle_id: str, connection: Database, person: Person) -> list[CodeOut]:
    """Trouble codes that are there now."""
    return [CodeOut.model_validate(one) for one in service.codes_of(connection, person, vehicle_id)]


@router.get("/{vehicle_id}/findings")
def get_findings(vehicle_id: str, connection: Database, person: Person, *, lasting: bool = False) -> list[FindingOut]:
    """What detectors noticed, newest first, with evidence."""
    repository.vehicle(connection, person, vehicle_id)
    found = diagnosis.findings_of(connection, vehicle_id, limit=200, lasting=lasting)
    return [finding_out(one) for one in found]


@router.get("/{vehicle_id}/measurements")
def get_measurements(vehicle_id: str, connection: Database, person: Person) -> list[MeasurementOut]:
    """What workshops measured, oldest first."""
    repository.vehicle(connection, person, vehicle_id)
    return [
        MeasurementOut(name=name, value=value, at=at, recorded_by=by)
        for name, value, at, by in diagnosis.measurements_of(connection, vehicle_id)
    ]


@router.post("/{vehicle_id}/measurements", status_code=201)
def measure(vehicle_id: str, body: MeasurementIn, connection: Database, person: Person, moment: Now) -> MeasurementOut:
    """Enter what a workshop measured; remaining life starts from it."""
    at = body.at or moment
    workshop.measure(connection, person, vehicle_id, name=body.name, value=body.value, at=at, now=moment)
    return MeasurementOut(name=body.name, value=body.value, at=at, recorded_by=person.name)


@router.get("/{vehicle_id}/maintenance")
def get_maintenance(vehicle_id: str, connection: Database, person: Person) -> list[MaintenanceOut]:
    """What the booklet asks for, when it is due by this car's own use, and why; what is due first first."""
    return [_maintenance_out(one) for one in upkeep.upkeep_of(connection, person, vehicle_id)]


@router.post("/{vehicle_id}/maintenance", status_code=201)
def note_maintenance(
    vehicle_id: str, body: MaintenanceIn, connection: Database, person: Person, moment: Now
) -> list[MaintenanceOut]:
    """Tell that a job of the booklet was done; it is counted anew from then."""
    upkeep.note_done(connection, person, vehicle_id, item=body.item, at=body.at or moment, now=moment)
    return [_maintenance_out(one) for one in upkeep.upkeep_of(connection, person, vehicle_id)]


@router.post("/{vehicle_id}/commands", status_code=202)
def ask_vehicle(vehicle_id: str, body: CommandIn, connection: Database, person: Person, moment: Now) -> CommandOut:
    """Ask the car for its codes or VIN; read the answer at the request's own address."""
    return CommandOut.model_validate(service.ask(connection, person, vehicle_id, body.name, moment, body.signals))


@router.get("/{vehicle_id}/commands/{command_id}")
def get_command(vehicle_id: str, command_id: str, connection: Database, person: Person, moment: Now) -> CommandOut:
    """How far a request to the car has come."""
    return CommandOut.model_validate(service.command(connection, person, vehicle_id, command_id, moment))


def _maintenance_out(one: upkeep.Dated) -> MaintenanceOut:
    return MaintenanceOut(
        item=one.due.item.key, title=one.due.item.title, standing=one.due.standing, done_at=one.done_at,
        due_at=one.due_at, due_from=one.due_from, due_until=one.due_until, km=round(one.due.km, 1),
        extra_km=round(one.due.extra_km, 1), km_a_day=one.due.km_a_day, interval_km=one.due.item.km,
        interval_days=one.due.item.days, reason=one.due.reason,
    )  # fmt: skip


def finding_out(one: Finding) -> FindingOut:
    """A finding as the API shows it."""
    return FindingOut(
        id=one.id, vehicle_id=one.vehicle_id, detector=one.detector, component=one.component, severity=one.severity,
        confidence=one.confidence, since=one.since, found_at=one.found_at, cleared_at=one.cleared_at, title=one.title,
        text=one.text, evidence=as_json(one.evidence),
    )  # fmt: skip
