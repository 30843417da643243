"""Vehicles for people: what is known of them, their codes and history, and asking them something."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from api import audit
from api.appointments import service as appointments
from api.auth import repository as people
from api.auth.scope import Role
from api.dealers.repository import list_dealers
from api.errors import InvalidRequestError, NoDeviceError, NotAllowedError, NotFoundError
from api.reminders import repository as reminders
from api.vehicles import clearing, repository, workshop
from diagnostics.codes import explain
from ingest import devices
from ingest.storage import commands, events
from vehicle.batch import EventKind
from vehicle.errors import UnknownSignalError, VinError
from vehicle.obd import PID_OF
from vehicle.signals import signal
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from api.auth.scope import Scope
    from api.vehicles.repository import Vehicle
    from ingest.devices import Device
    from ingest.storage.commands import CommandRecord
    from ingest.storage.telemetry import TelemetryStore

COMMANDS = (
    "read_dtcs", "read_vin", "read_freeze_frame", "read_readiness", "read_monitors", "read_units", "read_signals",
    "clear_dtcs", "listen_only_on", "listen_only_off",
)  # fmt: skip
MOST_SIGNALS = 20
"""What a device takes of one request."""
COMMAND_PATIENCE = timedelta(seconds=45)
MAX_POINTS = 2000
LAST_DAY = timedelta(days=1)
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what steers how a text is shown and is not seen itself: NUL, line ends, turned directions."""
MAX_TEXT: Mapping[str, int] = MappingProxyType({"plate": 32, "model": 128, "vin": 17, "tag": 32})


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A trouble code that is there now, in plain words by language."""

    code: str
    ecu: str
    state: str
    since: datetime
    title: Mapping[str, str]
    meaning: Mapping[str, str]
    causes: Mapping[str, Sequence[str]]
    check_first: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples of one signal, thinned where there are many."""

    path: str
    unit: str
    label: Mapping[str, str]
    points: list[tuple[int, float]]


def register(
    connection: sa.Connection,
    *,
    vehicle_id: str,
    dealer_id: str,
    now: datetime,
    owner_id: str | None = None,
    plate: str | None = None,
    model: str | None = None,
    vin: str | None = None,
    powertrain: str | None = None,
) -> None:
    """Takes a vehicle into a dealer's care; what it is, as far as that is given, is told to diagnosis too."""
    values = {"id": vehicle_id, "dealer_id": dealer_id, "owner_id": owner_id, "plate": plate, "model": model}
    repository.insert(connection, values | {"vin": vin, "created_at": now})
    told = {"model": model, "powertrain": powertrain}
    workshop.note_kind(connection, vehicle_id, {name: value for name, value in told.items() if value is not None})


def change(
    connection: sa.Connection, scope: Scope, vehicle_id: str, changes: Mapping[str, str | None], now: datetime
) -> Vehicle:
    """Changes plate, model, VIN, owner or dealer of a vehicle; a new owner gets the messages that reached nobody yet.

    Model and powertrain are told to diagnosis, which takes the parameters of that kind.

    Raises:
        NotFoundError: not this person's vehicle.
        NotAllowedError: only an administrator moves a vehicle to another dealer.
        InvalidRequestError: a VIN that is none, a text that is too long or cannot be read, or an owner or dealer that
            does not exist.
    """
    if "dealer_id" in changes and scope.role is not Role.ADMIN:
        raise NotAllowedError(scope.role)
    values = {key: _checked(key, value) for key, value in changes.items() if key != "powertrain"}
    _check_keepers(connection, values)
    if values.get("dealer_id") not in (None, repository.vehicle(connection, scope, vehicle_id).dealer_id):
        appointments.leave(connection, scope, vehicle_id, now=now)
    repository.vehicle(connection, scope, vehicle_id)
    if values:
        repository.change(connection, scope, vehicle_id, values)
    workshop.note_kind(connection, vehicle_id, changes)
    if "owner_id" in values:
        reminders.readdress(connection, vehicle_id, values["owner_id"], now=now)
    audit.record(connection, who=scope.name, action="change_vehicle", what=vehicle_id, now=now, **{**changes, **values})
    return repository.vehicle(connection, scope, vehicle_id)


