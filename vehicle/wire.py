"""Bytes of telemetry and events; byte by byte in docs/protocol.md.

A message is a fixed header, then a zstd frame with its body: packed rows (telemetry) or MessagePack (event). Integers
of the header are big-endian::

    0   2  magic "RW"
    2   1  version, 2
    3   1  content: 1 telemetry, 2 event
    4   1  lane: 0 event, 1 live, 2 backlog
    5   8  epoch
    13  8  sequence
    21  4  length of what follows the header
    25  4  CRC-32 (IEEE 802.3) of header bytes 0 to 24 and of what follows the header
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from vehicle.batch import Batch, Event, TimeQuality
from vehicle.errors import Reason, WireError
from vehicle.json_columns import to_batch
from vehicle.packing import Reader, pack_rows, put_varint, unpack_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vehicle.signal_set import SignalSet

__all__ = [
    "MAX_MESSAGE_BYTES", "Content", "Envelope", "Lane", "Packed", "Reason", "decode_batch",
    "decode_envelope", "decode_event", "decode_json_columns", "encode_event", "encode_telemetry", "open_batch",
]  # fmt: skip

MAX_MESSAGE_BYTES = 128 * 1024
"""Largest message; also what AWS IoT Core takes."""
MAX_BODY_BYTES = 4 * 1024 * 1024
"""Largest body after decompression (our choice), so that a small frame cannot fill the memory."""
VERSION = 2
MAGIC = b"RW"

_HEADER = struct.Struct(">2sBBBQQI")
_CRC = struct.Struct(">I")
HEADER_BYTES = _HEADER.size + _CRC.size
_LEVEL = 9
_SET_ID_BYTES = 8
_QUALITIES = tuple(TimeQuality)
_MAX_COUNTER = (1 << 63) - 1


class Lane(IntEnum):
    """Order of sending: what cannot wait, what is new, what had to wait."""

    EVENT = 0
    LIVE = 1
    BACKLOG = 2


class Content(IntEnum):
    """What the body is."""

    TELEMETRY = 1
    EVENT = 2


_CONTENTS: Mapping[int, Content] = MappingProxyType({int(one): one for one in Content})
_LANES: Mapping[int, Lane] = MappingProxyType({int(one): one for one in Lane})
"""By number: a message is looked at some thousand times a second, and an enum's call takes longer."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Identity and body of a message; the body is still compressed."""

    version: int
    content: Content
    lane: Lane
    epoch: int
    sequence: int
    body: bytes


class _EventBody(msgspec.Struct, array_like=True):
    kind: str
    time_ms: int
    quality: int
    boot_id: int
    monotonic_ms: int
    data: dict[str, Any]


class _JsonColumns(msgspec.Struct):
    epoch: int
    sequence: int
    time: list[int]
    columns: dict[str, list[float | None]]


def encode_telemetry(*, epoch: int, sequence: int, lane: Lane, batch: Batch) -> bytes:
    """The message of a batch.

    Raises:
        WireError: the message would be larger than ``MAX_MESSAGE_BYTES``.
    """
    body = bytearray(bytes.fromhex(batch.signal_set_id))
    body.append(_QUALITIES.index(batch.quality))
    put_varint(body, batch.boot_id)
    put_varint(body, batch.monotonic_ms)
    return _seal(Content.TELEMETRY, lane, epoch, sequence, bytes(body) + pack_rows(batch.times_ms, batch.columns))


def encode_event(*, epoch: int, sequence: int, event: Event) -> bytes:
    """The message of an event; it goes in the event lane.

    Raises:
        WireError: the message would be larger than ``MAX_MESSAGE_BYTES``.
    """
    quality = _QUALITIES.index(event.quality)
    body = _EventBody(event.kind, event.time_ms, quality, event.boot_id, event.monotonic_ms, event.data)
    return _seal(Content.EVENT, Lane.EVENT, epoch, sequence, msgspec.msgpack.encode(body))


