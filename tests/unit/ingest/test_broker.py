"""Who gets in at the embedded broker, and who hears what; judged by what is delivered, never by what is granted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import secrets
import socket
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from amqtt.contexts import BrokerConfig
from amqtt.session import Session

from ingest import broker, devices, packets
from ingest.access import SERVICE, service_password
from ingest.errors import ExposureError, PortInUseError
from ingest.guarded_broker import GuardedBroker, Subscriptions
from ingest.settings import BrokerSettings
from ingest.storage.database import transaction
from vehicle.topics import UPLINK, Kind, topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.e2e


def client(
    server, user: str | None, password: str | None, *, identifier: str | None = None, **options
) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1", server.port, username=user, password=password, identifier=identifier or user, timeout=5, **options
    )


async def refused(connecting: aiomqtt.Client) -> bool:
    try:
        async with connecting:
            return False
    except aiomqtt.MqttError:
        return True


@pytest.fixture(name="server")
async def _server(stopped_server):
    """A broker without ingest."""
    await stopped_server.start("broker")
    return stopped_server


@dataclass
class Ear:
    """A client that keeps what it hears."""

    client: aiomqtt.Client
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    async def listen(self) -> None:
        async for message in self.client.messages:
            self.heard.append((str(message.topic), bytes(message.payload)))


@contextlib.asynccontextmanager
async def listening(connecting: aiomqtt.Client) -> AsyncIterator[Ear]:
    async with connecting:
        ear = Ear(connecting)
        task = asyncio.create_task(ear.listen(), name="ear")
        yield ear
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await task


@pytest.fixture(name="service")
async def _service(server) -> AsyncIterator[Ear]:
    """The server's own client, which listens to everything that devices send."""
    own = client(server, SERVICE, service_password(server.folder), identifier=f"{SERVICE}-1")
    async with listening(own) as ear:
        for kind in UPLINK:
            await own.subscribe(f"roadworthy/v1/+/{kind}", qos=1)
        yield ear


async def test_only_good_credentials_get_in(server) -> None:
    """Nobody without name, with a wrong password, another's client id, unknown, or the service's name connects."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    assert not await refused(client(server, golf.device_id, golf.password))
    assert await refused(client(server, None, None, identifier="anybody"))
    assert await refused(client(server, golf.device_id, "wrong"))
    assert await refused(client(server, golf.device_id, polo.password))
    assert await refused(client(server, "0" * 32, golf.password))
    assert await refused(client(server, golf.device_id, golf.password, identifier=polo.device_id))
    assert await refused(client(server, SERVICE, "wrong", identifier=f"{SERVICE}-1"))
    assert await refused(client(server, SERVICE, service_password(server.folder), identifier=golf.device_id))


async def test_a_revoked_device_is_thrown_out(server, until) -> None:
    """Revocation ends the connection that is open and refuses the next one."""
    golf = server.enrol("golf")
    connected = client(server, golf.device_id, golf.password)
    await connected.__aenter__()
    with transaction(server.engine) as connection:
        devices.revoke(connection, name="golf", now=datetime.now(UTC))
    await until(connected._disconnected.done, what="the connection to end")
    with contextlib.suppress(aiomqtt.MqttError):
        await connected.__aexit__(None, None, None)
    assert await refused(client(server, golf.device_id, golf.password))


async def test_nobody_hears_others(server, service, until) -> None:
    """Whatever a device subscribes to, it is handed its own downlinks only, retained messages included."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    filters = ["#", "+/+/+/+", "roadworthy/v1/+/ack", "roadworthy/v1/#", "$share/g/roadworthy/v1/+/ack", "$SYS/#"]
    filters += [topic(polo.device_id, kind) for kind in Kind]
    filters += [topic(golf.device_id, kind) for kind in Kind]
    async with (
        server.dongle(polo, announce=False) as other,
        listening(client(server, golf.device_id, golf.password)) as nosy,
    ):
        await other.send(Kind.STATE, b'{"status":"online"}', retain=True)
        for topic_filter in filters:
            await nosy.client.subscribe(topic_filter, qos=1)
        await other.send(Kind.TELEMETRY, b"secret")
        await service.client.publish(topic(polo.device_id, Kind.COMMAND), b"secret", qos=1)
        await until(lambda: other.others, what="the other's own message")
        await service.client.publish(topic(golf.device_id, Kind.COMMAND), b"mine", qos=1)
        await until(lambda: nosy.heard, what="its own message")
        assert nosy.heard == [(topic(golf.device_id, Kind.COMMAND), b"mine")]


