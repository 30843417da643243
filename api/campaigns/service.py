"""Making, changing and revoking campaigns, how each device stands with them, and what they collected."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from api import audit
from api.auth.scope import Role
from api.campaigns import deployment, repository
from api.campaigns.repository import Record, Target
from api.errors import FaultyCampaignError, IllegalMoveError, NoDeviceError
from api.vehicles import repository as vehicles
from api.vehicles import service as vehicle_service
from api.vehicles.service import COMMAND_PATIENCE
from ingest import devices
from ingest.storage import campaigns as stored
from ingest.storage import commands
from vehicle.campaign import Campaign, faults
from vehicle.errors import CampaignError
from vehicle.expression import parse, readings, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from api.auth.scope import Scope
    from api.vehicles.repository import Vehicle
    from ingest.devices import Device
    from ingest.storage.commands import CommandRecord

LONGEST_RECORDING_S = 60.0
"""Somebody waits for it (our choice); what takes longer is a campaign."""
MOST_NAMED = 1000
"""Vehicles, models or tags that a campaign names one by one (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A campaign as a person wants it."""

    name: str
    condition: str
    until: datetime
    signals: Mapping[str, int] = field(default_factory=dict)
    frames: bool = False
    before_s: float = 0.0
    after_s: float = 0.0
    most_a_day: int = 20
    bytes_a_day: int = 5_000_000
    target: Target = field(default_factory=Target)

    @property
    def definition(self) -> dict[str, Any]:
        """What devices are told, without the campaign's identity."""
        names = ("condition", "frames", "before_s", "after_s", "most_a_day", "bytes_a_day")
        return {name: getattr(self, name) for name in names} | {"signals": dict(self.signals)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one device stands with a campaign: waiting, sent, taken, refused, or let go of.

    Of a campaign that it shall not carry out any more, waiting and sent are the word that ends it.
    """

    vehicle: Vehicle
    device: Device
    state: str
    reason: str
    triggers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a condition is read: with all parentheses, and the signals in it."""

    text: str
    signals: Sequence[str]


def read_condition(text: str) -> Reading:
    """How a condition is read.

    Raises:
        ConditionError: it cannot be read; with place and mend.
    """
    tree = parse(text)
    return Reading(text=written(tree), signals=sorted(readings(tree)))


def check(draft: Draft, now: datetime) -> list[CampaignError]:
    """Everything that is wrong with a draft, field by field."""
    until_ms = int(draft.until.timestamp() * 1000)
    made = Campaign(id="draft", version=1, name=draft.name, until_ms=until_ms, **draft.definition)
    return [*faults(made), *_faults_here(draft, now)]


def create(connection: sa.Connection, scope: Scope, draft: Draft, *, now: datetime) -> Record:
    """A new campaign; devices are told within seconds.

    Raises:
        FaultyCampaignError: fields that do not fit.
        NotFoundError: a vehicle that is not this person's.
    """
    _refuse_faults(connection, scope, draft, now)
    record = Record(
        id=uuid4().hex[:16], dealer_id=None if scope.role is Role.ADMIN else scope.dealer_id, version=1,
        name=draft.name.strip(), definition=draft.definition, target=draft.target, until_at=draft.until,
        created_by=scope.name, created_at=now, changed_by=scope.name, changed_at=now, revoked_at=None,
    )  # fmt: skip
    repository.insert(connection, record)
    _note(connection, scope, "create_campaign", record, now)
    return record


def renew(connection: sa.Connection, scope: Scope, campaign_id: str, draft: Draft, *, now: datetime) -> Record:
    """The next version of a campaign.

    Raises:
        NotFoundError: no such campaign or vehicle of this person.
        IllegalMoveError: it was revoked.
        FaultyCampaignError: fields that do not fit.
    """
    before = repository.campaign(connection, scope, campaign_id)
    if before.revoked_at is not None:
        raise IllegalMoveError("campaign", "revoked", "change")
    _refuse_faults(connection, scope, draft, now)
    record = replace(
        before, version=before.version + 1, name=draft.name.strip(), definition=draft.definition, target=draft.target,
        until_at=draft.until, changed_by=scope.name, changed_at=now,
    )  # fmt: skip
    repository.renew(connection, record)
    _note(connection, scope, "change_campaign", record, now)
    return record


def revoke(connection: sa.Connection, scope: Scope, campaign_id: str, *, now: datetime) -> Record:
    """Ends a campaign for good; what it collected stays.

    Raises:
        NotFoundError: no such campaign of this person.
    """
    record = repository.campaign(connection, scope, campaign_id)
    if repository.revoke(connection, campaign_id, by=scope.name, now=now):
        _note(connection, scope, "revoke_campaign", record, now)
    return repository.campaign(connection, scope, campaign_id)


def record(
    connection: sa.Connection,
    scope: Scope,
    vehicle_id: str,
    *,
    seconds: float,
    signals: Mapping[str, int],
    frames: bool,
    now: datetime,
) -> CommandRecord:
    """Asks a vehicle to record from now on; what it recorded comes as a capture whose campaign is the request.

    Raises:
        NotFoundError: not this person's vehicle.
        FaultyCampaignError: fields that do not fit.
        NoDeviceError: no device to ask.
    """
    vehicles.vehicle(connection, scope, vehicle_id)
    until_ms = int(now.timestamp() * 1000)
    asked = Campaign(
        id="recording", version=1, name="recording", condition="always", until_ms=until_ms, signals=dict(signals),
        frames=frames, after_s=seconds,
    )  # fmt: skip
    found = [*faults(asked)]
    if seconds > LONGEST_RECORDING_S:
        why = "{seconds:g} s; 0 to {most:g} s are possible"
        found.append(CampaignError("seconds", why, seconds=seconds, most=LONGEST_RECORDING_S))
    if found:
        raise FaultyCampaignError(found)
    able = [device for device in devices.devices_of(connection, vehicle_id) if device.revoked_at is None]
    if not able:
        raise NoDeviceError
    arguments = {"seconds": seconds, "signals": dict(signals), "frames": frames}
    command_id = commands.request_command(
        connection, device_id=able[0].id, name="record", arguments=arguments, requested_by=scope.name, now=now,
        expires_at=now + timedelta(seconds=seconds) + COMMAND_PATIENCE,
    )  # fmt: skip
    audit.record(connection, who=scope.name, action="record", what=vehicle_id, now=now, command=command_id)
    return vehicle_service.command(connection, scope, vehicle_id, command_id, now)


def standings(connection: sa.Connection, scope: Scope, campaign_id: str, now: datetime) -> list[Standing]:
    """How each device that shall carry the campaign out, or ever had it, stands with it; by vehicle."""
    record = repository.campaign(connection, scope, campaign_id)
    cars = {car.id: car for car in vehicles.list_vehicles(connection, scope, limit=None)}
    counts, drops = stored.trigger_counts(connection, campaign_id), stored.drops_of(connection, campaign_id)
    meant, running = repository.reached(connection, record), record.state(now) == "running"
    able = [
        device
        for device in devices.list_devices(connection)
        if device.revoked_at is None
        and device.vehicle_id in cars
        and (device.vehicle_id in meant or device.id in counts or device.id in drops)
    ]
    configs = stored.configs_of(connection, [device.id for device in able])
    found = [
        Standing(
            vehicle=cars[device.vehicle_id], device=device, triggers=counts.get(device.id, 0),
            **_state(
                record, configs.get(device.id), let_go=drops.get(device.id),
                wanted=running and device.vehicle_id in meant,
            ),
        )
        for device in able
        if (running and device.vehicle_id in meant)
        or device.id in counts or device.id in drops
        or _version(record, configs.get(device.id)) is not None
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.vehicle.label, one.device.name))


def _version(record: Record, config: stored.DeviceConfig | None) -> int | None:
    """In which version a device is told to carry the campaign out, or None."""
    told = config.campaigns if config else ()
    return next((one["version"] for one in told if one["id"] == record.id), None)


def _state(record: Record, config: stored.DeviceConfig | None, *, wanted: bool, let_go: bool | None) -> dict[str, str]:
    """State and reason of a device that shall carry the campaign out, or shall not any more.

    ``let_go`` tells whether it has said that it let go; None where it was not told so, or an older database forgot it.
    """
    if config is None:
        return {"state": "waiting" if wanted else "let_go", "reason": ""}
    reason = config.reason(record.id) or ""
    confirmed = config.taken if wanted or let_go is None else let_go
    if _version(record, config) != (record.version if wanted else None):
        state = "waiting"
    elif not confirmed:
        state = "waiting" if config.sent_at is None else "sent"
    elif not wanted:
        state = "let_go"
    else:
        state = "refused" if reason else "taken"
    return {"state": state, "reason": reason if state == "refused" else ""}


def _faults_here(draft: Draft, now: datetime) -> Iterator[CampaignError]:
    target = draft.target
    named = len(target.vehicles) + len(target.models) + len(target.tags)
    if not named:
        yield CampaignError("target", "choose at least one vehicle, model or tag")
    if named > MOST_NAMED:
        yield CampaignError(
            "target", "{count} vehicles, models and tags, at most {most} are taken", count=named, most=MOST_NAMED
        )
    if draft.until <= now:
        yield CampaignError("until", "choose an end that is not over yet")


def _refuse_faults(connection: sa.Connection, scope: Scope, draft: Draft, now: datetime) -> None:
    for vehicle_id in draft.target.vehicles:
        vehicles.vehicle(connection, scope, vehicle_id)
    found = check(draft, now)
    if found:
        raise FaultyCampaignError(found)


def _note(connection: sa.Connection, scope: Scope, action: str, record: Record, now: datetime) -> None:
    audit.record(connection, who=scope.name, action=action, what=record.id, now=now, version=record.version)
    deployment.note_change(connection)
