"""The files that Mosquitto gets, and Mosquitto with them: the same answers as the embedded broker's rules."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import stat
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import devices
from ingest.access import SERVICE, service_password
from ingest.errors import BrokerLinkError, PlainListenerError, SharedListenerError, StoreError
from ingest.importing import FILTERS, IMPORTERS
from ingest.link import connected
from ingest.mosquitto import Listeners, configuration, export, rules
from ingest.passwords import hash_password, password_matches
from ingest.sharing import Probe, shared_filter
from ingest.storage.database import reading, transaction
from vehicle.topics import DOWNLINK, UPLINK, Kind, topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.packets import Message

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
LOCAL = Listeners(devices=("127.0.0.1", 1883), service=("127.0.0.1", 1884))


@settings(max_examples=20)
@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_password_matches_its_own_hash_only(password: str, other: str) -> None:
    """Whatever characters it has; each hash has its own salt."""
    made = hash_password(password)
    assert password_matches(made, password)
    assert password_matches(made, other) is (other == password)
    assert hash_password(password) != made


@pytest.mark.parametrize(
    "broken", ["", "secret", "$7$101$salt", "$6$1$YQ==$YQ==", "$7$0$YQ==$YQ==", "$7$x$YQ==$YQ==", "$7$1$?$YQ=="]
)
def test_what_is_no_hash_of_ours_matches_nothing(broken: str) -> None:
    """A damaged row locks its device out and nothing else."""
    assert not password_matches(broken, "secret")


def test_devices_reach_only_this_machine_without_encryption(tmp_path: Path) -> None:
    """On a network they would show their passwords; a certificate with its key opens it."""
    open_to_all = ("0.0.0.0", 8883)  # noqa: S104  that is the point
    with pytest.raises(PlainListenerError, match="tls-cert"):
        configuration(tmp_path, Listeners(devices=open_to_all, service=("127.0.0.1", 1884)))
    with pytest.raises(PlainListenerError, match="tls-cert"):
        configuration(tmp_path, Listeners(devices=("127.0.0.1", 1883), service=open_to_all))
    secure = Listeners(
        devices=open_to_all, service=("127.0.0.1", 1884), certificate=tmp_path / "crt", key=tmp_path / "key"
    )
    assert f"certfile {tmp_path}/crt\nkeyfile {tmp_path}/key" in configuration(tmp_path, secure)


def test_the_server_has_a_listener_of_its_own(tmp_path: Path) -> None:
    """On the devices' listener a client id is the user name, and its clients would displace each other."""
    with pytest.raises(SharedListenerError, match="ROADWORTHY_INGEST_BROKER_PORT"):
        configuration(tmp_path, Listeners(devices=("127.0.0.1", 1883), service=("127.0.0.1", 1883)))


def test_every_stream_has_its_rule() -> None:
    """None of them in the wrong direction."""
    text = rules().splitlines()
    assert [f"pattern write roadworthy/v1/%u/{kind}" in text for kind in UPLINK] == [True] * len(UPLINK)
    assert [f"pattern read roadworthy/v1/%u/{kind}" in text for kind in DOWNLINK] == [True] * len(DOWNLINK)
    foreign = [line for line in text if "roadworthy/" not in line]
    assert not any("readwrite" in line for line in text)
    assert not any(line.endswith("#") for line in text if line not in foreign)


def test_foreign_devices_write_below_their_own_id_and_read_nothing() -> None:
    """The server reads there and writes nothing: some of these topics are orders to the device."""
    text = rules().splitlines()
    for kind in IMPORTERS:
        mine = [line for line in text if f" {kind}/" in line]
        own, server = [line for line in mine if "%u" in line], [line for line in mine if "%u" not in line]
        assert own == [f"pattern write {kind}/%u", f"pattern write {kind}/%u/#"]
        assert server == [f"topic read {found}" for found in IMPORTERS[kind].filters]


