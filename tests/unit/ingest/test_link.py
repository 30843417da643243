"""Ingest's connection to a broker, against one that is told what to say."""

from __future__ import annotations

import asyncio

from ingest.link import connected
from ingest.packets import Message, Packet, packets

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x01"
AT_QOS_0 = b"\x30\x05\x00\x01tok"
"""PUBLISH without a packet id: topic "t", payload "ok" (MQTT 3.1.1, 3.3)."""
PATIENCE_S = 5
SUBSCRIBE = 8


async def _next_packet(reader: asyncio.StreamReader, buffer: bytearray) -> Packet:
    while True:
        for packet in packets(buffer):
            return packet
        found = await reader.read(4096)
        assert found, "the client went"
        buffer += found


def test_a_message_that_wants_no_confirmation_does_not_silence_the_link() -> None:
    """After a message at QoS 0, as a broker may hand out what is retained, requests still leave for the broker."""
    taken: list[Message] = []
    asked: list[int] = []

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()
        await _next_packet(reader, buffer)
        writer.write(CONNACK + AT_QOS_0)
        asked.append((await _next_packet(reader, buffer)).kind)
        writer.write(SUBACK)

    async def scene() -> None:
        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        async with server, asyncio.timeout(PATIENCE_S), connected(address, ("us", "us", "word"), taken.extend) as link:
            while not taken:
                await asyncio.sleep(0)
            await link.subscribe("t")

    asyncio.run(scene())
    assert [one.payload for one in taken] == [b"ok"]
    assert asked == [SUBSCRIBE]