def retag(connection: sa.Connection, scope: Scope, vehicle_id: str, tags: Sequence[str], now: datetime) -> None:
    """Gives a vehicle these tags and no others; campaigns for a tag find it within a minute.

    Raises:
        NotFoundError: not this person's vehicle.
        InvalidRequestError: a tag that is too long or cannot be read.
    """
    repository.vehicle(connection, scope, vehicle_id)
    for tag in tags:
        _checked("tag", tag)
    repository.set_tags(connection, vehicle_id, tags)
    audit.record(connection, who=scope.name, action="tag_vehicle", what=vehicle_id, now=now, tags=sorted(set(tags)))


def codes_of(connection: sa.Connection, scope: Scope, vehicle_id: str) -> list[Code]:
    """Trouble codes that are there now, as far as the car has told; stored and active ones first."""
    repository.vehicle(connection, scope, vehicle_id)
    present: dict[tuple[str, str, str], int] = {}
    for stored in events.events_of_vehicle(connection, vehicle_id):
        data = stored.event.data
        if stored.event.kind != EventKind.DTC or not {"ecu", "code", "state"} <= data.keys():
            continue
        key = (str(data["code"]), str(data["ecu"]), str(data["state"]))
        if data.get("present", True):
            present.setdefault(key, stored.time_ms)
        else:
            present.pop(key, None)
    found = [_code(*key, since_ms) for key, since_ms in present.items()]
    order = {"stored": 0, "active": 0, "permanent": 1, "pending": 2, "inactive": 3}
    return sorted(found, key=lambda code: (order.get(code.state, len(order)), code.code, code.ecu))


def series_of(
    connection: sa.Connection,
    store: TelemetryStore,
    scope: Scope,
    vehicle_id: str,
    *,
    paths: Sequence[str],
    start: datetime | None,
    end: datetime | None,
) -> list[Series]:
    """Samples of signals in a span of time (the last day of data where none is given), at most 2,000 points each.

    Raises:
        NotFoundError: not this person's vehicle.
        InvalidRequestError: an unknown signal.
    """
    repository.vehicle(connection, scope, vehicle_id)
    try:
        rows = [signal(path) for path in dict.fromkeys(paths)]
    except UnknownSignalError as error:
        nearest = ", ".join(error.nearest) or "docs/reference/signals.md"
        raise InvalidRequestError(
            "signal {path!r} is not in the catalogue; see {nearest}", path=error.path, nearest=nearest
        ) from error
    frame = store.read(vehicle_id=vehicle_id, signals=[row.path for row in rows], start=start, end=end)
    if start is None and end is None:
        frame = frame.filter(pl.col("time") > pl.col("time").max() - LAST_DAY)
    return [
        Series(
            path=row.path, unit=row.unit.symbol, label={"en": row.english, "zh": row.chinese},
            points=_points(frame, row.path),
        )
        for row in rows
    ]  # fmt: skip


def devices_in(connection: sa.Connection, scope: Scope, vehicle_id: str) -> list[Device]:
    """The devices that are installed in a vehicle."""
    repository.vehicle(connection, scope, vehicle_id)
    return devices.devices_of(connection, vehicle_id)


def ask(
    connection: sa.Connection, scope: Scope, vehicle_id: str, name: str, now: datetime, signals: Sequence[str] = ()
) -> CommandRecord:
    """Asks a vehicle for one of :data:`COMMANDS`; the answer is read with :func:`command`.

    ``signals`` are for ``read_signals`` alone, by VSS path.

    Raises:
        NotFoundError: not this person's vehicle.
        InvalidRequestError: a request that does not exist, or signals that OBD-II does not have.
        NoDeviceError: no device to ask.
        NotAllowedError, ConsentError: codes would be cleared, and this person may not, or the owner has not said so.
    """
    repository.vehicle(connection, scope, vehicle_id)
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise InvalidRequestError("{name!r} cannot be asked of a car; {known} can", name=name, known=known)
    if name == "read_signals":
        _check_signals(signals)
    able = [device for device in devices.devices_of(connection, vehicle_id) if device.revoked_at is None]
    if not able:
        raise NoDeviceError
    arguments: dict[str, Any] = {"signals": list(signals)} if signals else {}
    if name == "clear_dtcs":
        arguments |= clearing.word(connection, scope, vehicle_id, now)
    command_id = commands.request_command(
        connection, device_id=able[0].id, name=name, arguments=arguments, requested_by=scope.name, now=now,
        expires_at=now + COMMAND_PATIENCE,
    )  # fmt: skip
    if name == "clear_dtcs":
        clearing.use(connection, vehicle_id, command_id)
    audit.record(connection, who=scope.name, action=name, what=vehicle_id, now=now, command=command_id, **arguments)
    return command(connection, scope, vehicle_id, command_id, now)


