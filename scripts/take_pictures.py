"""Takes pictures of every page, phone and desktop, both languages, from a running service into docs/pictures.

    roadworthy demo                                                       # in one terminal
    python scripts/take_pictures.py http://127.0.0.1:8420 PASSWORD        # in another

The password is the one that the demo printed. Needs Debian's chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
QUIET_MS = 900


def take(url: str, password: str) -> None:
    """All pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for size in SIZES:
            for language in ("en", "zh"):
                _round(browser, url, password, size, language)
        browser.close()


def _round(browser: Browser, url: str, password: str, size: str, language: str) -> None:
    width, height = SIZES[size]
    for who, pages in (("advisor", _advisor_pages), ("owner", _owner_pages)):
        context = browser.new_context(viewport={"width": width, "height": height}, locale=language)
        context.add_cookies([{"name": "roadworthy_language", "value": language, "url": url}])
        page = context.new_page()
        page.goto(f"{url}/sign-in")
        if who == "advisor":
            _shoot(page, "sign-in", size, language)
        page.fill("#name", who)
        page.fill("#password", password)
        page.click("main button")
        for name, path in pages(page, url):
            page.goto(url + path)
            _shoot(page, name, size, language)
        context.close()


def _advisor_pages(page: Page, url: str) -> list[tuple[str, str]]:
    page.goto(f"{url}/attention")
    worst = page.locator(".concern a[href^='/vehicles/']").first.get_attribute("href") or "/vehicles"
    page.goto(f"{url}/appointments")
    times = page.locator("a[href$='/times']").first.get_attribute("href") or "/appointments"
    return [
        ("attention", "/attention"), ("vehicle", worst), ("appointments", "/appointments"), ("times", times),
        ("vehicles", "/vehicles"), ("campaigns", "/campaigns"), ("quality", "/quality"), ("error", "/vehicles/none"),
    ]  # fmt: skip


def _owner_pages(page: Page, url: str) -> list[tuple[str, str]]:
    del page, url
    return [("owner", "/me")]


def _shoot(page: Page, name: str, size: str, language: str) -> None:
    # The live stream never ends, so "network idle" never comes: wait for what the page draws.
    page.wait_for_load_state("load")
    page.wait_for_timeout(QUIET_MS)
    path = FOLDER / f"{name}-{size}-{language}.png"
    page.screenshot(path=path, full_page=False)
    print(path.name)


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  program, address, password
        sys.exit(__doc__)
    take(sys.argv[1].rstrip("/"), sys.argv[2])