async def test_a_device_that_connects_later_is_not_handed_retained_states(server, service, until) -> None:
    """The library hands the retained messages of everybody's subscriptions to whoever connects; ours does not."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    async with server.dongle(polo, announce=False) as other:
        await other.send(Kind.STATE, b'{"status":"online"}', retain=True)
        async with server.dongle(golf, announce=False) as late:
            await service.client.publish(topic(golf.device_id, Kind.COMMAND), b"mine", qos=1)
            await until(lambda: late.others, what="its own message")
            assert late.others == [(topic(golf.device_id, Kind.COMMAND), b"mine")]


async def test_nobody_speaks_for_others(server, service, until) -> None:
    """A message on another's topic, on a downlink, or as a last will for another never arrives; its own does."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    async with server.dongle(golf, announce=False) as victim, client(server, polo.device_id, polo.password) as evil:
        for kind in Kind:
            await evil.publish(topic(golf.device_id, kind), b"forged", qos=1)
        await evil.publish(topic(polo.device_id, Kind.ACK), b"forged", qos=1)
        await evil.publish("roadworthy/v2/x/telemetry", b"forged", qos=1)
        await evil.publish(topic(polo.device_id, Kind.EVENT), b"mine", qos=1)
        await until(lambda: service.heard, what="its own message")
        assert victim.others == victim.acks == []
    assert service.heard == [(topic(polo.device_id, Kind.EVENT), b"mine")]
    will = aiomqtt.Will(topic(golf.device_id, Kind.STATE), b'{"status":"offline"}', qos=1, retain=True)
    assert await refused(client(server, polo.device_id, polo.password, will=will))


async def test_a_stranger_cannot_take_a_connection_over(server, service, until) -> None:
    """A wrong password with a device's client id neither ends nor deafens the device that is connected."""
    golf = server.enrol("golf")
    async with server.dongle(golf, announce=False) as victim:
        for clean in (True, False):
            for user in (golf.device_id, "somebody"):
                assert await refused(client(server, user, "wrong", identifier=golf.device_id, clean_session=clean))
        await service.client.publish(topic(golf.device_id, Kind.COMMAND), b"still there", qos=1)
        await until(lambda: victim.others, what="the victim's message")


async def test_a_device_that_comes_anew_displaces_its_old_connection_quietly(server, service, until) -> None:
    """The old connection ends, and its last will does not call the new one offline."""
    golf = server.enrol("golf")
    will = aiomqtt.Will(topic(golf.device_id, Kind.STATE), b"gone", qos=1, retain=True)
    old = client(server, golf.device_id, golf.password, will=will)
    await old.__aenter__()
    async with server.dongle(golf, announce=False) as new:
        await until(old._disconnected.done, what="the old connection to end")
        await new.send(Kind.STATE, b"here", retain=True)
        await until(lambda: service.heard, what="the new one's birth")
        await service.client.publish(topic(golf.device_id, Kind.COMMAND), b"hello", qos=1)
        await until(lambda: new.others, what="a message to the new connection")
    with contextlib.suppress(aiomqtt.MqttError):
        await old.__aexit__(None, None, None)
    assert [payload for _, payload in service.heard] == [b"here"]


