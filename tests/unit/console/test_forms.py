"""Forms without JavaScript: what people do with them, who is kept from it, and what comes back when it does not fit."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from api.appointments import service as booking
from api.appointments.states import State
from api.web import COOKIE
from diagnostics import repository as diagnosis
from diagnostics import tables as diagnosed
from diagnostics.findings import SuggestionState
from ingest.devices import revoke
from ingest.storage.database import reading, transaction

NOTE = 'found "rust" & <b>water</b>'


def appointment(scene, appointment_id: str):
    with reading(scene.world.engine) as connection:
        return booking.repository.appointment(connection, scene.world.admin, appointment_id)


def suggestion(scene, suggestion_id: str):
    with reading(scene.world.engine) as connection:
        return diagnosis.suggestion(connection, suggestion_id)


def offered(page: str) -> list[str]:
    """Times that the page's buttons carry."""
    return re.findall(r'name="start" value="([^"]+)"', page)


def alert_of(page: str) -> str:
    """The sentence beside a form."""
    found = re.search(r'role="alert">([^<]*)<', page)
    return unescape(found[1]) if found else ""


def unchanged(scene) -> bool:
    """Whether nothing was done to the proposal nor to the advice."""
    return appointment(scene, scene.proposed).state is State.PROPOSED and suggestion(scene, "s1").state == "open"


FORMS = ["accept", "move", "decline", "cancel"]


@pytest.mark.parametrize("token", ["", "wrong", None])
def test_a_form_of_another_site_is_refused(visit, scene, token: str | None) -> None:
    """Without the token that stands in our pages nothing is changed, whichever form it is."""
    owner, advisor = visit(scene.world.here.owner), visit(scene.world.here.advisor)
    fields = {} if token is None else {"form_token": token}
    for move in FORMS:
        assert owner.post(f"/appointments/{scene.proposed}/{move}", data=fields).status_code == 403
    for path in (
        "/suggestions/s1/outcome", "/suggestions/s1/dismiss", "/suggestions/s3/propose", "/sign-out",
        f"/vehicles/{scene.vehicle_id}/read-codes", f"/appointments/{scene.agreed}/finish",
    ):  # fmt: skip
        page = advisor.post(path, data={"outcome": "confirmed", **fields})
        assert page.status_code == 403, path
        assert "reload the page and send it again" in page.text
    assert unchanged(scene)
    assert advisor.get("/attention").status_code == 200


def test_another_persons_token_is_as_good_as_none(visit, scene) -> None:
    """A token belongs to its session."""
    owner, other = visit(scene.world.here.owner), visit(scene.world.there.owner)
    sent = owner.post(f"/appointments/{scene.proposed}/accept", data={"form_token": other.form_token})
    assert sent.status_code == 403
    assert unchanged(scene)


def test_the_right_token_from_another_site_is_refused(visit, scene) -> None:
    """A browser that says where a form comes from is believed."""
    owner = visit(scene.world.here.owner)
    fields, headers = {"form_token": owner.form_token}, {"Sec-Fetch-Site": "cross-site"}
    assert owner.post(f"/appointments/{scene.proposed}/accept", data=fields, headers=headers).status_code == 403
    assert unchanged(scene)


