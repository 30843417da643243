"""What of a broker's acknowledged messages survives `kill -9`: the facts behind docs/adr/0011.

A subscriber with a persistent session goes offline, a publisher sends QoS 1 messages and waits for every PUBACK, the
broker is killed and started again, and the subscriber counts what it still gets. Tries amqtt, and Mosquitto where it
is on PATH (with Debian's settings: persistence on).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
from argon2 import PasswordHasher
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGES = 900
"""Under the 1,000 that Mosquitto queues for a session by default."""
PATIENCE_S = 10.0
QUIET_S = 3.0
PASSWORD = "only on loopback, only for a minute"  # noqa: S105  of a throw-away broker

AMQTT = """
listeners:
  default: {{type: tcp, bind: "127.0.0.1:{port}"}}
plugins:
  amqtt.plugins.authentication.FileAuthPlugin: {{password_file: "{folder}/passwords"}}
"""
MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
"""


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def start(command: Sequence[str], port: int) -> subprocess.Popen[bytes]:
    """The broker, listening."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{command[0]} did not listen on port {port} within {PATIENCE_S:.0f} s")


def subscriber(port: int, got: list[bytes | bytearray]) -> mqtt.Client:
    """A connected client with a persistent session on the topic; appends what it gets."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
    client.username_pw_set("listener", PASSWORD)
    subscribed: list[int] = []
    client.on_message = lambda _client, _data, message: got.append(message.payload)
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("facts", qos=1)
    wait_until_quiet(subscribed, enough=1)
    return client


def publish(port: int) -> None:
    """Publishes all messages and waits for the PUBACK of each."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="talker")
    client.username_pw_set("talker", PASSWORD)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(MESSAGES):
        client.publish("facts", str(number), qos=1).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def wait_until_quiet(got: Sequence[object], *, enough: int) -> None:
    """Returns when enough has come, or nothing for a while."""
    seen, since = len(got), time.monotonic()
    while len(got) < enough and time.monotonic() - since < QUIET_S:
        time.sleep(0.05)
        if len(got) != seen:
            seen, since = len(got), time.monotonic()


def leave(client: mqtt.Client) -> None:
    """Disconnects a client and ends its thread."""
    client.disconnect()
    client.loop_stop()


def survivors(command: Sequence[str], port: int, *, kill: bool) -> int:
    """How many acknowledged messages come, after a kill or without one."""
    broker = start(command, port)
    leave(subscriber(port, []))
    publish(port)
    if kill:
        broker.kill()
        broker.wait()
        broker = start(command, port)
    got: list[bytes | bytearray] = []
    client = subscriber(port, got)
    wait_until_quiet(got, enough=MESSAGES)
    leave(client)
    broker.kill()
    broker.wait()
    return len({bytes(payload) for payload in got})


def main() -> None:
    """Prints one line a broker."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "broker.conf")
        hashed = PasswordHasher().hash(PASSWORD)
        Path(folder, "passwords").write_text(f"listener:{hashed}\ntalker:{hashed}\n", encoding="utf-8")
        brokers = {
            "amqtt": ([str(Path(sys.executable).with_name("amqtt")), "-c", str(settings)], AMQTT),
            "mosquitto": ([shutil.which("mosquitto") or "", "-c", str(settings)], MOSQUITTO),
        }
        for name, (command, text) in brokers.items():
            if not command[0]:
                print(f"{name}: not on PATH")
                continue
            for kill in (False, True):
                port = free_port()
                settings.write_text(text.format(port=port, folder=folder), encoding="utf-8")
                arrived = survivors(command, port, kill=kill)
                print(
                    f"{name}, {'kill -9' if kill else 'no kill'}: {arrived} of {MESSAGES} acknowledged messages arrive"
                )


if __name__ == "__main__":
    main()