def _check_signals(signals: Sequence[str]) -> None:
    if not 1 <= len(signals) <= MOST_SIGNALS:
        raise InvalidRequestError("name 1 to {most} signals", most=MOST_SIGNALS)
    for path in signals:
        if path not in PID_OF:
            raise InvalidRequestError("OBD-II has no signal {path!r}", path=path)


def command(connection: sa.Connection, scope: Scope, vehicle_id: str, command_id: str, now: datetime) -> CommandRecord:
    """How far a request to a vehicle has come.

    Raises:
        NotFoundError: no such request to a vehicle of this person.
    """
    repository.vehicle(connection, scope, vehicle_id)
    found = commands.read_command(connection, command_id)
    mine = {device.id for device in devices.devices_of(connection, vehicle_id)}
    if found is None or found.device_id not in mine:
        raise NotFoundError("request", command_id)
    return found.at(now)


def unknown_devices(connection: sa.Connection) -> list[Device]:
    """Devices whose vehicle is not registered yet; one each vehicle."""
    known = repository.known_ids(connection)
    found = {device.vehicle_id: device for device in devices.list_devices(connection)}
    return [device for vehicle_id, device in found.items() if vehicle_id not in known]


def _check_keepers(connection: sa.Connection, values: Mapping[str, str | None]) -> None:
    owner_id = values.get("owner_id")
    if owner_id is not None:
        person = people.user_by_id(connection, owner_id)
        if person is None or person["role"] != Role.OWNER:
            raise InvalidRequestError("owner_id {owner_id!r} is nobody in the role owner", owner_id=owner_id)
    if "dealer_id" in values and values["dealer_id"] not in {one.id for one in list_dealers(connection)}:
        raise InvalidRequestError("there is no dealer {dealer_id!r}", dealer_id=values["dealer_id"])


def _checked(key: str, value: str | None) -> str | None:
    if value is None:
        return value
    _check_readable(key, value)
    if key in {"owner_id", "dealer_id"}:
        return value
    longest = MAX_TEXT[key]
    if len(value) > longest:
        raise InvalidRequestError(
            "{field} has {count} characters, at most {most} are kept", field=key, count=len(value), most=longest
        )
    if key == "vin":
        try:
            return str(Vin.parse(value))
        except VinError as error:
            raise InvalidRequestError(
                "{text!r} is not a VIN: that has 17 letters and digits, without I, O and Q", text=value
            ) from error
    return value


def _check_readable(key: str, value: str) -> None:
    if not value.strip():
        raise InvalidRequestError("{field} is empty; null removes it", field=key)
    unseen = next((letter for letter in value if unicodedata.category(letter) in UNSEEN), None)
    if unseen is not None:
        raise InvalidRequestError(
            "{field} has a character that cannot be seen: {code}", field=key, code=f"U+{ord(unseen):04X}"
        )


def _code(code: str, ecu: str, state: str, since_ms: int) -> Code:
    known = explain(code)
    return Code(
        code=code, ecu=ecu, state=state, since=datetime.fromtimestamp(since_ms / 1000, UTC), title=known.title,
        meaning=known.meaning, causes=known.causes, check_first=known.check_first,
    )  # fmt: skip


def _points(frame: pl.DataFrame, path: str) -> list[tuple[int, float]]:
    present = frame.select(pl.col("time").dt.timestamp("ms").alias("at"), pl.col(path)).drop_nulls()
    step = max(1, -(-present.height // MAX_POINTS))
    rows: list[Any] = present.gather_every(step).rows()
    return [(int(at), float(value)) for at, value in rows]
