"""What a car answered from afar, as people read it, in both languages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingest.storage import commands
from ingest.storage.database import transaction
from vehicle.signals import COOLANT_TEMPERATURE, OIL_TEMPERATURE, SPEED

ANSWERS: dict[str, tuple[dict[str, Any], dict[str, tuple[str, ...]]]] = {
    "read_vin": ({"vin": "LSVAA49J132003021"}, {"en": ("LSVAA49J132003021",), "zh": ("LSVAA49J132003021",)}),
    "read_signals": (
        {
            "signals": [{"ecu": "7E8", "signal": SPEED, "value": 1063.5, "unit": "km/h"}],
            "absent": [OIL_TEMPERATURE],
        },
        {
            "en": ("peed", "1,063.5 km/h", "The car does not tell:", "oil temperature"),
            "zh": ("车速", "1,063.5 km/h", "车辆不提供：", "机油温度"),
        },
    ),
    "read_freeze_frame": (
        {
            "freeze_frames": [
                {"ecu": "7E8", "code": "P0301", "values": [{"signal": COOLANT_TEMPERATURE, "value": 91.0}]}
            ],
            "ecus": ["7E8"],
        },
        {"en": ("P0301", "oolant temperature", "91 °C"), "zh": ("P0301", "冷却液温度", "91 °C")},
    ),
    "read_readiness": (
        {
            "readiness": [
                {
                    "ecu": "7E8",
                    "lamp": True,
                    "codes": 2,
                    "compression": False,
                    "complete": {"misfire": True, "evaporative_system": False},
                }
            ]
        },
        {
            "en": ("Malfunction lamp on", "codes: 2", "Misfire", "Evaporative system", "not complete"),
            "zh": ("故障灯亮", "故障码: 2", "失火", "燃油蒸发系统", "未完成"),
        },
    ),
    "read_monitors": (
        {
            "monitors": [
                {
                    "ecu": "7E8", "mid": mid, "tid": 11, "uasid": 36, "value": 24.0, "minimum": 0.0, "maximum": 20.0,
                    "unit": "", "known": True, "passed": False,
                }
                for mid in (0xA2, 0x21, 0xE0)
            ],
            "ecus": ["7E8"],
        },
        {
            "en": ("Misfire, cylinder 1", "Catalyst, bank 1", "224", "24", "failed", "0 … 20"),
            "zh": ("失火（第1缸）", "催化器（第1列）", "224", "24", "未通过", "0 … 20"),
        },
    ),
    "read_units": (
        {
            "units": [
                {"ecu": "7E8", "name": ["ECM-EngineControl"], "calibrations": [], "verification_numbers": ["1791BC82"]}
            ]
        },
        {
            "en": ("Control unit", "ECM-EngineControl", "Verification numbers", "1791BC82", "–"),
            "zh": ("控制单元", "ECM-EngineControl", "校验码", "1791BC82", "–"),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_in_words(visit, scene, now, name: str, language: str) -> None:
    """Names, units and verdicts stand there; nothing is shown as the device wrote it."""
    result, words = ANSWERS[name]
    with transaction(scene.world.engine) as connection:
        command_id = commands.request_command(
            connection, device_id=scene.device_id, name=name, arguments={}, requested_by="x", now=now,
            expires_at=now + timedelta(seconds=45),
        )  # fmt: skip
        commands.record_reply(
            connection, command_id=command_id, device_id=scene.device_id, status="done", result=result, reason="",
            now=now,
        )  # fmt: skip
    page = visit(scene.world.here.advisor, language).get(f"/vehicles/{scene.vehicle_id}/commands/{command_id}")
    assert page.status_code == 200
    for word in words[language]:
        assert word in page.text
    assert "<pre" not in page.text


def test_what_else_can_be_asked_for(visit, scene) -> None:
    """A button each, without JavaScript too; what is none of them is refused in words."""
    advisor = visit(scene.world.here.advisor, "en")
    page = advisor.get(f"/vehicles/{scene.vehicle_id}").text
    assert page.count(f'action="/vehicles/{scene.vehicle_id}/ask"') == 6
    asked = advisor.post_form(f"/vehicles/{scene.vehicle_id}/ask", name="read_signals")
    assert "Asking the device" in advisor.get(asked.headers["location"].partition("#")[0]).text
    refused = advisor.post_form(f"/vehicles/{scene.vehicle_id}/ask", name="clear_dtcs")
    assert "hoose what to ask for" in refused.text
