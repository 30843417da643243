"""The pages of campaigns: the form with its mistakes, what is kept of it, and recording now."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from api.auth.scope import Role, Scope
from api.auth.service import create_user
from api.campaigns import repository, service
from api.campaigns.repository import Target
from api.campaigns.service import Draft
from ingest.storage import commands
from ingest.storage.database import reading
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, SPEED

FIELDS = {
    "name": "Overheats", "condition": f"{COOLANT_TEMPERATURE} > 105 for 3 s", "signal-1": SPEED, "rate-1": "500",
    "signal-2": "", "rate-2": "1000", "before": "7,5", "after": "2", "most": "3", "megabytes": "0.5",
    "until": "2026-03-09", "vehicle:here-car": "on", "tag:A": "on",
}  # fmt: skip


@pytest.fixture(name="engineer")
def _engineer(world, write, now, password) -> Scope:
    dealer_id = world.here.dealer_id
    user_id = write(create_user, name="eva", role=Role.ENGINEER, password=password, now=now, dealer_id=dealer_id)
    return Scope(user_id=user_id, name="eva", role=Role.ENGINEER, dealer_id=dealer_id)


def kept(world, engineer) -> repository.Record:
    """The newest campaign."""
    with reading(world.engine) as connection:
        return repository.list_campaigns(connection, engineer)[0]


def test_a_campaign_is_made_changed_and_revoked(world, visit, engineer) -> None:
    """Every field of the form is kept; the form of a change shows them again; revoked it has no buttons any more."""
    browser = visit(engineer, "en")
    answer = browser.post_form("/campaigns", **FIELDS, frames="on")
    made = kept(world, engineer)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{made.id}")
    campaign = made.campaign
    assert (campaign.name, campaign.condition, campaign.signals) == (FIELDS["name"], FIELDS["condition"], {SPEED: 500})
    assert (campaign.before_s, campaign.after_s, campaign.frames) == (7.5, 2.0, True)
    assert (campaign.most_a_day, campaign.bytes_a_day) == (3, 500_000)
    assert (list(made.target.vehicles), list(made.target.tags)) == (["here-car"], ["A"])
    assert made.until_at.isoformat() == "2026-03-09T15:59:59+00:00"  # the end of the day in Shanghai
    form = browser.get(f"/campaigns/{made.id}/change").text
    for value in ("Overheats", "7.5", "0.5", "2026-03-09", f'value="{SPEED}"'):
        assert value in form
    assert 'name="vehicle:here-car" checked' in form
    assert "触发前 7.5 秒，触发后 2 秒" in visit(engineer, "zh").get(f"/campaigns/{made.id}").text
    browser.post_form(f"/campaigns/{made.id}/change", **FIELDS | {"before": "3"})
    assert (kept(world, engineer).version, kept(world, engineer).campaign.before_s) == (2, 3.0)
    browser.post_form(f"/campaigns/{made.id}/revoke")
    page = browser.get(f"/campaigns/{made.id}").text
    assert "Revoked" in page
    assert "/revoke" not in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "请填写 1 到 120 个字符的名称"),
        ({"condition": "Vehicle.Speed >"}, "条件到此结束"),
        ({"condition": "Vehicle.Sped > 3"}, "是否指“Vehicle.Speed"),
        ({"before": "x"}, "“x”不是数字"),
        ({"before": "nan"}, "秒；可为 0 到 300 秒"),
        ({"before": "400"}, "400 秒；可为 0 到 300 秒"),
        ({"most": "1e99"}, "每天可为 1 到 1000 次触发"),
        ({"megabytes": "-3"}, "每天可为 0.01 到 64 兆字节。"),
        ({"megabytes": "nan"}, "每天可为 0.01 到 64 兆字节。"),
        ({"megabytes": "x"}, "“x”不是数字"),
        ({"until": "soon"}, "“soon”不是日期"),
        ({"until": "0001-01-01"}, "请选择尚未过去的截止日期"),
        ({"rate-1": "fast"}, "“fast”不是数字"),
        ({"rate-1": "99999999999999999999"}, "可为 100 到 60000 毫秒"),
        ({"rate-1": "9" * 400}, "可为 100 到 60000 毫秒"),
        ({"rate-1": "9" * 5000}, "可为 100 到 60000 毫秒"),
        ({"rate-2": "9" * 400, "name": ""}, "请填写 1 到 120 个字符的名称"),
        ({"rate-1": "99"}, "可为 100 到 60000 毫秒"),
        ({"signal-1": "Vehicle.Sped"}, "是否指“Vehicle.Speed"),
        ({"signal-1": "Vehicle.Sped"}, "？</p>"),
    ],
)
def test_a_mistake_is_shown_beside_its_field(visit, engineer, change, words: str) -> None:
    """Nothing is made, and what was typed stands there still."""
    browser = visit(engineer, "zh")
    answer = browser.post_form("/campaigns", **FIELDS | change)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'name="tag:A"' not in answer.text  # nobody has the tag in this world
    assert 'name="vehicle:here-car" checked' in answer.text
    assert "还没有采集任务。" in browser.get("/campaigns").text


def test_a_rate_that_is_too_long_is_told_in_english_and_not_offered(visit, engineer) -> None:
    """However many digits it has: the bounds are told, and the field offers what is possible."""
    for rate in ("9" * 400, "9" * 5000, "60001"):
        answer = visit(engineer, "en").post_form("/campaigns", **FIELDS | {"rate-1": rate})
        assert answer.status_code == 422
        assert "100 to 60000 ms are possible" in answer.text
        assert f'value="{rate}"' not in answer.text


def test_the_budget_is_told_in_the_unit_of_its_field(visit, engineer) -> None:
    """Megabytes, also in English; to programs, which give bytes, in bytes."""
    browser = visit(engineer, "en")
    page = browser.post_form("/campaigns", **FIELDS | {"megabytes": "65"}).text
    assert "0.01 to 64 megabytes a day are possible." in page
    assert "bytes" not in page.lower().replace("megabytes", "")
    assert browser.post_form("/campaigns", **FIELDS | {"megabytes": "64"}).status_code == 303


def test_a_condition_is_looked_at_while_it_is_typed(visit, engineer) -> None:
    """How it is read, or the word that is wrong, marked; typed programs stand there as words."""
    browser = visit(engineer, "zh")
    read = browser.post_form("/campaigns/check", condition=f"{SPEED} > 1 or {SPEED} < 9 for 2 s").text
    assert "理解为" in read
    assert "(Vehicle.Speed &gt; 1) or ((Vehicle.Speed &lt; 9) for 2 s)" in read
    wrong = browser.post_form("/campaigns/check", condition=f"{SPEED} > 1 and Vehicle.Sped < 9").text
    assert "<mark>Vehicle.Sped</mark> &lt; 9" in wrong
    assert "<script>" not in browser.post_form("/campaigns/check", condition="<script>alert(1)</script>").text
    assert re.sub(r"<[^>]*>", "", browser.post_form("/campaigns/check", condition="  ").text).strip() == ""


def test_recording_now(visit, scene, engineer) -> None:
    """The device is asked for what was chosen; a mistake is said."""
    browser = visit(engineer, "zh")
    path = f"/vehicles/{scene.vehicle_id}/record"
    fields = {"signal-1": SPEED, "rate-1": "500", "rate-2": "500"}
    answer = browser.post_form(path, seconds="5", **fields)
    assert answer.status_code == 303
    with reading(scene.world.engine) as connection:
        asked = next(one for one in commands.commands_of(connection, scene.device_id) if one.name == "record")
    assert asked.arguments == {"seconds": 5.0, "signals": {SPEED: 500}, "frames": False}
    assert answer.headers["Location"].endswith(f"?command={asked.id}")
    mistakes = (
        ({"seconds": "99"}, "99 秒；可为 0 到 60 秒"),
        ({"seconds": "-1"}, "-1 秒"),
        ({"seconds": "bald"}, "“bald”不是数字"),
        ({"signal-1": ""}, "请至少填写一个信号"),
    )
    for wrong, words in mistakes:
        refused = browser.post_form(path, **{"seconds": "5", **fields, **wrong})
        assert refused.status_code == 422
        assert words in refused.text
    refused = browser.post_form(path, seconds="bald", **fields, frames="on").text
    kept_on = re.findall(r'<input type="checkbox"[^>]* name="([^"]*)"[^>]*checked>', refused)
    assert ('value="bald"' in refused, kept_on) == (True, ["signal-1", "frames"])


def test_a_change_keeps_what_the_api_made(world, visit, engineer, write, now) -> None:
    """More signals than a new form has room for, at rates that it does not offer, stay as they were."""
    signals = {path: 250 + at for at, path in enumerate(list(CATALOGUE)[:11])}
    draft = Draft(
        name="many", condition="always", signals=signals, after_s=2.0, until=now + timedelta(days=9),
        target=Target(vehicles=["here-car"]),
    )  # fmt: skip
    made = write(service.create, engineer, draft, now=now)
    browser = visit(engineer, "en")
    form = browser.get(f"/campaigns/{made.id}/change").text
    fields = dict(re.findall(r'<input [^>]*name="([^"]*)"[^>]* value="([^"]*)"', form))
    chosen = re.findall(r'<select [^>]*name="(rate-[^"]*)"(.*?)</select>', form, re.DOTALL)
    rates = {name: re.findall(r'value="([0-9]*)" selected', options)[0] for name, options in chosen}
    fields = {name: value for name, value in fields.items() if name.startswith(("signal-", "until"))}
    more = {"vehicle:here-car": "on", "condition": "always", "before": "1", "after": "2", "most": "3", "megabytes": "1"}
    answer = browser.post_form(f"/campaigns/{made.id}/change", name="many", **more, **fields, **rates)
    assert answer.status_code == 303
    assert kept(world, engineer).campaign.signals == signals