def test_an_owner_accepts(visit, scene) -> None:
    """The button on the page sends what is needed, and leads back to the page that says so."""
    owner = visit(scene.world.here.owner, "zh")
    page = owner.get("/me").text
    assert f'action="/appointments/{scene.proposed}/accept"' in page
    assert owner.form_token in page
    answer = owner.post_form(f"/appointments/{scene.proposed}/accept", next="/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert appointment(scene, scene.proposed).state is State.ACCEPTED
    assert f'action="/appointments/{scene.proposed}/cancel"' in owner.get("/me").text


def test_an_owner_takes_one_of_the_other_times(visit, scene) -> None:
    """An alternative on the page is a button like the first."""
    owner = visit(scene.world.here.owner)
    before = appointment(scene, scene.proposed)
    start = offered(owner.get("/me").text)[0]
    assert datetime.fromisoformat(start) in before.alternatives
    assert owner.post_form(f"/appointments/{scene.proposed}/accept", start=start, next="/me").status_code == 303
    after = appointment(scene, scene.proposed)
    assert (after.state, after.start) == (State.ACCEPTED, datetime.fromisoformat(start))


def test_an_owner_chooses_any_free_time(visit, scene) -> None:
    """The page of times offers more than the first three, and the choice is agreed at once."""
    owner = visit(scene.world.here.owner)
    times = offered(owner.get(f"/appointments/{scene.proposed}/times").text)
    assert len(times) > 10
    answer = owner.post_form(f"/appointments/{scene.proposed}/move", start=times[-1], next="/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    after = appointment(scene, scene.proposed)
    assert (after.state, after.start) == (State.ACCEPTED, datetime.fromisoformat(times[-1]))


def test_an_owner_declines(visit, scene) -> None:
    """The time is free again, and the page does not ask a second time."""
    owner = visit(scene.world.here.owner)
    assert owner.post_form(f"/appointments/{scene.proposed}/decline").headers["location"] == "/me"
    assert appointment(scene, scene.proposed).state is State.DECLINED
    assert scene.proposed not in owner.get("/me").text


def test_an_advisor_does_the_same_and_ends_the_work(visit, scene) -> None:
    """At the desk: agreed, done, and back on the page of that day."""
    advisor = visit(scene.world.here.advisor)
    day = "/appointments?day=2026-03-02"
    assert advisor.post_form(f"/appointments/{scene.agreed}/finish", next=day).headers["location"] == day
    assert appointment(scene, scene.agreed).state is State.DONE
    assert advisor.post_form("/suggestions/s3/propose").headers["location"] == f"/vehicles/{scene.vehicle_id}"
    assert advisor.post_form("/suggestions/s3/dismiss").headers["location"] == f"/vehicles/{scene.vehicle_id}"
    assert suggestion(scene, "s3").state is SuggestionState.DISMISSED


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("move", ["move", "accept"])
@pytest.mark.parametrize(
    "start", ["nonsense", "2026-03-04T08:00:00", "2026-03-08T01:00:00+00:00", "2020-01-01T08:00+00:00"]
)
def test_a_time_that_cannot_be_had_brings_the_others(visit, scene, move: str, start: str, language: str) -> None:
    """A sentence beside the free times, in the reader's language; the proposal stays."""
    owner = visit(scene.world.here.owner, language)
    page = owner.post_form(f"/appointments/{scene.proposed}/{move}", start=start)
    assert page.status_code == 422
    assert bool(re.search(r"[\u4e00-\u9fff]", alert_of(page.text))) is (language == "zh")
    assert alert_of(page.text).endswith("。" if language == "zh" else ".")
    assert len(offered(page.text)) > 10
    assert unchanged(scene)


def test_a_time_that_was_taken_meanwhile_is_told_in_the_shops_time(visit, scene) -> None:
    """Somebody was quicker: the page says which time is gone, as it is written on pages, and offers others."""
    owner = visit(scene.world.here.owner, "en")
    gone = offered(owner.get(f"/appointments/{scene.proposed}/times").text)[5]
    start = datetime.fromisoformat(gone)
    with transaction(scene.world.engine) as connection:
        shop = appointment(scene, scene.proposed).dealer_id
        for bay in (1, 2):
            booking.repository.hold(
                connection, dealer_id=shop, bay=bay, start=start, minutes=120, appointment_id=scene.agreed
            )
    page = owner.post_form(f"/appointments/{scene.proposed}/move", start=gone)
    assert page.status_code == 409
    local = start.astimezone(UTC) + timedelta(hours=8)
    assert f"{local:%H:%M} was taken meanwhile; choose another time." in alert_of(page.text)
    assert gone not in offered(page.text)
    found = appointment(scene, scene.proposed)
    assert found.state is State.PROPOSED
    with reading(scene.world.engine) as connection:
        held = booking.repository.taken(connection, found.dealer_id, found.start)
    assert (found.bay, found.start) in held  # what was half done is undone: its own time is still kept


@pytest.mark.parametrize(("outcome", "note"), [("", NOTE), ("nonsense", NOTE), ("other_cause", NOTE * 200)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_outcome_that_does_not_fit_comes_back_as_it_was_typed(
    visit, scene, outcome: str, note: str, language: str
) -> None:
    """The reason beside the form, the note and the choice still in it, and nothing kept."""
    advisor = visit(scene.world.here.advisor, language)
    page = advisor.post_form("/suggestions/s1/outcome", outcome=outcome, note=note)
    assert page.status_code == 422
    assert bool(re.search(r"[\u4e00-\u9fff]", alert_of(page.text))) is (language == "zh")
    assert alert_of(page.text)
    typed = re.search(r'id="n-s1"[^>]*>([^<]*)<', page.text)
    assert typed is not None
    assert unescape(typed[1]) == note
    assert ('value="other_cause" selected' in page.text) is (outcome == "other_cause")
    assert re.findall(r'<details class="outcome" [^>]*?(\w*)>', page.text).count("open") == 1
    assert unchanged(scene)


def test_an_outcome_for_advice_that_ended_meanwhile_is_not_lost(visit, scene, write) -> None:
    """The form is gone with the advice; what was typed stands beside the reason."""
    write(lambda c: c.execute(diagnosed.suggestions.update().values(state="withdrawn")))
    page = visit(scene.world.here.advisor).post_form("/suggestions/s1/outcome", outcome="confirmed", note=NOTE)
    assert page.status_code == 409
    assert alert_of(page.text) == "The suggestion is withdrawn; record an outcome is not possible now."
    assert NOTE in unescape(page.text)


def test_an_outcome_is_kept(visit, scene) -> None:
    """What fits ends the advice."""
    advisor = visit(scene.world.here.advisor)
    answer = advisor.post_form("/suggestions/s1/outcome", outcome="no_trouble_found", note="n" * 4000)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/vehicles/{scene.vehicle_id}")
    assert suggestion(scene, "s1").state is SuggestionState.DONE


def test_codes_are_asked_for_without_javascript(visit, scene) -> None:
    """The form leads to the page on which the answer will be."""
    advisor = visit(scene.world.here.advisor)
    answer = advisor.post_form(f"/vehicles/{scene.vehicle_id}/read-codes")
    assert answer.status_code == 303
    page = advisor.get(answer.headers["location"].partition("#")[0])
    assert "Asking the device …" in page.text


@pytest.mark.parametrize(("headers", "status"), [({}, 409), ({"HX-Request": "true"}, 200)])
def test_a_car_without_a_device_cannot_be_asked(visit, scene, write, now, headers: dict[str, str], status: int) -> None:
    """The sentence stands where the answer would; htmx gets it with 200, since it shows nothing of an error."""
    write(lambda connection: revoke(connection, name="dongle", now=now))
    advisor = visit(scene.world.here.advisor, "zh")
    fields = {"form_token": advisor.form_token}
    page = advisor.post(f"/vehicles/{scene.vehicle_id}/read-codes", data=fields, headers=headers)
    assert page.status_code == status
    assert "此车没有安装设备，无法向它发出请求。" in page.text
    assert ("<html" in page.text) is (status == 409)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "The name or the password is wrong."), ("zh", "用户名或密码错误。")]
)
def test_a_wrong_password_keeps_the_name_and_the_way(stranger, world, language: str, words: str) -> None:
    """The form comes back with the reason, the name, and where one was going; the password is not sent back."""
    fields = {"name": "Here-Advisor", "password": "secret guess", "next": "/vehicles"}
    page = stranger.post("/sign-in", data=fields, headers={"Accept-Language": language})
    assert (page.status_code, alert_of(page.text)) == (401, words)
    assert 'name="name" value="Here-Advisor"' in page.text
    assert 'name="next" value="/vehicles"' in page.text
    assert "secret guess" not in page.text
    assert world.here.dealer_id not in page.text


def test_too_many_tries_say_how_long_to_wait(stranger, world) -> None:
    """The eleventh try within a minute is told when to come again, like programs are."""
    assert world
    pages = [stranger.post("/sign-in", data={"name": "x", "password": "y"}) for _ in range(11)]
    assert pages[-1].status_code == 429
    assert re.fullmatch(r"Too many tries; try again in \d+ s\.", alert_of(pages[-1].text))


def test_signing_in_leads_where_one_was_going(stranger, world, password) -> None:
    """A page that needs a person leads to the form, the form to the page; out again ends the session."""
    assert world
    answer = stranger.get("/vehicles")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/vehicles")
    assert 'value="/vehicles"' in stranger.get(answer.headers["location"]).text
    answer = stranger.post("/sign-in", data={"name": "here-advisor", "password": password, "next": "/vehicles"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/vehicles")
    page = stranger.get("/vehicles")
    (token, *_) = re.findall(r'name="form_token" value="([^"]+)"', page.text)
    assert stranger.get("/sign-in").headers["location"] == "/attention"
    assert stranger.post("/sign-out", data={"form_token": token}).headers["location"] == "/sign-in"
    assert COOKIE not in stranger.cookies
    assert stranger.get("/vehicles").status_code == 303


@pytest.mark.parametrize(
    "wanted", ["/appointments?day=2026-03-04", "/attention?severity=soon", "/vehicles/here-car?command=a%2Fb&x=1%262"]
)
def test_signing_in_leads_to_the_very_page(stranger, world, password, wanted: str) -> None:
    """What a page was asked for goes along, through the form and through another language."""
    assert world
    entrance = stranger.get(wanted).headers["location"]
    form = stranger.get(entrance).text
    fields = [unescape(one) for one in re.findall(r'name="next" value="([^"]*)"', form)]
    assert fields == [entrance, wanted]
    stranger.post("/language", data={"language": "zh", "next": fields[0]})
    answer = stranger.post("/sign-in", data={"name": "here-advisor", "password": password, "next": fields[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)


def test_the_shops_people_have_another_page_than_owners(scene, visit) -> None:
    """Who keeps all cars is not shown them as if they were their own, nor messages to others."""
    world = scene.world
    for person in (world.here.advisor, world.admin):
        answer = visit(person).get("/me")
        assert (answer.status_code, answer.headers["location"]) == (303, "/attention")
    assert visit(world.here.owner).get("/me").status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_another_site_cannot_sign_anybody_in(stranger, world, password, headers: dict[str, str]) -> None:
    """Nobody is brought to work under a name that somebody else chose for them."""
    assert world
    fields = {"name": "here-advisor", "password": password}
    assert stranger.post("/sign-in", data=fields, headers=headers).status_code == 403
    assert COOKIE not in stranger.cookies
    assert stranger.post("/sign-in", data=fields, headers={"Origin": "http://127.0.0.1:8420"}).status_code == 303


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example"])
def test_signing_in_never_leads_to_another_site(stranger, world, password, wanted: str) -> None:
    """A link that somebody else made brings one to a page of ours."""
    assert world
    answer = stranger.post("/sign-in", data={"name": "here-owner", "password": password, "next": wanted})
    assert answer.status_code == 303
    assert not re.match(r"https?:|//|/\\|/\s", answer.headers["location"])


def test_a_measurement_is_entered_on_the_cars_page(visit, scene) -> None:
    """The advisor's number, with a comma too, is kept and shown; what is no number comes back with the reason."""
    advisor = visit(scene.world.here.advisor)
    car = f"/vehicles/{scene.world.here.vehicle_id}"
    assert "What the workshop measured" in advisor.get(car).text
    assert advisor.post_form(f"{car}/measure", name="tread_mm", value="4,5").status_code in {200, 303}
    assert "4.5" in advisor.get(car).text
    refused = advisor.post_form(f"{car}/measure", name="tread_mm", value="much")
    assert refused.status_code == 422
    assert "not a number" in alert_of(refused.text)
    with reading(scene.world.engine) as connection:
        assert [row[:2] for row in diagnosis.measurements_of(connection, scene.world.here.vehicle_id)] == [
            ("tread_mm", 4.5)
        ]


def test_what_a_car_is_can_be_changed_on_its_page(visit, scene) -> None:
    """Model and powertrain reach the diagnosis; a powertrain that does not exist is refused and changes nothing."""
    advisor, car = visit(scene.world.here.advisor), f"/vehicles/{scene.world.here.vehicle_id}"
    fields = {"plate": "沪A·9", "model": "Golf"}
    refused = advisor.post_form(f"{car}/identity", **fields, powertrain="steam")
    assert refused.status_code == 422
    assert "Choose the powertrain" in refused.text
    assert advisor.post_form(f"{car}/identity", **fields, powertrain="diesel").status_code in {200, 303}
    page = advisor.get(car).text
    assert 'value="diesel" selected' in page
    assert "沪A·9" in page
    with reading(scene.world.engine) as connection:
        assert diagnosis.kind_of(connection, scene.world.here.vehicle_id) == ("Golf", "diesel")


def test_another_cause_is_named_by_its_component(visit, scene) -> None:
    """The component that the advisor chose counts for the ranking of causes, and the quality page shows it."""
    advisor = visit(scene.world.here.advisor)
    advisor.post_form("/suggestions/s1/outcome", outcome="other_cause", component="evap", note="")
    assert suggestion(scene, "s1").state == SuggestionState.DONE
    with reading(scene.world.engine) as connection:
        causes = connection.execute(sa.select(diagnosed.outcomes.c.cause)).scalars().all()
    assert "evap_other" in causes
    page = advisor.get("/quality").text
    assert "another fault of Fuel tank vapours" in page


def test_a_job_of_the_booklet_is_told_on_the_cars_page(visit, scene, now) -> None:
    """A job with its day is kept; a day to come, one that is none, and a job that does not exist are refused."""
    advisor, car = visit(scene.world.here.advisor), f"/vehicles/{scene.world.here.vehicle_id}"
    assert "/maintenance" in advisor.get(car).text
    assert advisor.get(f"{car}/maintenance").status_code == 200
    today = f"{now:%Y-%m-%d}"
    assert advisor.post_form(f"{car}/maintenance", item="brake_fluid", day=today).status_code in {200, 303}
    for item, day in (("brake_fluid", "2126-01-01"), ("brake_fluid", "soon"), ("wings", "")):
        assert advisor.post_form(f"{car}/maintenance", item=item, day=day).status_code == 422
    with reading(scene.world.engine) as connection:
        kept = connection.execute(sa.select(diagnosed.maintenance.c.item)).scalars().all()
    assert kept == ["brake_fluid"]