async def test_a_silent_client_is_let_go_and_its_will_sent(server, service, until) -> None:
    """A connection that is dead without having been closed ends after one and a half keep-alives, with its will."""
    golf = server.enrol("golf")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(connect_packet(golf, keep_alive_s=1, will=(topic(golf.device_id, Kind.STATE), b"gone")))
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    await until(lambda: service.heard, what="the will")
    assert service.heard == [(topic(golf.device_id, Kind.STATE), b"gone")]
    assert await reader.read() == b""
    writer.close()


def connect_packet(who, *, keep_alive_s: int, will: tuple[str, bytes]) -> bytes:
    """CONNECT of MQTT 3.1.1 (section 3.1) with clean session, retained will of QoS 1, user and password."""

    def text(content: str | bytes) -> bytes:
        raw = content.encode() if isinstance(content, str) else content
        return len(raw).to_bytes(2, "big") + raw

    body = text("MQTT") + b"\x04" + bytes([0b11101110]) + keep_alive_s.to_bytes(2, "big")
    body += text(who.device_id) + text(will[0]) + text(will[1]) + text(who.device_id) + text(who.password)
    length = len(body)
    return b"\x10" + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + body


@pytest.mark.parametrize("farewell", [packets.DISCONNECT, b""], ids=["says goodbye", "just goes"])
async def test_what_a_client_sends_right_before_it_goes_is_heard(server, service, until, farewell) -> None:
    """The library confirms messages before it hands them on, and forgets those that wait when the client is gone."""
    golf = server.enrol("golf")
    sent = [(topic(golf.device_id, Kind.EVENT), str(number).encode()) for number in range(20)]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(packets.connect(golf.device_id, golf.device_id, golf.password, 60))
    await reader.readexactly(4)
    writer.write(b"".join(packets.publish(at, *one) for at, one in enumerate(sent, 1)) + farewell)
    writer.write_eof()
    await reader.read()
    writer.close()
    await until(lambda: len(service.heard) >= len(sent), what="all that it sent")
    assert service.heard == sent


async def test_what_was_confirmed_is_heard_though_the_client_comes_anew_at_once(server, service, until) -> None:
    """Five times 100 messages, a goodbye and the next connection right behind it; nothing of the old ones stays."""
    golf = server.enrol("golf")
    sent = [str(number).encode() for number in range(500)]
    for part in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(packets.connect(golf.device_id, golf.device_id, golf.password, 60))
        await reader.readexactly(4)
        mine = enumerate(sent[100 * part : 100 * part + 100], 1)
        writer.write(b"".join(packets.publish(at, topic(golf.device_id, Kind.EVENT), one) for at, one in mine))
        await reader.readexactly(4 * 100)  # a PUBACK each
        writer.write(packets.DISCONNECT)
    await until(lambda: len(service.heard) >= len(sent), what="all that was confirmed")
    assert [payload for _, payload in service.heard] == sent
    await until(lambda: open_connections() == 1, what="the broker to be left with the service's own connection")


def open_connections() -> int:
    """Connections that the broker serves in this process."""
    return sum(task.get_coro().__qualname__.endswith(".stream_connected") for task in asyncio.all_tasks())