def decode_envelope(payload: bytes) -> Envelope:
    """Identity and compressed body of a message, after its length and checksum have been found right.

    Raises:
        WireError: with the reason, and with epoch and sequence where those could still be read.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError(Reason.TOO_LARGE, f"{len(payload)} bytes, at most {MAX_MESSAGE_BYTES} are taken")
    if len(payload) < HEADER_BYTES or payload[:2] != MAGIC:
        why = f"{len(payload)} bytes that start with {payload[:4].hex(' ')!r} are not a Roadworthy message"
        raise WireError(Reason.ENVELOPE, why)
    _, version, content, lane, epoch, sequence, length = _HEADER.unpack_from(payload)
    identity = {"epoch": epoch, "sequence": sequence} if 0 < sequence <= _MAX_COUNTER >= epoch else {}
    if version != VERSION:
        raise WireError(Reason.UNKNOWN_VERSION, f"version {version}, this server reads version {VERSION}", **identity)
    body = payload[HEADER_BYTES:]
    if len(body) != length:
        raise WireError(Reason.ENVELOPE, f"{len(body)} bytes of body, the header says {length}", **identity)
    if _checksum(payload[: _HEADER.size], body) != _CRC.unpack_from(payload, _HEADER.size)[0]:
        # The identity itself may be what is damaged, so it is not acted upon.
        raise WireError(Reason.CRC, "the checksum does not match: bytes were changed on the way")
    if not identity or content not in _CONTENTS or lane not in _LANES:
        why = f"content {content}, lane {lane}, sequence {sequence}: one of them does not exist"
        raise WireError(Reason.ENVELOPE, why, **identity)
    return Envelope(version, _CONTENTS[content], _LANES[lane], epoch, sequence, body)


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch whose rows have not been looked at yet, so that its signal set can be found first."""

    signal_set_id: str
    quality: TimeQuality
    boot_id: int
    monotonic_ms: int
    body: bytes
    at: int

    def unpack(self, signal_set: SignalSet) -> Batch:
        """The batch, whose columns are those of ``signal_set``.

        Raises:
            WireError: it cannot be read or does not fit the set.
        """
        if self.signal_set_id != signal_set.id:
            why = f"columns of set {self.signal_set_id}, not of set {signal_set.id}"
            raise WireError(Reason.UNKNOWN_SCHEMA, why)
        times_ms, columns = unpack_rows(self.body, self.at, len(signal_set.entries))
        return Batch(
            boot_id=self.boot_id,
            quality=self.quality,
            monotonic_ms=self.monotonic_ms,
            signal_set_id=self.signal_set_id,
            times_ms=times_ms,
            columns=columns,
        )


def open_batch(body: bytes, zstd: zstandard.ZstdDecompressor | None = None) -> Packed:
    """The batch in ``body``, its rows still packed; many are opened faster with one ``zstd``, in one thread.

    Raises:
        WireError: the body cannot be unpacked, or is too short.
    """
    unpacked = _unpacked(body, zstd or zstandard.ZstdDecompressor())
    read = Reader(unpacked)
    set_id, quality = read.take(_SET_ID_BYTES).hex(), _quality(read.take(1)[0])
    return Packed(set_id, quality, read.varint(), read.varint(), unpacked, read.at)


def decode_batch(body: bytes, signal_set: SignalSet) -> Batch:
    """The batch in ``body``, whose columns are those of ``signal_set``.

    Raises:
        WireError: the body cannot be read or does not fit the set.
    """
    return open_batch(body).unpack(signal_set)


def decode_event(body: bytes) -> Event:
    """The event in ``body``.

    Raises:
        WireError: the body cannot be read.
    """
    try:
        read = msgspec.msgpack.decode(_unpacked(body, zstandard.ZstdDecompressor()), type=_EventBody)
    except msgspec.DecodeError as error:
        raise WireError(Reason.DECODE, f"its body cannot be read: {error}") from error
    return Event(
        kind=read.kind,
        time_ms=read.time_ms,
        quality=_quality(read.quality),
        boot_id=read.boot_id,
        monotonic_ms=read.monotonic_ms,
        data=read.data,
    )


def decode_json_columns(payload: bytes) -> tuple[int, int, SignalSet, Batch]:
    """Epoch, sequence, signal set and batch of the plain JSON form.

    ``{"epoch": 1, "sequence": 1, "time": [ms, …], "columns": {"Vehicle.Speed": [km/h or null, …]}}``; a value that its
    signal cannot have becomes a gap.

    Raises:
        WireError: not that form, columns of other lengths than ``time``, or an unknown signal.
    """
    try:
        read = msgspec.json.decode(payload, type=_JsonColumns)
    except msgspec.DecodeError as error:
        raise WireError(Reason.DECODE, f"JSON columns cannot be read: {error}") from error
    return read.epoch, read.sequence, *to_batch(read.time, read.columns)


def _seal(content: Content, lane: Lane, epoch: int, sequence: int, body: bytes) -> bytes:
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True, write_checksum=False).compress(body)
    header = _HEADER.pack(MAGIC, VERSION, content, lane, epoch, sequence, len(packed))
    message = header + _CRC.pack(_checksum(header, packed)) + packed
    if len(message) > MAX_MESSAGE_BYTES:
        why = f"{len(message)} bytes, at most {MAX_MESSAGE_BYTES} can be sent; make batches shorter"
        raise WireError(Reason.TOO_LARGE, why, epoch=epoch, sequence=sequence)
    return message


def _checksum(header: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(header))


def _unpacked(body: bytes, zstd: zstandard.ZstdDecompressor) -> bytes:
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= MAX_BODY_BYTES:
            raise WireError(Reason.DECODE, f"its body says it unpacks to {size} bytes, 0 to {MAX_BODY_BYTES} are taken")
        return zstd.decompress(body)
    except zstandard.ZstdError as error:
        raise WireError(Reason.DECODE, f"its body cannot be unpacked: {error}") from error


def _quality(index: int) -> TimeQuality:
    return _QUALITIES[index] if 0 <= index < len(_QUALITIES) else TimeQuality.NONE