def test_a_revoked_device_is_left_out_and_files_are_private(engine, tmp_path: Path) -> None:
    """Written again, the files hold who may connect now; others cannot read them."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        polo = devices.enrol(connection, name="polo", now=NOW)
    with reading(engine) as connection:
        written = export(connection, tmp_path / "m", service_password="s", listeners=LOCAL)
    passwords = (tmp_path / "m" / "passwords").read_text()
    assert {line.split(":")[0] for line in passwords.splitlines()} == {golf.device_id, polo.device_id}
    assert golf.password not in passwords
    assert {stat.S_IMODE(path.stat().st_mode) & 0o007 for path in written} == {0}
    with transaction(engine) as connection:
        devices.revoke(connection, name="golf", now=NOW)
    with reading(engine) as connection:
        export(connection, tmp_path / "m", service_password="s", listeners=LOCAL)
    assert golf.device_id not in (tmp_path / "m" / "passwords").read_text()


def test_a_folder_that_cannot_be_is_named(engine, tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").write_text("")
    with reading(engine) as connection, pytest.raises(StoreError, match="file"):
        export(connection, tmp_path / "file" / "m", service_password="s", listeners=LOCAL)


@dataclass(frozen=True)
class Running:
    """A Mosquitto on our files, with two enrolled devices."""

    ports: dict[str, int]
    golf: devices.Credentials
    polo: devices.Credentials

    def device(self) -> aiomqtt.Client:
        return _client(self.ports["devices"], self.golf.device_id, self.golf.password)

    def server(self) -> aiomqtt.Client:
        return _client(self.ports["service"], SERVICE, "s")


def _client(port: int, user: str, password: str) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, username=user, password=password, identifier=f"{user}-1", timeout=5)


@pytest.fixture(name="mosquitto")
def _mosquitto(engine, service_folder, free_port) -> Iterator[Running]:
    """It runs as it would for an operator, as its own account."""
    if PROGRAM is None:
        pytest.skip("Mosquitto is not installed; `scripts/system_packages` installs it")
    with transaction(engine) as connection:
        golf, polo = (devices.enrol(connection, name=name, now=NOW) for name in ("golf", "polo"))
    found = Running({"devices": free_port(), "service": free_port()}, golf, polo)
    listeners = Listeners(**{name: ("127.0.0.1", port) for name, port in found.ports.items()})
    with service_folder("mosquitto") as (folder, account):
        with reading(engine) as connection:
            export(connection, folder, service_password="s", listeners=listeners)
        running = subprocess.Popen(
            [PROGRAM, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL, user=account, group=account
        )
        try:
            _wait_for(found.ports["service"])
            yield found
        finally:
            running.terminate()
            running.wait(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    pytest.fail("waited 20 s in vain for Mosquitto")


async def test_only_those_with_a_password_get_in(mosquitto: Running) -> None:
    """Each on its own listener."""
    golf, ports = mosquitto.golf, mosquitto.ports
    assert await _connects(mosquitto.device())
    assert await _connects(mosquitto.server())
    assert not await _connects(_client(ports["devices"], golf.device_id, "wrong"))
    assert not await _connects(_client(ports["devices"], SERVICE, "s"))
    assert not await _connects(_client(ports["service"], golf.device_id, golf.password))


async def test_a_device_has_its_own_streams_only(mosquitto: Running) -> None:
    """It publishes uplinks and hears downlinks, of itself; the server the other way, of everybody."""
    everywhere = [topic(who.device_id, kind) for who in (mosquitto.polo, mosquitto.golf) for kind in Kind]
    own = mosquitto.golf.device_id
    async with mosquitto.server() as ours:
        for kind in UPLINK:
            await ours.subscribe(f"roadworthy/v1/+/{kind}", qos=1)
        for one in everywhere:  # a connection each: Mosquitto may end one that tried what it must not
            with contextlib.suppress(aiomqtt.MqttError):
                async with mosquitto.device() as device:
                    await device.publish(one, b"device", qos=1)
        async with mosquitto.device() as device:
            for one in everywhere:
                await device.subscribe(one, qos=1)
            for who in (mosquitto.polo, mosquitto.golf):
                for kind in DOWNLINK:
                    await ours.publish(topic(who.device_id, kind), b"server", qos=1)
            await device.publish(topic(own, Kind.REPLY), b"last", qos=1)
            await ours.publish(topic(own, Kind.CONFIG), b"last", qos=1)
            assert await _heard(ours) == {(topic(own, kind), b"device") for kind in UPLINK}
            assert await _heard(device) == {(topic(own, kind), b"server") for kind in DOWNLINK}


async def test_a_foreign_device_is_heard_by_the_server_only(mosquitto: Running) -> None:
    """Below its own id; not even it hears what stands there, and the server gives it no orders."""
    golf, polo = mosquitto.golf.device_id, mosquitto.polo.device_id
    own = {f"wican/{golf}/can/rx", f"ovms/{golf}/DEMO/metric/v/p/speed", f"json/{golf}"}
    async with mosquitto.server() as ours:
        for text in FILTERS:
            await ours.subscribe(text, qos=1)
        await ours.subscribe(f"roadworthy/v1/+/{Kind.REPLY}", qos=1)
        for one in sorted(own | {text.replace(golf, polo) for text in own}):
            with contextlib.suppress(aiomqtt.MqttError):
                async with mosquitto.device() as device:
                    await device.publish(one, b"device", qos=1)
        async with mosquitto.device() as device:
            for one in (f"wican/{golf}/can/tx", f"ovms/{golf}/DEMO/client/+/command/+"):
                await device.subscribe(one, qos=1)
            await device.subscribe(topic(golf, Kind.CONFIG), qos=1)
            await device.publish(topic(golf, Kind.REPLY), b"last", qos=1)
            assert await _heard(ours) == {(text, b"device") for text in own}
            for text, payload in ((f"wican/{golf}/can/tx", b"order"), (topic(golf, Kind.CONFIG), b"last")):
                with contextlib.suppress(aiomqtt.MqttError):
                    async with mosquitto.server() as second:
                        await second.publish(text, payload, qos=1)
            assert await _heard(device) == set()


async def _heard(client: aiomqtt.Client) -> set[tuple[str, bytes]]:
    found = set()
    async for message in client.messages:
        if message.payload == b"last":
            break
        found.add((str(message.topic), bytes(message.payload)))
    return found


async def _connects(client: aiomqtt.Client) -> bool:
    try:
        async with client:
            return True
    except aiomqtt.MqttError:
        return False


async def test_shared_subscriptions_are_found_by_a_delivery(mosquitto: Running) -> None:
    """Mosquitto on our rules delivers the probe; each message of a group then comes to one of its members."""
    sign_in = (f"{SERVICE}-a", SERVICE, "s")
    found: list[str] = []
    probe = Probe()

    def take(messages: Sequence[Message]) -> None:
        found.extend(one.topic for one in messages)
        if any(one.topic == probe.topic for one in messages):
            probe.came()

    where = ("127.0.0.1", mosquitto.ports["service"])
    async with connected(where, sign_in, take) as link:
        assert await probe.delivers(link)
        found.clear()
        group = shared_filter("pair", f"roadworthy/v1/+/{Kind.TELEMETRY}")
        others: list[str] = []
        second = (f"{SERVICE}-b", SERVICE, "s")
        async with connected(where, second, lambda some: others.extend(one.topic for one in some)) as other:
            for one in (link, other):
                await one.subscribe(group)
            async with mosquitto.device() as device:
                for _ in range(20):
                    await device.publish(topic(mosquitto.golf.device_id, Kind.TELEMETRY), b"x", qos=1)
            async with asyncio.timeout(20):
                while len(found) + len(others) < 20:
                    await asyncio.sleep(0.01)
        assert found
        assert others
        assert len(found) + len(others) == 20


async def test_a_broker_that_does_not_deliver_is_told_apart(server) -> None:
    """The embedded one has no shared subscriptions; its answer is no, and the connection stays."""
    sign_in = (f"{SERVICE}-c", SERVICE, service_password(server.folder))
    async with connected(("127.0.0.1", server.port), sign_in, lambda _: None) as link:
        assert not await Probe().delivers(link)
        await link.subscribe(f"roadworthy/v1/+/{Kind.EVENT}")


async def test_who_is_refused_learns_why(mosquitto: Running) -> None:
    """A wrong password and a port where nobody listens."""
    sign_in = (f"{SERVICE}-d", SERVICE, "wrong")
    with pytest.raises(BrokerLinkError, match="refuses"):
        async with connected(("127.0.0.1", mosquitto.ports["service"]), sign_in, lambda _: None):
            pass
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(BrokerLinkError):
            async with connected(free.getsockname(), sign_in, lambda _: None):
                pass
