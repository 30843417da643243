"""A foreign device from its enrolment to history, as an operator would do it, with both brokers and databases."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from typing import TYPE_CHECKING

import aiomqtt
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def entered(path: Path) -> dict[str, str]:
    """What the file of a new WiCAN says, by its labels."""
    return dict(re.findall(r"(?m)^(.+?): (\S+)$", path.read_text()))


async def send(settings: dict[str, str], port: int, context: ssl.SSLContext | None) -> None:
    """A WiCAN that connects, says that it is there, and sends an answer of the car twice and a broken one."""
    answer = {"id": 2024, "dlc": 8, "rtr": False, "extd": False, "data": [3, 65, 13, 23, 170, 170, 170, 170]}
    frames = json.dumps({"bus": "0", "type": "rx", "ts": 51561, "frame": [answer]})
    sign_in = {"username": settings["MQTT user"], "password": settings["MQTT password"]}
    identifier = settings["MQTT user"]
    async with aiomqtt.Client("127.0.0.1", port, identifier=identifier, tls_context=context, **sign_in) as device:
        await device.publish(settings["MQTT status topic"], b'{"status": "online"}', qos=1)
        for payload in (frames, frames, b"{broken"):
            await device.publish(settings["MQTT RX topic"], payload, qos=1)


def test_a_wican_from_enrolment_to_history(home) -> None:
    """What the file says is all that the device needs; one speed is stored, a duplicate and a refusal are counted."""
    home.serve()
    home.run("device", "add", "golf", "--kind", "wican", "--out", "golf.txt")
    settings = entered(home.folder / "golf.txt")
    authority = home.env.get("ROADWORTHY_BROKER_CA")
    context = ssl.create_default_context(cafile=authority) if authority else None

    def arrived() -> bool:
        return [row["Vehicle.Speed"] for row in home.history("golf")] == ["23.0"]

    asyncio.run(send(settings, home.broker_port, context))
    home.until(arrived, what="the speed in history")
    home.until(lambda: "decode" in home.run("dead-letters", "list", "--device", "golf"), what="the dead letter")
    assert "duplicate: 1" in home.run("device", "events", "golf")
