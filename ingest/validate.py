"""What a message is: a row for the inbox, a dead letter, or something to wait for. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.clock import Placement, place
from vehicle import wire
from vehicle.batch import Batch
from vehicle.errors import Reason, WireError
from vehicle.signals import CATALOGUE
from vehicle.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vehicle.batch import Event
    from vehicle.signal_set import SignalSet

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the server knows when it judges: vehicles by device, signal sets by id, anchors by device and boot."""

    vehicles: Mapping[str, str]
    signal_sets: Mapping[str, SignalSet]
    anchors: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A readable message: its identity, when it belongs, and what was counted while reading."""

    device_id: str
    vehicle_id: str
    epoch: int
    sequence: int
    lane: wire.Lane
    content: wire.Content
    first_ms: int
    last_ms: int
    placement: Placement
    signal_set: SignalSet | None
    event: Event | None
    digest: bytes
    payload: bytes
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A message that cannot be taken: why, and its identity where that could be read."""

    device_id: str | None
    topic: str
    reason: Reason
    sentence: str
    payload: bytes
    epoch: int | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsSet:
    """A batch whose signal set has not been announced yet."""

    device_id: str
    epoch: int
    sequence: int
    signal_set_id: str
    payload: bytes
    topic: str


def judge(
    device_id: str, kind: Kind, topic: str, payload: bytes, knowledge: Knowledge, now_ms: int
) -> Accepted | Dead | NeedsSet:
    """What the telemetry or event message of ``device_id`` is."""
    vehicle_id = knowledge.vehicles.get(device_id)
    if vehicle_id is None:
        sentence = "the device is not enrolled, or is revoked; enrol it with `roadworthy device add`"
        return Dead(device_id=device_id, topic=topic, reason=Reason.UNKNOWN_DEVICE, sentence=sentence, payload=payload)
    try:
        return _read(device_id, vehicle_id, kind, topic, payload, knowledge, now_ms)
    except WireError as error:
        return Dead(
            device_id=device_id,
            topic=topic,
            reason=error.reason,
            sentence=str(error),
            payload=payload,
            epoch=error.epoch,
            sequence=error.sequence,
        )


def _read(
    device_id: str, vehicle_id: str, kind: Kind, topic: str, payload: bytes, knowledge: Knowledge, now_ms: int
) -> Accepted | NeedsSet:
    if payload[:1] == b"{":
        epoch, sequence, signal_set, batch = wire.decode_json_columns(payload)
        envelope = wire.Envelope(0, wire.Content.TELEMETRY, wire.Lane.LIVE, epoch, sequence, b"")
        _check_identity(envelope)
        return _accept(device_id, vehicle_id, envelope, payload, batch, signal_set, knowledge, now_ms)
    envelope = wire.decode_envelope(payload)
    try:
        _check_kind(kind, envelope)
        if envelope.content is wire.Content.EVENT:
            event = wire.decode_event(envelope.body)
            return _accept(device_id, vehicle_id, envelope, payload, event, None, knowledge, now_ms)
        set_id = wire.batch_signal_set_id(envelope.body)
        known = knowledge.signal_sets.get(set_id)
        if known is None:
            return NeedsSet(
                device_id=device_id, epoch=envelope.epoch, sequence=envelope.sequence, signal_set_id=set_id,
                payload=payload, topic=topic,
            )  # fmt: skip
        batch = wire.decode_batch(envelope.body, known)
        return _accept(device_id, vehicle_id, envelope, payload, batch, known, knowledge, now_ms)
    except WireError as error:
        raise WireError(error.reason, error.why, epoch=envelope.epoch, sequence=envelope.sequence) from error


def _check_identity(envelope: wire.Envelope) -> None:
    if not (0 < envelope.sequence < 1 << 63 and 0 <= envelope.epoch < 1 << 63):
        raise WireError(Reason.ENVELOPE, f"epoch {envelope.epoch}, sequence {envelope.sequence} are no counters")


def _check_kind(kind: Kind, envelope: wire.Envelope) -> None:
    if (envelope.content is wire.Content.EVENT) != (kind is Kind.EVENT):
        raise WireError(Reason.ENVELOPE, f"{envelope.content.name.lower()} came on the {kind} topic")


def _accept(
    device_id: str,
    vehicle_id: str,
    envelope: wire.Envelope,
    payload: bytes,
    what: Batch | Event,
    signal_set: SignalSet | None,
    knowledge: Knowledge,
    now_ms: int,
) -> Accepted:
    times = what.times_ms if isinstance(what, Batch) else (what.time_ms,)
    placement = place(
        first_ms=times[0],
        last_ms=times[-1],
        monotonic_ms=what.monotonic_ms,
        quality=what.quality,
        anchor_offset_ms=knowledge.anchors.get((device_id, what.boot_id)),
        now_ms=now_ms,
    )
    counts = {"clock_corrected": int(placement.corrected), "suspect_time": int(placement.suspect)}
    if isinstance(what, Batch) and signal_set is not None:
        counts |= out_of_range(what, signal_set)
    return Accepted(
        device_id=device_id,
        vehicle_id=vehicle_id,
        epoch=envelope.epoch,
        sequence=envelope.sequence,
        lane=envelope.lane,
        content=envelope.content,
        first_ms=times[0] + placement.shift_ms,
        last_ms=times[-1] + placement.shift_ms,
        placement=placement,
        signal_set=signal_set,
        event=None if isinstance(what, Batch) else what,
        digest=hashlib.blake2b(payload, digest_size=DIGEST_BYTES).digest(),
        payload=payload,
        counts={name: count for name, count in counts.items() if count},
    )


def out_of_range(batch: Batch, signal_set: SignalSet) -> dict[str, int]:
    """How many values of each signal lie outside the catalogue's range; readers see them as gaps."""
    counts = {}
    for entry, column in zip(signal_set.entries, batch.columns, strict=True):
        row = CATALOGUE.get(entry.path)
        if row is None:
            continue
        low, high = row.raw_minimum, row.raw_maximum
        present = [raw for raw in column if raw is not None]
        if present and (min(present) < low or max(present) > high):
            counts[f"range:{entry.path}"] = sum(1 for raw in present if not low <= raw <= high)
    return counts
