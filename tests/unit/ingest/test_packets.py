"""MQTT packets of a client: what is made can be read, in any pieces, and what is no MQTT is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import packets
from ingest.errors import BrokerLinkError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(
    st.lists(st.tuples(st.integers(1, 0xFFFF), TEXTS, st.binary(max_size=300)), max_size=6), st.integers(1, 500)
)  # fmt: skip
def test_messages_come_back_whatever_the_pieces(sent: list[tuple[int, str, bytes]], size: int) -> None:
    """A read may end anywhere: nothing is lost, nothing comes twice, and the rest stays for the next."""
    stream = b"".join(packets.publish(*one) for one in sent)
    buffer, found = bytearray(), []
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        found += [packets.message(packet) for packet in packets.packets(buffer)]
    assert [(one.packet_id, one.topic, one.payload) for one in found] == sent
    assert not buffer


@given(st.binary(max_size=60))
def test_any_bytes_are_packets_or_refused(raw: bytes) -> None:
    """Whatever comes, there is an end to it, and the only error is ours."""
    buffer = bytearray(raw)
    try:
        for packet in packets.packets(buffer):
            if packet.kind == packets.PUBLISH:
                packets.message(packet)
    except BrokerLinkError:
        return
    assert len(buffer) <= len(raw)


def test_a_large_message_has_a_long_length() -> None:
    """Lengths have seven bits a byte, at most four bytes."""
    buffer = bytearray(packets.publish(7, "t", b"x" * 200_000))
    (packet,) = packets.packets(buffer)
    assert len(packets.message(packet).payload) == 200_000
    with pytest.raises(BrokerLinkError, match="no MQTT"):
        list(packets.packets(bytearray(b"\x30\xff\xff\xff\xff\x01")))


def test_a_message_shorter_than_it_says_is_refused() -> None:
    """Its topic would end beyond it."""
    with pytest.raises(BrokerLinkError, match="cannot be read"):
        packets.message(packets.Packet(packets.PUBLISH, 2, b"\x00\x02ab\x00"))
