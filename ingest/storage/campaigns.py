"""What devices are told to collect and whether they have taken it; and what they collected, by trigger."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
import zstandard

from ingest.storage.tables import capture_parts, captures, device_configs, dropped_campaigns
from vehicle.campaign import Campaign, Config, Frames, Rows, read_part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ingest.validate import Accepted
    from vehicle.campaign import CapturePart, Refused

MAX_REASON = 500
_MAX_BODY = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """What a device is told, when it was sent, and which version the device says it has."""

    device_id: str
    version: int
    campaigns: Sequence[Mapping[str, Any]]
    idle: bool
    sent_at: datetime | None
    taken_version: int
    taken_at: datetime | None
    refused: Sequence[Mapping[str, Any]]
    positions: bool

    @property
    def taken(self) -> bool:
        """Whether the device has what it was told last."""
        return self.taken_version == self.version

    @property
    def message(self) -> Config:
        """What the device is sent."""
        campaigns = msgspec.convert(self.campaigns, list[Campaign])
        return Config(version=self.version, campaigns=campaigns, positions=self.positions)

    def reason(self, campaign_id: str) -> str | None:
        """Why the device does not carry out a campaign, if it said so."""
        found = (str(one["reason"]) for one in self.refused if one["campaign"] == campaign_id)
        return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What one trigger of a campaign collected on one device; times from the trigger in milliseconds."""

    id: str
    campaign_id: str
    version: int
    device_id: str
    vehicle_id: str
    triggered_at: datetime
    suspect_time: bool
    begin_ms: int
    end_ms: int
    fired: Mapping[str, float]
    missed: int
    cut: bool
    parts: int
    size: int
    received_at: datetime


def tell(connection: sa.Connection, device_id: str, campaigns: Sequence[Campaign], *, positions: bool = False) -> bool:
    """Notes what a device shall collect; whether that is another thing than before, and will be sent."""
    plain = [msgspec.to_builtins(one) for one in campaigns]
    known = config_of(connection, device_id)
    if (list(known.campaigns), known.positions) == (plain, positions) if known else not plain and not positions:
        return False
    idle = not plain and not positions
    values: dict[str, Any] = {"campaigns": plain, "positions": positions, "idle": idle, "sent_at": None}
    if known is None:
        values |= {"device_id": device_id, "version": 1, "taken_version": 0, "refused": []}
        connection.execute(device_configs.insert().values(values))
    else:
        mine = device_configs.update().where(device_configs.c.device_id == device_id)
        connection.execute(mine.values(values | {"version": device_configs.c.version + 1}))
    before = {str(one["id"]) for one in known.campaigns} if known else set()
    _drop(connection, device_id, before, {one.id for one in campaigns})
    return True


def drops_of(connection: sa.Connection, campaign_id: str) -> dict[str, bool]:
    """Devices that were told to carry a campaign out and then not to; whether they have said that they let it go."""
    c = dropped_campaigns.c
    query = sa.select(c.device_id, c.let_go).where(c.campaign_id == campaign_id)
    return {device_id: let_go for device_id, let_go in connection.execute(query)}  # noqa: C416  rows are not pairs to mypy


def config_of(connection: sa.Connection, device_id: str) -> DeviceConfig | None:
    """What a device was told, or None."""
    row = (
        connection.execute(sa.select(device_configs).where(device_configs.c.device_id == device_id)).mappings().first()
    )
    return None if row is None else DeviceConfig(**row)


def configs_of(connection: sa.Connection, device_ids: Collection[str]) -> dict[str, DeviceConfig]:
    """What devices were told, by device."""
    query = sa.select(device_configs).where(device_configs.c.device_id.in_(device_ids))
    return {row["device_id"]: DeviceConfig(**row) for row in connection.execute(query).mappings()}


def busy_devices(connection: sa.Connection) -> set[str]:
    """Devices that are told to collect something."""
    query = sa.select(device_configs.c.device_id).where(device_configs.c.idle.is_(False))
    return set(connection.execute(query).scalars())


def unsent(connection: sa.Connection, *, limit: int = 500) -> list[DeviceConfig]:
    """What devices have not been sent yet."""
    query = sa.select(device_configs).where(device_configs.c.sent_at.is_(None)).limit(limit)
    return [DeviceConfig(**row) for row in connection.execute(query).mappings()]


def mark_sent(connection: sa.Connection, config: DeviceConfig, now: datetime) -> None:
    """Notes that the broker has it; a newer version waits all the same."""
    c = device_configs.c
    mine = device_configs.update().where(c.device_id == config.device_id, c.version == config.version)
    connection.execute(mine.values(sent_at=now))


def note_taken(
    connection: sa.Connection, device_id: str, version: int, refused: Sequence[Refused], now: datetime
) -> None:
    """Notes what a device says that it was told; what it does not have is sent again.

    A device that knows a later version than we do remembers what a database of ours forgot: it is told anew, above it.
    """
    known = config_of(connection, device_id)
    if known is None:
        if version:
            row = {"device_id": device_id, "version": version + 1, "campaigns": [], "taken_version": 0}
            row |= {"refused": [], "idle": True}
            connection.execute(device_configs.insert().values(row))
        return
    why = [{**msgspec.to_builtins(one), "reason": one.reason.replace("\x00", "")[:MAX_REASON]} for one in refused]
    if (version, why) == (known.taken_version, list(known.refused)) and known.taken:
        return
    values: dict[str, Any] = {"taken_version": version, "taken_at": now, "refused": why}
    if version != known.version:
        values["sent_at"] = None
    if version > known.version:
        values |= {"version": version + 1}
    connection.execute(device_configs.update().where(device_configs.c.device_id == device_id).values(values))
    _note_let_go(connection, known, version)


