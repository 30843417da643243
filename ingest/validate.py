"""What a message is: a row for the inbox, a dead letter, or something to wait for. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ingest.clock import Placement, place
from ingest.plausible import MAX_COUNTER, check_event, check_times, raw_bounds
from vehicle import wire
from vehicle.batch import Batch, Event
from vehicle.errors import Reason, WireError
from vehicle.signal_set import SignalSet
from vehicle.topics import Kind

if TYPE_CHECKING:
    import zstandard

    from vehicle.batch import Clocked

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the server knows when it judges: vehicles by device, signal sets by id, anchors by device and boot."""

    vehicles: Mapping[str, str]
    signal_sets: Mapping[str, SignalSet]
    anchors: Mapping[tuple[str, int], int]


class _JsonProbe(msgspec.Struct):
    epoch: int = -1
    sequence: int = 0
    columns: dict[str, list[float | None]] = {}


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


class Dead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that cannot be taken: why, and its identity where that could be read."""

    device_id: str | None
    topic: str
    reason: Reason
    sentence: str
    payload: bytes
    epoch: int | None = None
    sequence: int | None = None


class NeedsSet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A batch whose signal set has not been announced yet."""

    device_id: str
    epoch: int
    sequence: int
    signal_set_id: str
    payload: bytes
    topic: str


