"""The uplink: it comes back, and it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

import aiomqtt

from edge_agent.clock import Clock
from edge_agent.settings import AgentSettings, Broker
from edge_agent.spool import Spool
from edge_agent.store import Store
from edge_agent.switch import Switch
from edge_agent.uplink import Uplink
from vehicle.messages import State, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from edge_agent.health import Health


async def test_it_ends_also_when_closing_the_connection_fails(tmp_path, health, monkeypatch) -> None:
    """An error of the broker's that takes the place of the cancellation does not make it connect again."""
    begun = asyncio.Event()

    async def breaks_while_closing(_uplink: Uplink) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise aiomqtt.MqttError("closing failed") from None

    monkeypatch.setattr(Uplink, "_run_connected", breaks_while_closing)
    store = Store(Spool(tmp_path / "spool.db", max_bytes=2**20, gap=lambda *_: None))
    uplink = Uplink(AgentSettings(device="d0", password="p"), store, Clock(), health)
    task = asyncio.create_task(uplink.run())
    await begun.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    assert done == {task}
    await store.close()


CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8
CONNACK = b"\x20\x02\x00\x00"


class Hasty:
    """A broker that hangs up as soon as a device has announced itself; ``announced`` counts how often it was there."""

    def __init__(self) -> None:
        self.announced = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await self._packet(reader)
            if kind == CONNECT:
                writer.write(CONNACK)
            elif kind == SUBSCRIBE:
                writer.write(b"\x90\x03" + body[:2] + b"\x01")
            elif kind == PUBLISH:
                self.announced += 1
                at = 2 + int.from_bytes(body[:2], "big")
                writer.write(b"\x40\x02" + body[at : at + 2])
                await writer.drain()
                writer.close()
                return

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        (first,) = await reader.readexactly(1)
        length = shift = 0
        while True:
            (byte,) = await reader.readexactly(1)
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first >> 4, await reader.readexactly(length)


async def test_it_comes_back_whenever_the_connection_is_lost(tmp_path, health) -> None:
    """A connection that breaks when everything was in order is followed by another, again and again."""
    hasty = Hasty()
    server = await asyncio.start_server(hasty.serve, "127.0.0.1", 0)
    store = Store(Spool(tmp_path / "spool.db", max_bytes=2**20, gap=lambda *_: None))
    port = server.sockets[0].getsockname()[1]
    settings = AgentSettings(device="device-0", password="p", broker=Broker(host="127.0.0.1", port=port))
    task = asyncio.create_task(Uplink(settings, store, Clock(), health).run())
    async with server, asyncio.timeout(30):
        while hasty.announced < 3:
            assert not task.done(), "it took the lost connection for its own end"
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    await store.close()


class Listening(Hasty):
    """A broker that takes what comes; ``said`` are the payloads."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                kind, body = await self._packet(reader)
                if kind == CONNECT:
                    writer.write(CONNACK)
                elif kind == SUBSCRIBE:
                    writer.write(b"\x90\x03" + body[:2] + b"\x01")
                elif kind == PUBLISH:
                    at = 2 + int.from_bytes(body[:2], "big")
                    writer.write(b"\x40\x02" + body[at : at + 2])
                    self.said.append(body[at + 2 :])
        writer.close()

    async def heard(self, count: int) -> None:
        """Waits until so much was said."""
        while len(self.said) < count:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def talking(broker: Listening, folder: Path, health: Health, switch: Switch | None = None) -> AsyncIterator[None]:
    """An agent's uplink at work with a broker; it is told to end, and has ended, at the end."""
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    store = Store(Spool(folder / "spool.db", max_bytes=2**20, gap=lambda *_: None))
    port = server.sockets[0].getsockname()[1]
    settings = AgentSettings(device="device-0", password="p", broker=Broker(host="127.0.0.1", port=port))
    uplink = Uplink(settings, store, Clock(), health)
    if switch is not None:
        uplink.follow(switch)
    task = asyncio.create_task(uplink.run())
    async with server, asyncio.timeout(30):
        yield
        task.cancel()
        await asyncio.wait([task])
    await store.close()


async def test_an_agent_that_ends_says_that_it_is_gone(tmp_path, health) -> None:
    """The broker gives nobody the will of a client that leaves in order."""
    listening = Listening()
    async with talking(listening, tmp_path, health):
        await listening.heard(1)
    assert [decode(State, payload).status for payload in listening.said] == ["online", "offline"]


class Leaving(Listening):
    """A broker that goes at the agent's last word, without an answer to it."""

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, body = await super()._packet(reader)
        if kind == PUBLISH and b'"offline"' in body:
            self.said.append(body)
            raise asyncio.IncompleteReadError(b"", None)
        return kind, body


async def test_an_agent_that_ends_together_with_the_broker_does_not_wait_for_it(tmp_path, health, monkeypatch) -> None:
    """As when a machine is shut down; and nothing is left behind that the event loop would complain of."""
    for name in ("GOODBYE_S", "MQTT_TIMEOUT_S"):
        monkeypatch.setattr(f"edge_agent.uplink.{name}", 3600.0)
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    leaving = Leaving()
    async with talking(leaving, tmp_path, health):
        await leaving.heard(1)
    gc.collect()
    assert len(leaving.said) == 2
    assert complaints == []


async def test_an_agent_says_at_once_when_it_begins_or_ends_to_listen_only(tmp_path, health, monkeypatch) -> None:
    """Not only when it connects again or sends, as late as that may be: the desk shows what the device last said."""
    for name in ("FIRST_ACK_S", "IDLE_S"):
        monkeypatch.setattr(f"edge_agent.uplink.{name}", 3600.0)
    listening, switch = Listening(), Switch()
    async with talking(listening, tmp_path, health, switch):
        for count, wanted in enumerate((False, True, False), start=1):
            switch.turn(listen_only=wanted, why="the test says so")
            await listening.heard(count)
    said = [decode(State, payload) for payload in listening.said[:3]]
    assert [(one.status, one.listen_only) for one in said] == [("online", False), ("online", True), ("online", False)]
