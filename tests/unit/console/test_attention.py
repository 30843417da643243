"""The advisor's first page: the worst is never crowded out, counts are of all, and every button leads on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from api.appointments import service as booking
from api.console import overview
from diagnostics import repository as advice
from diagnostics.findings import Component, Severity, SuggestionState
from ingest.storage.database import reading, transaction


def crowd(world, many: int, severity: Severity = Severity.MONITOR) -> None:
    """So much advice about one car, each newer than the one before."""
    first = world.suggest("c0", severity=severity, component=Component.EMISSIONS)
    with transaction(world.engine) as connection:
        for number in range(1, many):
            made = replace(first, id=f"c{number}", created_at=first.created_at + timedelta(minutes=number))
            advice.save_suggestion(connection, made, at=first.created_at)


def tiles(text: str) -> dict[str, int]:
    """Numbers of the first page by the name of their tile."""
    found = re.findall(r'<span class="tile-number">(\d+)</span><span>([^<]+)</span>', text)
    return {name: int(number) for number, name in found}


@pytest.fixture(name="crowded")
def _crowded(world):
    """A thing to stop for, long ago, and 600 to keep an eye on since."""
    old = world.suggest("old").created_at - timedelta(days=30)
    world.suggest("old", severity=Severity.STOP_NOW, created_at=old)
    crowd(world, 600)
    return world


def test_the_worst_is_not_crowded_out_by_what_is_newer(crowded, visit) -> None:
    """An old car that must stop stands above hundreds of newer, milder things, and each is counted."""
    page = visit(crowded.here.advisor, "en").get("/attention").text
    first = page.index('class="card concern')
    assert page[first:].startswith('class="card concern edge-red')
    assert (tiles(page)["Stop now"], tiles(page)["Keep an eye on"]) == (1, 600)


def test_one_severity_is_shown_whatever_else_there_is(world, visit) -> None:
    """Mild things can be looked at although more than a page of worse ones stands before them."""
    crowd(world, 600, Severity.SOON)
    world.suggest("mild", severity=Severity.MONITOR)
    page = visit(world.here.advisor, "en").get("/attention?severity=monitor").text
    assert page.count('class="card concern') == 1
    assert tiles(page)["Soon"] == 600


def test_a_car_that_must_stop_is_not_called_fine(crowded, visit) -> None:
    """The list of vehicles names the worst of each, however much there is."""
    page = visit(crowded.here.advisor, "en").get("/vehicles").text
    assert "Stop now" in page
    assert "Fine" not in page


def test_equally_bad_is_shown_newest_first(world) -> None:
    """What came last stands first among its like."""
    crowd(world, 3)
    with reading(world.engine) as connection:
        found = overview.attention(connection, world.here.advisor, now=world.suggest().created_at, time_zone="UTC")
    assert [one.suggestion.id for one in found.concerns] == ["s1", "c2", "c1", "c0"]


@pytest.mark.parametrize("path", ["/attention", "/vehicles/here-car"])
def test_after_the_work_the_outcome_is_asked_for(scene, visit, write, now, path: str) -> None:
    """Work that is done without an outcome leads to the outcome's form, not to a proposal that would be refused."""
    write(booking.finish, scene.world.here.advisor, scene.agreed, now=now)
    browser = visit(scene.world.here.advisor, "en")
    page = browser.get(path).text
    assert 'action="/suggestions/s2/outcome"' in page
    assert 'action="/suggestions/s2/propose"' not in page
    answer = browser.post_form("/suggestions/s2/outcome", outcome="confirmed", note="", next=path)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert 'action="/suggestions/s2/outcome"' not in browser.get(path).text


@pytest.mark.parametrize("path", ["/attention", "/vehicles/here-car"])
def test_no_button_proposes_what_would_be_refused(scene, visit, path: str) -> None:
    """Every button to propose a time is answered with a proposal."""
    world = scene.world
    world.suggest("also", component=Component.BATTERY_12V, job="check_charging")  # its part has an appointment
    world.suggest("fresh", component=Component.EMISSIONS, severity=Severity.SOON)
    world.suggest("agreed", component=Component.COOLING, state=SuggestionState.ACCEPTED)
    browser = visit(world.here.advisor, "en")
    offered = re.findall(r'action="(/suggestions/\w+/propose)"', browser.get(path).text)
    assert "/suggestions/fresh/propose" in offered
    assert {browser.post_form(action, next=path).status_code for action in offered} == {303}


def test_a_car_that_went_to_another_dealer_leaves_the_day_readable(scene, visit, write, now) -> None:
    """What was done for it in the old shop stands in that shop's book; its page shows the others."""
    world = scene.world
    write(booking.finish, world.here.advisor, scene.agreed, now=now)
    write(overview.vehicles.change, world.admin, scene.vehicle_id, {"dealer_id": world.there.dealer_id})
    with reading(world.engine) as connection:
        done = booking.repository.appointment(connection, world.here.advisor, scene.agreed)
    page = visit(world.here.advisor, "en").get(f"/appointments?day={done.start.date()}")
    assert page.status_code == 200
