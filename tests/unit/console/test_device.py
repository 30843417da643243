"""How the device fares, on the vehicle's page."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ingest.quarantine import Quarantine
from ingest.storage import commands
from ingest.storage.database import transaction
from ingest.storage.inbox import keep_sets, note_listen_only, store
from ingest.validate import Knowledge, judge
from vehicle.signals import DEVICE_FREE_DISK, DEVICE_PROCESSOR_TEMPERATURE
from vehicle.topics import Kind


@pytest.fixture(name="told")
def _told(scene, now):
    """The device said something of itself twice, the last time five minutes ago."""
    times = [int((now - timedelta(minutes=ago)).timestamp() * 1000) for ago in (6, 5)]
    columns = {DEVICE_PROCESSOR_TEMPERATURE: [48.0, 61.0], DEVICE_FREE_DISK: [72.0, None]}
    payload = json.dumps({"epoch": 7, "sequence": 1, "time": times, "columns": columns}).encode()
    knowledge = Knowledge(vehicles={scene.device_id: scene.vehicle_id}, signal_sets={}, anchors={})
    verdict = judge(scene.device_id, Kind.TELEMETRY, "", payload, knowledge, int(now.timestamp() * 1000))
    with transaction(scene.world.engine) as connection:
        keep_sets(connection, [verdict.signal_set])
        store(connection, [verdict], now=now, tries={}, quarantine=Quarantine())


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("Device: processor temperature", "61 °C", "5 minutes ago", "Device: free disk", "72 %", "6 minutes ago"),
        ),
        ("zh", ("设备处理器温度", "61 °C", "5分钟前", "设备剩余磁盘", "72 %", "6分钟前")),
    ],
)
def test_the_last_word_of_each_signal_is_shown(visit, scene, language: str, words: tuple[str, ...]) -> None:
    """With unit and age; what the machine does not tell is not there."""
    browser = visit(scene.world.here.advisor, language)
    page = browser.get(f"/vehicles/{scene.vehicle_id}/device")
    assert page.status_code == 200
    for word in words:
        assert word in page.text
    assert "voltage" not in page.text
    assert f'hx-get="/vehicles/{scene.vehicle_id}/device"' in browser.get(f"/vehicles/{scene.vehicle_id}").text


def test_a_device_that_says_nothing_is_said_to(visit, scene) -> None:
    """A foreign device or an old agent tells nothing of itself."""
    said = visit(scene.world.here.advisor, "zh").get(f"/vehicles/{scene.vehicle_id}/device").text
    assert "设备最近两天没有上报自身状况。" in said


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Listen-only: sends nothing to the car"), ("zh", "只听不问：不向车辆发送任何请求")],
)
def test_a_device_that_listens_only_is_shown_as_such_until_it_says_otherwise(visit, scene, language, words) -> None:
    """On the car's page, in the list of vehicles, on the page of its campaign, and by REST."""
    browser = visit(scene.world.here.advisor, language)
    pages = [f"/vehicles/{scene.vehicle_id}", "/vehicles", f"/campaigns/{scene.campaign_id}"]
    for listen_only in (False, True, False):
        with transaction(scene.world.engine) as connection:
            note_listen_only(connection, scene.device_id, listen_only=listen_only)
        assert [words in browser.get(path).text for path in pages] == [listen_only] * len(pages)
        (device,) = browser.get(f"/api/v1/vehicles/{scene.vehicle_id}").json()["devices"]
        assert device["listen_only"] is listen_only


def test_the_page_asks_how_the_device_stands_after_it_was_turned(visit, scene, now) -> None:
    """What stands at its top does not contradict the answer below for longer than the device needs to say so."""
    with transaction(scene.world.engine) as connection:
        asked = commands.request_command(
            connection, device_id=scene.device_id, name="listen_only_on", arguments={}, requested_by="ann", now=now,
            expires_at=now + timedelta(minutes=1),
        )  # fmt: skip
        commands.record_reply(
            connection, command_id=asked, device_id=scene.device_id, now=now, status="done",
            result={"listen_only": True}, reason="",
        )  # fmt: skip
    browser = visit(scene.world.here.advisor, "en")
    part = browser.get(f"/vehicles/{scene.vehicle_id}/commands/{asked}").text
    assert f'hx-get="/vehicles/{scene.vehicle_id}" hx-trigger="load delay:2s" hx-select="#facts"' in part
    assert '<dl class="facts" id="facts">' in browser.get(f"/vehicles/{scene.vehicle_id}").text
