"""Which requests come from pages of ours."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from api.origin import is_foreign

HOST = "127.0.0.1:8420"
PUBLIC = "https://desk.example"


@pytest.mark.parametrize(
    ("host", "origin", "public_url", "foreign"),
    [
        (HOST, "http://127.0.0.1:8420", "", False),
        (HOST, "http://127.0.0.1:9999", "", True),
        (HOST, "https://evil.example", "", True),
        (HOST, "null", "", True),
        (HOST, "", "", True),
        (HOST, "http://[", "", True),
        (HOST, "http://127.0.0.1:port", "", True),
        (HOST, "https://127.0.0.1:8420.evil.example", "", True),
        # A proxy that hands the Host on, with and without a port in it.
        ("desk.example", "https://desk.example", "", False),
        ("desk.example:443", "https://DESK.example", "", False),
        ("desk.example:8443", "https://desk.example:8443", "", False),
        ("desk.example:8443", "https://desk.example", "", True),
        # One that puts its own in its place.
        (HOST, "https://desk.example", PUBLIC, False),
        (HOST, "https://desk.example:443", f"{PUBLIC}/cars/", False),
        (HOST, "https://desk.example", "", True),
        (HOST, "http://desk.example", PUBLIC, True),
        (HOST, "https://evil.example", PUBLIC, True),
        ("", "https://evil.example", "", True),
    ],
)
def test_origin_is_compared_with_host_and_public_url(host: str, origin: str, public_url: str, foreign: bool) -> None:
    """A page is ours at the address that was asked for, and at the one that settings name; any other is foreign."""
    assert is_foreign(Headers({"Host": host, "Origin": origin}), public_url) is foreign


@pytest.mark.parametrize(
    ("site", "foreign"), [("same-origin", False), ("none", False), ("same-site", True), ("cross-site", True)]
)
def test_the_browsers_own_word_counts_most(site: str, foreign: bool) -> None:
    """Sec-Fetch-Site survives every proxy, so Origin is not looked at beside it."""
    for origin in ("http://127.0.0.1:8420", "https://evil.example"):
        headers = Headers({"Host": HOST, "Origin": origin, "Sec-Fetch-Site": site})
        assert is_foreign(headers, "") is foreign


def test_a_program_is_no_browser() -> None:
    """Who sends neither header cannot have been brought here by a page."""
    assert not is_foreign(Headers({"Host": HOST}), "")
    assert not is_foreign(Headers({"Host": HOST, "Sec-Fetch-Site": ""}), "")
