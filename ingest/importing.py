"""Messages of foreign devices: whose they are, and what they come to. Pure.

Such a device counts nothing, so ingest numbers what it sends: one epoch, in the order of coming (docs/importers.md).
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from ingest import importers
from ingest.foreign import MAX_BYTES, Importer, Reading
from ingest.plausible import MAX_COUNTER
from ingest.validate import Accepted, Dead, Knowledge, accept
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.errors import Reason, WireError
from vehicle.json_columns import to_batch
from vehicle.topics import DEVICE_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vehicle.signal_set import SignalSet

EPOCH = MAX_COUNTER
"""The epoch of what ingest numbers itself; an agent's epochs count from 1."""
KEPT_BY_THE_BROKER = "retained_value"
_OWNED = 2


def discover() -> Mapping[str, Importer]:
    """The importer of every file of the package, by kind.

    Raises:
        AttributeError: a file defines none; an error while importing one is not caught either.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(importers.__path__))
    found = [importlib.import_module(f"{importers.__name__}.{name}").IMPORTER for name in names]
    return MappingProxyType({importer.kind: importer for importer in found})


IMPORTERS = discover()
FILTERS = tuple(text for importer in IMPORTERS.values() for text in importer.filters)
"""What the server listens to beside our own streams."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose message a topic carries: the importer of its kind, the device, and the levels below it."""

    importer: Importer
    device_id: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows of a foreign device that have no number yet; equal content within ``repeated_within_ms`` is a duplicate."""

    accepted: Accepted
    batch: Batch
    topic: str
    content: bytes
    repeated_within_ms: int | None

    @property
    def device_id(self) -> str:
        """The device that sent it."""
        return self.accepted.device_id

    @property
    def epoch(self) -> int:
        """The epoch of all that foreign devices send."""
        return EPOCH

    def numbered(self, sequence: int) -> Accepted:
        """The row for the inbox.

        Raises:
            WireError: it would be larger than a message of ours may be.
        """
        payload = wire.encode_telemetry(epoch=EPOCH, sequence=sequence, lane=wire.Lane.LIVE, batch=self.batch)
        return msgspec.structs.replace(self.accepted, sequence=sequence, payload=payload)

    def refused(self, reason: Reason, sentence: str) -> Dead:
        """The dead letter that it becomes where it cannot be stored."""
        return Dead(device_id=self.device_id, topic=self.topic, reason=reason, sentence=sentence, payload=self.content)


@dataclass(frozen=True, slots=True)
class Noted:
    """A message without rows: whether its device is there, and what was counted."""

    device_id: str
    online: bool | None
    counts: Mapping[str, int]


def place_of(topic: str) -> Place | None:
    """Whose message a topic carries; None for one that is no foreign device's, or that holds what no topic may."""
    kind, *rest = topic.split("/")
    if kind not in IMPORTERS or not rest or not DEVICE_ID.fullmatch(rest[0]) or not _is_plain(topic):
        return None
    return Place(IMPORTERS[kind], rest[0], tuple(rest[1:]))


def _is_plain(topic: str) -> bool:
    return len(topic) <= 250 and topic.isprintable() and not {"+", "#"} & set(topic)  # noqa: PLR2004  our choice


def device_of(topic: str) -> str | None:
    """Id of the device that a topic, ours or a foreign device's, names at its place."""
    levels = topic.split("/", 3)
    at = 1 if levels[0] in IMPORTERS else _OWNED
    return levels[at] if len(levels) > at else None


def take_in(
    place: Place, topic: str, payload: bytes, knowledge: Knowledge, now_ms: int, *, retained: bool
) -> Imported | Noted | Dead:
    """What a foreign device's message is; ``retained`` is one that the broker had kept, from nobody knows when."""
    device_id, vehicle_id = place.device_id, knowledge.vehicles.get(place.device_id)
    if vehicle_id is None:
        sentence = "the device is not enrolled, or is revoked; enrol it with `roadworthy device add --kind`"
        return Dead(device_id=device_id, topic=topic, reason=Reason.UNKNOWN_DEVICE, sentence=sentence, payload=payload)
    try:
        reading = _read(place, payload)
        if retained and reading.columns:
            return Noted(device_id, reading.online, {KEPT_BY_THE_BROKER: 1})
        if not reading.columns:
            return Noted(device_id, reading.online, reading.counts)
        return _rows(reading, device_id, vehicle_id, topic, payload, knowledge, now_ms)
    except WireError as error:
        return Dead(device_id=device_id, topic=topic, reason=error.reason, sentence=str(error), payload=payload)


def _read(place: Place, payload: bytes) -> Reading:
    if len(payload) > MAX_BYTES:
        raise WireError(Reason.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_BYTES} are taken")
    return place.importer.read(place.levels, payload)


def _rows(
    reading: Reading, device_id: str, vehicle_id: str, topic: str, payload: bytes, knowledge: Knowledge, now_ms: int
) -> Imported:
    signal_set, batch = to_batch(reading.times_ms or (now_ms,), reading.columns)
    if not reading.times_ms:
        batch = replace(batch, quality=TimeQuality.SERVER)
    envelope = wire.Envelope(0, wire.Content.TELEMETRY, wire.Lane.LIVE, EPOCH, 0, b"")
    content = topic.encode() + b"\0" + payload
    counts = {**reading.counts, **_out_of_range(reading, signal_set, batch)}
    accepted = accept(device_id, vehicle_id, envelope, content, batch, signal_set, knowledge, now_ms, counts)
    return Imported(accepted, batch, topic, payload, reading.repeated_within_ms)


def _out_of_range(reading: Reading, signal_set: SignalSet, batch: Batch) -> dict[str, int]:
    lost = {
        path: column.count(None) - reading.columns[path].count(None)
        for path, column in zip(signal_set.paths, batch.columns, strict=True)
    }
    return {f"range:{path}": count for path, count in lost.items() if count}
