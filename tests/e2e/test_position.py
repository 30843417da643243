"""A truck's way from bus and receiver to its owner's word: nothing of where it is leaves before, nor after."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, sync_playwright

from api import tables
from api.auth.repository import user_by_name
from ingest import devices
from ingest.storage import campaigns
from ingest.storage.database import open_database, reading, transaction
from vehicle.signals import DEVICE_WAITING_MESSAGES, LATITUDE, LONGITUDE, SPEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FIX = b"$GNRMC,083559.00,A,3113.82600,N,12128.41400,E,0.004,77.5,230326,,,A*70\r\n"
BUS = "udp_multicast:239.74.163.4"


class Receiver:
    """A GNSS receiver on TCP that says the same place again and again; ``callers`` counts who asked."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.2)
        self.port = self._server.getsockname()[1]
        self.callers = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError, ConnectionError):
                caller, _ = self._server.accept()
                self.callers += 1
                with caller:
                    while not self._stop.wait(0.2):
                        caller.sendall(FIX)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._server.close()


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(name="page")
def _page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; `make test` installs it with apt")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page(viewport={"width": 390, "height": 844}, locale="en")
        browser.close()


def own(engine: sa.Engine) -> bool:
    """Makes the owner the vehicle's, once the desk has taken it into care."""
    with transaction(engine) as connection:
        row = user_by_name(connection, "ole")
        vehicle_id = devices.find(connection, "truck").vehicle_id
        mine = tables.vehicles.update().where(tables.vehicles.c.id == vehicle_id).values(owner_id=row["id"])
        return connection.execute(mine).rowcount == 1


def say(page: Page) -> None:
    """The owner presses the one button under "Position"."""
    page.locator("details:has(form[action$='/positions']) > summary").click()
    page.locator("form[action$='/positions'] button").click()
    page.wait_for_load_state()


def places(home) -> int:
    """How many positions have come in."""
    return sum(bool(row.get(LATITUDE)) for row in home.history("truck"))


def test_positions_need_the_owner_s_word(home, until, receiver, page, free_port) -> None:
    """Set on a phone. Without the word the receiver is not even called; other signals come all the while."""
    home.serve()
    home.enrol("truck")
    home.run_with(f"{PASSWORD}\n", "user", "add", "ole", "--role", "owner", "--password-stdin")
    engine = open_database(home.database_url)
    until(lambda: own(engine), what="the vehicle to be taken into care")
    config = home.folder / "truck.toml"
    config.write_text(f'gnss = "socket://127.0.0.1:{receiver.port}"\n' + config.read_text())
    bus = f"{BUS}:{free_port()}"
    home.start("simulate", "truck", "--can", bus)
    home.start("agent", "--config", "truck.toml", "--source", f"j1939:{bus}")

    def counted(path: str, count: int) -> bool:
        return sum(bool(row.get(path)) for row in home.history("truck")) >= count

    until(
        lambda: counted(SPEED, 5) and counted(DEVICE_WAITING_MESSAGES, 1), what="the truck's and the device's signals"
    )
    assert (places(home), receiver.callers) == (0, 0)
    page.goto(f"http://127.0.0.1:{home.console_port}/me")
    page.fill("#name", "ole")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    say(page)
    until(lambda: places(home) >= 3, what="positions")
    found = next(row for row in home.history("truck") if row.get(LATITUDE))
    assert (float(found[LATITUDE]), float(found[LONGITUDE])) == (31.230433, 121.473567)
    say(page)

    def taken_back() -> bool:
        with reading(engine) as connection:
            told = campaigns.config_of(connection, devices.find(connection, "truck").id)
        return told is not None and told.taken and not told.positions

    until(taken_back, what="the device to take the owner's no")
    speeds = sum(bool(row.get(SPEED)) for row in home.history("truck"))
    until(lambda: counted(SPEED, speeds + 8), what="what was on its way, and more of the drive")
    kept = places(home)
    until(lambda: counted(SPEED, speeds + 16), what="still more of the drive")
    assert places(home) == kept
    engine.dispose()
