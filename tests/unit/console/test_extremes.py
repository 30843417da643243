"""Pages with nothing on them, with a shop that is full, and with a very large fleet."""

from __future__ import annotations

import pytest

from api import tables

EMPTY = [
    ("/attention", "目前没有需要关注的事项。"),
    ("/appointments", "当天没有预约。"),
    ("/appointments", "所有提议都已答复。"),
    ("/quality", "还没有记录结论。"),
    ("/campaigns", "还没有采集任务。"),
    ("/vehicles/here-car/captures", "暂无。"),
    ("/vehicles/here-car", "没有发现问题。"),
    ("/vehicles/here-car", "没有故障码。"),
    ("/vehicles/here-car", "行驶数据还不够。"),
]


@pytest.mark.parametrize(("path", "words"), EMPTY)
def test_emptiness_has_words(visit, world, path: str, words: str) -> None:
    """Where there is nothing the page says so."""
    assert words in visit(world.here.advisor, "zh").get(path).text


def test_emptiness_has_words_for_those_without_cars(visit, world, write) -> None:
    """Nobody who has no car looks at a blank page, nor one who has no messages or dead letters."""
    assert "还没有消息。" in visit(world.here.owner, "zh").get("/me").text
    assert "无。" in visit(world.admin, "zh").get("/quality").text
    write(lambda connection: connection.execute(tables.vehicles.delete()))
    assert "还没有车辆。" in visit(world.here.owner, "zh").get("/me").text
    assert "还没有车辆。" in visit(world.here.advisor, "zh").get("/vehicles").text


def test_a_full_shop_says_so(visit, scene, write) -> None:
    """No free time is a sentence, not an empty list."""
    write(lambda c: c.execute(tables.dealers.update().values(hours={})))
    page = visit(scene.world.here.owner, "zh").get(f"/appointments/{scene.proposed}/times")
    assert "店内暂无空闲时间，请来电。" in page.text


def test_advice_about_a_car_that_is_not_in_care_yet_breaks_no_page(visit, scene) -> None:
    """Diagnostics may be quicker than the registrar; the administrator's pages stay whole."""
    scene.world.suggest("early", vehicle_id="fresh-car")
    browser = visit(scene.world.admin)
    assert browser.get("/attention").status_code == 200
    assert browser.get("/vehicles").status_code == 200


def test_a_large_fleet_is_on_the_first_page(visit, scene, write, now) -> None:
    """Advice about the last of many cars is shown like any other."""
    rows = [{"id": f"car{at}", "dealer_id": scene.world.here.dealer_id, "created_at": now} for at in range(1100)]
    write(lambda connection: connection.execute(tables.vehicles.insert(), rows))
    scene.world.suggest("last", vehicle_id="car999")
    page = visit(scene.world.here.advisor).get("/attention")
    assert (page.status_code, "/vehicles/car999" in page.text, ">1101<" in page.text) == (200, True, True)