class Opened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A batch of a known signal set whose rows have not been read yet."""

    device_id: str
    vehicle_id: str
    envelope: wire.Envelope
    packed: wire.Packed
    signal_set: SignalSet
    payload: bytes
    topic: str
    received_ms: int

    def accepted(self, times_ms: tuple[int, int], counts: Mapping[str, int], knowledge: Knowledge) -> Accepted | Dead:
        """The row that it becomes, from its first and last time and what was counted in its rows."""
        try:
            return _row(
                self.device_id, self.vehicle_id, self.envelope, self.payload, self.packed, times_ms, knowledge,
                self.received_ms, counts, signal_set=self.signal_set,
            )  # fmt: skip
        except WireError as error:
            return self.refused(error)

    def alone(self, knowledge: Knowledge) -> Accepted | Dead:
        """What it is, its rows read by themselves."""
        try:
            batch = self.packed.unpack(self.signal_set)
        except WireError as error:
            return self.refused(error)
        times = batch.times_ms[0], batch.times_ms[-1]
        return self.accepted(times, out_of_range(batch, self.signal_set), knowledge)

    def refused(self, error: WireError) -> Dead:
        """The dead letter that it becomes."""
        epoch, sequence = self.envelope.epoch, self.envelope.sequence
        sentence = str(WireError(error.reason, error.why, epoch=epoch, sequence=sequence))
        return Dead(
            device_id=self.device_id, topic=self.topic, reason=error.reason, sentence=sentence, payload=self.payload,
            epoch=epoch, sequence=sequence,
        )  # fmt: skip


def judge(
    device_id: str, kind: Kind, topic: str, payload: bytes, knowledge: Knowledge, now_ms: int
) -> Accepted | Dead | NeedsSet:
    """What the telemetry or event message of ``device_id`` is."""
    found = look(device_id, kind, topic, payload, knowledge, now_ms)
    return found.alone(knowledge) if isinstance(found, Opened) else found


def look(
    device_id: str,
    kind: Kind,
    topic: str,
    payload: bytes,
    knowledge: Knowledge,
    now_ms: int,
    zstd: zstandard.ZstdDecompressor | None = None,
) -> Accepted | Dead | NeedsSet | Opened:
    """What a message is, but for the rows of a packed batch; ``zstd`` as in :func:`vehicle.wire.open_batch`."""
    vehicle_id = knowledge.vehicles.get(device_id)
    if vehicle_id is None:
        sentence = "the device is not enrolled, or is revoked; enrol it with `roadworthy device add`"
        return Dead(device_id=device_id, topic=topic, reason=Reason.UNKNOWN_DEVICE, sentence=sentence, payload=payload)
    try:
        return _read(device_id, vehicle_id, kind, topic, payload, knowledge, now_ms, zstd)
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
    device_id: str,
    vehicle_id: str,
    kind: Kind,
    topic: str,
    payload: bytes,
    knowledge: Knowledge,
    now_ms: int,
    zstd: zstandard.ZstdDecompressor | None,
) -> Accepted | NeedsSet | Opened:
    if payload[:1] == b"{":
        return _read_json(device_id, vehicle_id, kind, payload, knowledge, now_ms)
    envelope = wire.decode_envelope(payload)
    try:
        _check_kind(kind, envelope.content)
        if envelope.content is wire.Content.EVENT:
            event = wire.decode_event(envelope.body)
            check_event(event)
            return accept(device_id, vehicle_id, envelope, payload, event, None, knowledge, now_ms)
        packed = wire.open_batch(envelope.body, zstd)
    except WireError as error:
        raise WireError(error.reason, error.why, epoch=envelope.epoch, sequence=envelope.sequence) from error
    known = knowledge.signal_sets.get(packed.signal_set_id)
    if known is None:
        return NeedsSet(
            device_id=device_id, epoch=envelope.epoch, sequence=envelope.sequence,
            signal_set_id=packed.signal_set_id, payload=payload, topic=topic,
        )  # fmt: skip
    return Opened(
        device_id=device_id, vehicle_id=vehicle_id, envelope=envelope, packed=packed, signal_set=known,
        payload=payload, topic=topic, received_ms=now_ms,
    )  # fmt: skip


def _read_json(
    device_id: str, vehicle_id: str, kind: Kind, payload: bytes, knowledge: Knowledge, now_ms: int
) -> Accepted:
    if len(payload) > wire.MAX_MESSAGE_BYTES:
        why = f"{len(payload)} bytes, at most {wire.MAX_MESSAGE_BYTES} are taken"
        raise WireError(Reason.TOO_LARGE, why)
    probe = _probe(payload)
    readable = probe.sequence in range(1, MAX_COUNTER + 1) and probe.epoch in range(MAX_COUNTER + 1)
    identity = {"epoch": probe.epoch, "sequence": probe.sequence} if readable else {}
    try:
        _check_kind(kind, wire.Content.TELEMETRY)
        epoch, sequence, signal_set, batch = wire.decode_json_columns(payload)
        _check_counters(epoch, sequence)
        envelope = wire.Envelope(0, wire.Content.TELEMETRY, wire.Lane.LIVE, epoch, sequence, b"")
        counts = _lost_in_rounding(probe, signal_set, batch)
        return accept(device_id, vehicle_id, envelope, payload, batch, signal_set, knowledge, now_ms, counts)
    except WireError as error:
        raise WireError(error.reason, error.why, **identity) from error


def _check_counters(epoch: int, sequence: int) -> None:
    if not (0 <= epoch <= MAX_COUNTER and 0 < sequence <= MAX_COUNTER):
        raise WireError(Reason.ENVELOPE, f"epoch {epoch}, sequence {sequence} are no counters")


def _probe(payload: bytes) -> _JsonProbe:
    try:
        return msgspec.json.decode(payload, type=_JsonProbe)
    except msgspec.DecodeError:
        return _JsonProbe()


def _lost_in_rounding(probe: _JsonProbe, signal_set: SignalSet, batch: Batch) -> dict[str, int]:
    counts = {}
    for path, column in zip(signal_set.paths, batch.columns, strict=True):
        lost = column.count(None) - probe.columns[path].count(None)
        if lost:
            counts[f"range:{path}"] = lost
    return counts


def _check_kind(kind: Kind, content: wire.Content) -> None:
    if (content is wire.Content.EVENT) != (kind is Kind.EVENT):
        raise WireError(Reason.ENVELOPE, f"{content.name.lower()} came on the {kind} topic")


def accept(
    device_id: str,
    vehicle_id: str,
    envelope: wire.Envelope,
    payload: bytes,
    what: Batch | Event,
    signal_set: SignalSet | None,
    knowledge: Knowledge,
    now_ms: int,
    lost: Mapping[str, int] | None = None,
) -> Accepted:
    """The row of readable content: when it belongs, and what was counted; ``payload`` is what its digest is of.

    Raises:
        WireError: its times are no clock's.
    """
    if isinstance(what, Batch):
        times, event = (what.times_ms[0], what.times_ms[-1]), None
    else:
        times, event = (what.time_ms, what.time_ms), what
    counts = dict(lost or {})
    if isinstance(what, Batch) and signal_set is not None:
        counts |= out_of_range(what, signal_set)
    return _row(
        device_id, vehicle_id, envelope, payload, what, times, knowledge, now_ms, counts,
        signal_set=signal_set, event=event,
    )  # fmt: skip


def _row(
    device_id: str,
    vehicle_id: str,
    envelope: wire.Envelope,
    payload: bytes,
    what: Clocked,
    times_ms: tuple[int, int],
    knowledge: Knowledge,
    now_ms: int,
    counts: Mapping[str, int],
    *,
    signal_set: SignalSet | None,
    event: Event | None = None,
) -> Accepted:
    check_times(what, *times_ms)
    placement = place(
        first_ms=times_ms[0],
        last_ms=times_ms[1],
        monotonic_ms=what.monotonic_ms,
        quality=what.quality,
        anchor_offset_ms=knowledge.anchors.get((device_id, what.boot_id)),
        now_ms=now_ms,
    )
    if placement.corrected or placement.suspect or counts:
        clock = {"clock_corrected": int(placement.corrected), "suspect_time": int(placement.suspect)}
        counts = {name: count for name, count in {**clock, **counts}.items() if count}
    return Accepted(
        device_id=device_id,
        vehicle_id=vehicle_id,
        epoch=envelope.epoch,
        sequence=envelope.sequence,
        lane=envelope.lane,
        content=envelope.content,
        first_ms=times_ms[0] + placement.shift_ms,
        last_ms=times_ms[1] + placement.shift_ms,
        placement=placement,
        signal_set=signal_set,
        event=event,
        digest=hashlib.blake2b(payload, digest_size=DIGEST_BYTES).digest(),
        payload=payload,
        counts=counts,
    )


def out_of_range(batch: Batch, signal_set: SignalSet) -> dict[str, int]:
    """How many values of each signal lie outside its range; readers see them as gaps."""
    counts = {}
    for entry, column in zip(signal_set.entries, batch.columns, strict=True):
        low, high = raw_bounds(entry)
        present = {raw for raw in column if raw is not None}
        if present and (min(present) < low or max(present) > high):
            counts[f"range:{entry.path}"] = sum(1 for raw in column if raw is not None and not low <= raw <= high)
    return counts