def store_part(connection: sa.Connection, verdict: Accepted, now: datetime) -> None:
    """Keeps a part of what a trigger collected; a part that is there already changes nothing."""
    if verdict.event is None:
        return
    part = read_part(verdict.event.data)
    capture_id = _capture_id(verdict.device_id, part.capture)
    c = capture_parts.c
    if connection.execute(sa.select(c.part).where(c.capture_id == capture_id, c.part == part.part)).first():
        return
    mine = sa.select(captures.c.id).where(captures.c.id == capture_id)
    if connection.execute(mine).first() is None:
        # Of two workers that have parts of one capture, one waits here for the other's commit, and then finds its row.
        with contextlib.suppress(sa.exc.IntegrityError), connection.begin_nested():
            connection.execute(captures.insert().values(_capture(capture_id, verdict, part, now)))
    body = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode((part.rows, part.frames)))
    connection.execute(capture_parts.insert().values(capture_id=capture_id, part=part.part, body=body))
    more = captures.update().where(captures.c.id == capture_id)
    connection.execute(more.values(size=captures.c.size + len(verdict.payload)))


def captures_where(
    connection: sa.Connection, *which: sa.ColumnElement[bool], limit: int | None = 200
) -> list[Captured]:
    """What triggers collected, the newest first."""
    query = (
        sa.select(captures).where(*which).order_by(captures.c.triggered_at.desc(), captures.c.id.desc()).limit(limit)
    )
    return [Captured(**row) for row in connection.execute(query).mappings()]


def trigger_counts(connection: sa.Connection, campaign_id: str) -> dict[str, int]:
    """How often a campaign was triggered, by device."""
    c = captures.c
    query = sa.select(c.device_id, sa.func.count()).where(c.campaign_id == campaign_id).group_by(c.device_id)
    return {device_id: count for device_id, count in connection.execute(query)}  # noqa: C416  rows are not pairs to mypy


def forget_before(connection: sa.Connection, oldest: datetime) -> int:
    """Deletes what was collected before ``oldest``; how many captures."""
    old = sa.select(captures.c.id).where(captures.c.triggered_at < oldest)
    connection.execute(capture_parts.delete().where(capture_parts.c.capture_id.in_(old)))
    return connection.execute(captures.delete().where(captures.c.triggered_at < oldest)).rowcount


def contents(connection: sa.Connection, capture_id: str) -> list[tuple[Rows, Frames]]:
    """The parts of a capture that have come, in their order."""
    c = capture_parts.c
    query = sa.select(c.body).where(c.capture_id == capture_id).order_by(c.part)
    reader = zstandard.ZstdDecompressor()
    return [
        msgspec.msgpack.decode(reader.decompress(body, max_output_size=_MAX_BODY), type=tuple[Rows, Frames])
        for body in connection.execute(query).scalars()
    ]


def _drop(connection: sa.Connection, device_id: str, before: set[str], after: set[str]) -> None:
    """Notes in which version a device's campaigns are gone; one that is there again is not dropped any more."""
    if before == after:
        return
    c = dropped_campaigns.c
    connection.execute(
        dropped_campaigns.delete().where(c.device_id == device_id, c.campaign_id.in_(sorted(before ^ after)))
    )
    if before - after and (told := config_of(connection, device_id)):
        rows = [
            {"device_id": device_id, "campaign_id": gone, "version": told.version, "let_go": False}
            for gone in sorted(before - after)
        ]
        connection.execute(dropped_campaigns.insert(), rows)


def _note_let_go(connection: sa.Connection, known: DeviceConfig, version: int) -> None:
    """Keeps for good what a device that has ``version`` has let go of; of a version that was never told, nothing."""
    c = dropped_campaigns.c
    open_ones = dropped_campaigns.update().where(c.device_id == known.device_id, c.let_go.is_(False))
    if version > known.version:
        connection.execute(open_ones.values(version=version + 1))
    else:
        connection.execute(open_ones.where(c.version <= version).values(let_go=True))


def _capture_id(device_id: str, capture: str) -> str:
    return hashlib.blake2b(f"{device_id}/{capture}".encode(), digest_size=16).hexdigest()


def _capture(capture_id: str, verdict: Accepted, part: CapturePart, now: datetime) -> dict[str, Any]:
    return {
        "id": capture_id,
        "campaign_id": part.campaign,
        "version": part.version,
        "device_id": verdict.device_id,
        "vehicle_id": verdict.vehicle_id,
        "triggered_at": datetime.fromtimestamp(verdict.first_ms / 1000, UTC),
        "suspect_time": verdict.placement.suspect,
        "begin_ms": part.begin_ms,
        "end_ms": part.end_ms,
        "fired": part.fired,
        "missed": part.missed,
        "cut": part.cut,
        "parts": part.parts,
        "size": 0,
        "received_at": now,
    }
