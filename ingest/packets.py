"""MQTT 3.1.1 packets of a client that subscribes and publishes: bytes to packets and back. Pure.

Numbers in brackets are sections of the OASIS standard "MQTT Version 3.1.1". Ingest reads some thousand messages a
second in one thread, for which a library that calls back for each is too slow (ADR 0020).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec

from ingest.errors import BrokerLinkError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP = 2, 3, 4, 9, 11, 13
PING = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
REFUSED = 0x80
"""Return code of a subscription that the broker does not grant [3.9.3]."""
_RETAIN, _QOS_1 = 0x01, 0x02
_LENGTH_BYTES = 4
_MORE = 0x80


class Packet(msgspec.Struct, frozen=True, gc=False):
    """A packet as it came: its type [2.2.1], the flags beside it, and what follows the length."""

    kind: int
    flags: int
    body: bytes


class Message(msgspec.Struct, frozen=True, gc=False):
    """An application message; ``packet_id`` is 0 where the broker waits for no acknowledgement."""

    topic: str
    payload: bytes
    retained: bool
    packet_id: int


def packets(buffer: bytearray) -> Iterator[Packet]:
    """Every whole packet at the beginning of ``buffer``, from which it is taken.

    Raises:
        BrokerLinkError: the bytes are no MQTT.
    """
    at, whole = 0, len(buffer)
    view = bytes(buffer)
    try:
        while at < whole:
            found = _length(view, at + 1)
            if found is None or found[1] + found[0] > whole:
                return
            length, begin = found
            first = view[at]
            at = begin + length
            yield Packet(first >> 4, first & 0x0F, view[begin:at])
    finally:
        del buffer[:at]


def _length(view: bytes, at: int) -> tuple[int, int] | None:
    """Remaining length [2.2.3] and where what it counts begins; None where it is not all there."""
    length = 0
    for position, byte in enumerate(view[at : at + _LENGTH_BYTES]):
        length |= (byte & 0x7F) << (7 * position)
        if not byte & _MORE:
            return length, at + position + 1
    if len(view) - at >= _LENGTH_BYTES:
        raise BrokerLinkError("it sent something that is no MQTT packet")
    return None


def message(packet: Packet) -> Message:
    """The message in a PUBLISH packet [3.3].

    Raises:
        BrokerLinkError: it is not as long as it says.
    """
    try:
        (length,) = struct.unpack_from(">H", packet.body)
        begin = 2 + length
        packet_id = 0
        if packet.flags & _QOS_1:
            (packet_id,) = struct.unpack_from(">H", packet.body, begin)
            begin += 2
        text = packet.body[2 : 2 + length].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise BrokerLinkError("it sent a message that cannot be read") from error
    return Message(text, packet.body[begin:], bool(packet.flags & _RETAIN), packet_id)


def connect(client_id: str, user: str, password: str, keep_alive_s: int) -> bytes:
    """CONNECT with a clean session [3.1]."""
    flags = 0x80 | 0x40 | 0x02
    head = _text("MQTT") + struct.pack(">BBH", 4, flags, keep_alive_s)
    return _packet(0x10, head + _text(client_id) + _text(user) + _text(password))


def subscribe(packet_id: int, topic_filter: str) -> bytes:
    """SUBSCRIBE to one filter at QoS 1 [3.8]."""
    return _packet(0x82, struct.pack(">H", packet_id) + _text(topic_filter) + b"\x01")


def unsubscribe(packet_id: int, topic_filter: str) -> bytes:
    """UNSUBSCRIBE from one filter [3.10]."""
    return _packet(0xA2, struct.pack(">H", packet_id) + _text(topic_filter))


def publish(packet_id: int, topic: str, payload: bytes, *, retained: bool = False) -> bytes:
    """PUBLISH at QoS 1 [3.3]."""
    return _packet(0x30 | _QOS_1 | (_RETAIN if retained else 0), _text(topic) + struct.pack(">H", packet_id) + payload)


def puback(packet_id: int) -> bytes:
    """PUBACK [3.4]."""
    return struct.pack(">BBH", 0x40, 2, packet_id)


def _packet(first: int, body: bytes) -> bytes:
    length, coded = len(body), bytearray()
    while length > 0x7F:  # noqa: PLR2004  seven bits a byte
        coded.append(length & 0x7F | _MORE)
        length >>= 7
    coded.append(length)
    return bytes((first,)) + bytes(coded) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
