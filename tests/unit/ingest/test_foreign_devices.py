"""Foreign devices on the real broker: their messages become history, each once as far as can be known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiomqtt
import pytest
import sqlalchemy as sa

from ingest.importing import EPOCH
from ingest.storage import tables
from ingest.storage.database import reading
from vehicle.signals import CONTROL_MODULE_VOLTAGE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from ingest.devices import Credentials

pytestmark = pytest.mark.e2e


def client(server, who: Credentials) -> aiomqtt.Client:
    """A foreign device with its own credentials."""
    sign_in = {"username": who.device_id, "password": who.password, "identifier": who.device_id}
    return aiomqtt.Client("127.0.0.1", server.port, timeout=10, **sign_in)


def online(server, device_id: str) -> bool:
    """Whether the server believes that the device is there."""
    with reading(server.engine) as connection:
        query = sa.select(tables.devices.c.online).where(tables.devices.c.id == device_id)
        return bool(connection.execute(query).scalar())


async def test_a_wican_drives(server, until) -> None:
    """Presence, frames and values; the same message again is a duplicate."""
    golf = server.enrol("golf")
    answer = {"id": 2024, "dlc": 8, "rtr": False, "extd": False, "data": [4, 65, 12, 0x12, 0x34, 170, 170, 170]}
    frames = json.dumps({"bus": "0", "type": "rx", "ts": 51561, "frame": [answer]})
    async with client(server, golf) as device:
        await device.publish(f"wican/{golf.device_id}/status", b'{"status": "online"}', qos=1)
        for _ in range(2):
            await device.publish(f"wican/{golf.device_id}/can/rx", frames, qos=1)
        await device.publish(f"wican/{golf.device_id}/autopid", b'{"0D-VehicleSpeed": 50, "HV_V": 350}', qos=1)
        await until(lambda: server.speeds(golf.device_id)[-1:] == [50], what="the speed")
        await until(lambda: server.counts(golf.device_id).get("duplicate") == 1, what="the duplicate to be counted")
        assert online(server, golf.device_id)
    frame = server.store.read(device_id=golf.device_id, signals=[ENGINE_SPEED, SPEED])
    assert [value for value in frame[ENGINE_SPEED].to_list() if value is not None] == [1165]
    assert server.counts(golf.device_id)["unknown_metric"] == 1
    held = {row.epoch: (row.upto, row.ranges) for row in server.rows(tables.received)}
    assert held == {EPOCH: (2, [])}


async def test_an_ovms_drives_and_what_the_broker_kept_is_no_sample(server, until) -> None:
    """Its messages are retained: an ingest that starts anew is handed them again, and takes presence only."""
    polo = server.enrol("polo")
    below = f"ovms/{polo.device_id}/DEMO/metric"
    async with client(server, polo) as device:
        await device.publish(f"{below}/s/v3/connected", b"yes", qos=0, retain=True)
        await device.publish(f"{below}/v/b/12v/voltage", b"12.61", qos=0, retain=True)
        await device.publish(f"{below}/v/p/latitude", b"22.2809", qos=0, retain=True)
        await until(lambda: server.counts(polo.device_id).get("unknown_metric"), what="the position to be counted")
        frame = server.store.read(device_id=polo.device_id, signals=[CONTROL_MODULE_VOLTAGE])
        assert frame[CONTROL_MODULE_VOLTAGE].to_list() == [12.61]
        await server.stop("ingest")
        await server.start("ingest")
        await until(lambda: server.counts(polo.device_id).get("retained_value"), what="what the broker had kept")
        await until(lambda: online(server, polo.device_id), what="presence")
        await device.publish(f"{below}/s/v3/connected", b"no", qos=0, retain=True)
        await until(lambda: not online(server, polo.device_id), what="its leaving")
    assert server.store.read(device_id=polo.device_id, signals=[CONTROL_MODULE_VOLTAGE]).height == 1


async def test_plain_columns_come_once_however_late_they_come_again(server, make, until) -> None:
    """They carry their times, so equal content is the same message, also when its samples are in history."""
    golf = server.enrol("golf")
    columns = {"time": [make.NOW_MS, make.NOW_MS + 1000], "columns": {SPEED: [50, 51]}}
    async with client(server, golf) as device:
        await device.publish(f"json/{golf.device_id}", json.dumps(columns), qos=1)
        await until(lambda: server.rows(tables.history_files), what="history")
        await device.publish(f"json/{golf.device_id}", json.dumps(columns), qos=1)
        await until(lambda: server.counts(golf.device_id).get("duplicate") == 1, what="the duplicate to be counted")
    assert server.speeds(golf.device_id) == [50, 51]


async def test_what_cannot_be_read_is_kept_and_stops_nothing(server, until) -> None:
    """A dead letter with its reason; what comes behind it is stored."""
    golf = server.enrol("golf")
    async with client(server, golf) as device:
        await device.publish(f"wican/{golf.device_id}/can/rx", b"{broken", qos=1)
        await device.publish(f"wican/{golf.device_id}/autopid", b'{"SPEED": 50}', qos=1)
        await until(lambda: server.speeds(golf.device_id) == [50], what="the speed")
    (letter,) = server.rows(tables.dead_letters)
    assert (letter.device_id, letter.reason, letter.payload) == (golf.device_id, "decode", b"{broken")
    assert server.counts(golf.device_id)["dead:decode"] == 1


async def test_a_foreign_device_reaches_nobody_elses_topics(server, until) -> None:
    """What it sends below another's id goes nowhere."""
    golf, polo = server.enrol("golf"), server.enrol("polo")
    async with client(server, polo) as evil:
        await evil.publish(f"wican/{golf.device_id}/autopid", b'{"SPEED": 99}', qos=1)
        await evil.publish(f"wican/{polo.device_id}/autopid", b'{"SPEED": 50}', qos=1)
        await until(lambda: server.speeds(polo.device_id) == [50], what="its own speed")
    assert server.speeds(golf.device_id) == []