async def test_an_endless_packet_ends_the_connection(server) -> None:
    """A packet that announces 200 MB is not waited for; others are served on."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(connect_packet(golf, keep_alive_s=60, will=(topic(golf.device_id, Kind.STATE), b"gone")))
    await reader.readexactly(4)
    name = topic(golf.device_id, Kind.TELEMETRY).encode()
    writer.write(b"\x32\x80\x80\x80\x64" + len(name).to_bytes(2, "big") + name + b"\x00\x01" + b"x" * 1000)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert not await refused(client(server, polo.device_id, polo.password))


def test_a_client_that_goes_takes_no_message_from_the_next() -> None:
    """Subscribers are gone through while one of them leaves: the others are all reached."""
    subscriptions = Subscriptions()
    leaving, staying = Session(), Session()
    subscriptions["a/b"] = [(leaving, 1), (staying, 1)]
    reached = []
    for topic_filter, subscribers in subscriptions.items():
        for session, _ in subscribers:
            reached.append((topic_filter, session))
            if session is leaving:
                subscriptions["a/b"].pop(0)
    assert reached == [("a/b", leaving), ("a/b", staying)]


async def test_a_displaced_connection_keeps_nothing_of_the_new_one() -> None:
    """What a dead connection asked for late, or gives up late, changes nothing for the client's new one."""
    guarded = GuardedBroker(BrokerConfig.from_dict({"listeners": {"default": {"type": "tcp"}}, "plugins": {}}))
    old, new = Session(), Session()
    old.client_id = new.client_id = "golf"
    guarded._sessions["golf"] = (old, None)
    assert await guarded.add_subscription(("a/b", 1), old) == 1
    guarded._sessions["golf"] = (new, None)
    assert await guarded.add_subscription(("a/b", 1), old) == 0x80
    assert await guarded.add_subscription(("a/b", 1), new) == 1
    await guarded._del_all_subscriptions(old)
    assert {name: [one for one, _ in subscribers] for name, subscribers in guarded.subscriptions.items()} == {
        "a/b": [new]
    }


async def test_rubbish_instead_of_mqtt_hurts_nobody(server, caplog) -> None:
    """HTTP, zeros, cut-off and damaged packets end their own connection; nothing escapes, and the broker goes on."""
    gc.collect()  # what earlier tests left behind is not the broker's doing
    caplog.clear()
    golf, rng = server.enrol("golf"), random.Random(3)
    whole = connect_packet(golf, keep_alive_s=60, will=(topic(golf.device_id, Kind.STATE), b"gone"))
    rubbish = [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 50, b"\x10\xff\xff\xff\x7f", b"\x10\x0c\x00\x04MQTT", b"\xff" * 300]
    rubbish += [whole[: rng.randrange(len(whole))] for _ in range(30)]
    for _ in range(200):
        damaged = bytearray(whole + rng.randbytes(40))
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        rubbish.append(bytes(damaged))
    for packet in rubbish:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(packet)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert not await refused(client(server, golf.device_id, golf.password))
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_the_service_credential_is_private_and_stays(server) -> None:
    """The server's own password is readable by its owner only, and is made once."""
    path = server.folder / "service-credential"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert service_password(server.folder) == service_password(server.folder) == path.read_text().strip()
    assert len(service_password(server.folder)) >= 32


def test_parts_that_start_in_the_same_moment_have_the_same_service_credential(tmp_path, monkeypatch) -> None:
    """One asks while another is making it: neither keeps a password that nobody else has, or none."""
    make, asked = secrets.token_urlsafe, []

    def made(size: int) -> str:
        if not asked:
            asked.append("")
            asked[0] = service_password(tmp_path)
        return make(size)

    monkeypatch.setattr("secrets.token_urlsafe", made)
    assert service_password(tmp_path) == asked[0]
    assert len(asked[0]) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["service-credential"]


async def test_it_listens_on_loopback_only(server) -> None:
    """An address that the network could reach is refused with the reason."""
    settings = BrokerSettings(data_dir=server.folder, database_url=server.url, host="0.0.0.0", port=1)  # noqa: S104  that is the point
    with pytest.raises(ExposureError, match="loopback"):
        await broker.run(settings, stop=asyncio.Event())


async def test_a_port_in_use_is_named(stopped_server) -> None:
    """The error says which port, and which setting changes it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = BrokerSettings(data_dir=stopped_server.folder, database_url=stopped_server.url, port=port)
        with pytest.raises(PortInUseError, match=rf"{port}.*ROADWORTHY_BROKER_PORT"):
            await broker.run(settings, stop=asyncio.Event())
