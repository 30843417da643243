"""Which language a page is in: what was chosen, else the person's own, else what the browser asks for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.repository import user_by_id
from api.auth.service import LANGUAGES
from api.console.language import COOKIE, of_request
from ingest.storage.database import reading


def spoken(header: str = "", *, cookie: str | None = None, own: str | None = None) -> str:
    cookies = {} if cookie is None else {COOKIE: cookie}
    person = None if own is None else SimpleNamespace(language=own)
    return of_request(SimpleNamespace(cookies=cookies, headers={"Accept-Language": header}), person)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("ZH_cn", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.9", "zh"),
        ("fr-FR, zh;q=0.4, en;q=0.2", "zh"),
        ("fr, de", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=0", "en"),
        ("*", "en"),
        ("zha", "en"),
        ("zh;q=nonsense, en;q=0.1", "en"),
        ("zh;charset=x, en;q=0.5", "zh"),
    ],
)
def test_a_browser_is_answered_in_the_language_that_it_likes_best(header: str, expected: str) -> None:
    """Weights count, regions don't, and what we don't speak is passed over."""
    assert spoken(header) == expected


@given(st.text(max_size=40))
def test_no_header_is_too_strange(header: str) -> None:
    """Whatever a browser sends there is a language."""
    assert spoken(header) in LANGUAGES


def test_what_was_chosen_comes_first() -> None:
    """A choice beats the person's own language, that beats the browser's; a strange cookie is none."""
    assert spoken("en", cookie="zh", own="en") == "zh"
    assert spoken("en", own="zh") == "zh"
    assert spoken("zh", cookie="fr", own="en") == "en"
    assert spoken("zh", cookie="fr") == "zh"
    assert spoken("zh", own="fr") == "zh"


def test_a_stranger_chooses_a_language(stranger) -> None:
    """One click, kept in a cookie, and back on the same page."""
    assert "Sign in" in stranger.get("/sign-in").text
    answer = stranger.post_form("/language", language="zh", next="/sign-in?next=/vehicles")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/vehicles")
    assert '<html lang="zh-CN">' in stranger.get("/sign-in").text


def test_a_choice_is_kept_with_the_person(visit, world) -> None:
    """Also another browser, and the messages, speak the chosen language from then on."""
    advisor = world.here.advisor
    assert visit(advisor).post_form("/language", language="zh", next="/attention").status_code == 303
    assert '<html lang="zh-CN">' in visit(advisor).get("/attention", headers={"Accept-Language": "en"}).text


def test_another_site_cannot_change_a_persons_language(visit, world) -> None:
    """Without the form's token only the browser's cookie changes."""
    visit(world.here.advisor).post("/language", data={"language": "zh", "form_token": "wrong"})
    with reading(world.engine) as connection:
        row = user_by_id(connection, world.here.advisor.user_id)
    assert row is not None
    assert row["language"] == "en"


@pytest.mark.parametrize("language", ["", "fr", "<script>"])
def test_a_language_that_we_do_not_speak_changes_nothing(stranger, language: str) -> None:
    """The form comes back as it was."""
    answer = stranger.post_form("/language", language=language)
    assert (answer.status_code, answer.cookies.get(COOKIE)) == (303, None)


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "", "evil"])
def test_a_choice_never_leads_to_another_site(stranger, wanted: str) -> None:
    """What is to come next is a page of ours, or the first one."""
    answer = stranger.post_form("/language", language="zh", next=wanted)
    assert answer.headers["location"] == "/"


def test_a_page_that_answered_a_form_can_be_had_in_the_other_language(visit, scene) -> None:
    """The language's form on it leads to a page, not to the address that forms are sent to."""
    browser = visit(scene.world.here.owner)
    page = browser.post_form(f"/appointments/{scene.proposed}/move", start="nonsense")
    assert f'name="next" value="/appointments/{scene.proposed}/times"' in page.text
    page = browser.post_form(f"/appointments/{scene.agreed}/decline")
    assert page.status_code == 409
    assert 'name="next" value="/"' in page.text
