"""Sending what is due: once, in the owner's language, again after a failure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from api import tables
from api.appointments import proposer, repository
from api.appointments import service as booking
from api.reminders import repository as outbox
from api.reminders import service
from api.reminders.channels import FILE, ChannelError, Channels
from api.reminders.due import TRIES, Kind
from api.reminders.texts import Message
from api.settings import ApiSettings
from api.vehicles import service as garage
from ingest.storage.database import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE_URL = "http://127.0.0.1:8420"


@pytest.fixture(name="now")
def _now() -> datetime:
    """Seven in the morning, more than a day before the first time that will be offered."""
    return datetime(2026, 3, 1, 23, 0, tzinfo=UTC)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Where the file channel writes."""
    return tmp_path / "outbox"


@pytest.fixture(name="appointment")
def _appointment(world, now) -> repository.Appointment:
    """A proposal for the car of the first shop, for the next morning."""
    world.suggest()
    (appointment_id,) = proposer.work(world.engine, now=now)
    with reading(world.engine) as connection:
        return repository.appointment(connection, world.admin, appointment_id)


def send(world, folder: Path, now) -> int:
    return service.send_due(world.engine, Channels(folder), now=now, base_url=BASE_URL)


def kept(world) -> dict[str, outbox.Reminder]:
    with reading(world.engine) as connection:
        return {one.kind: one for one in outbox.list_reminders(connection, world.admin)}


def mine(world, scope) -> dict[str, str]:
    """Kind and state of the messages that a person can list."""
    with reading(world.engine) as connection:
        return {one.kind: one.state for one in outbox.list_reminders(connection, scope)}


def test_the_owner_is_told_at_once_and_a_day_before(world, appointment, folder: Path, now) -> None:
    """One message at the proposal and one 24 hours before, each once however often the worker looks."""
    assert [send(world, folder, now) for _ in range(3)] == [1, 0, 0]
    before = appointment.start - timedelta(hours=24)
    assert send(world, folder, before - timedelta(seconds=1)) == 0
    assert [send(world, folder, before) for _ in range(2)] == [1, 0]
    assert len(list(folder.glob("*.txt"))) == 2
    assert {one.state for one in kept(world).values()} == {outbox.SENT}


@pytest.mark.parametrize(("answered", "words"), [(True, "提醒："), (False, "仍在等待您的答复：")])
def test_what_is_not_agreed_is_not_told_as_agreed(
    world, appointment, folder: Path, now, write, answered: bool, words: str
) -> None:
    """A day before, an owner who has answered is reminded; one who has not is asked once more."""
    send(world, folder, now)
    if answered:
        write(booking.accept, world.here.owner, appointment.id, start=None, now=now)
    send(world, folder, appointment.start - timedelta(hours=24))
    subject = kept(world)[Kind.DAY_BEFORE].subject
    assert subject is not None
    assert subject.startswith(words)


def test_an_answer_overtakes_the_question(world, appointment, folder: Path, now, write) -> None:
    """A proposal that could not be told before it was accepted is not told after."""
    write(booking.accept, world.here.owner, appointment.id, start=None, now=now)
    assert send(world, folder, now) == 0
    assert kept(world)[Kind.PROPOSED].state == outbox.DROPPED
    assert send(world, folder, appointment.start - timedelta(hours=24)) == 1


def test_the_file_is_written_in_the_owners_language(world, appointment, folder: Path, now) -> None:
    """A Chinese owner reads Chinese: what, where, when and where to answer."""
    send(world, folder, now)
    (path,) = folder.glob("*.txt")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("沪A·here：更换节温器")
    assert "节温器常开。" in text
    assert "here店" in text
    assert f"{BASE_URL}/me" in text
    assert path.stem == kept(world)[Kind.PROPOSED].id
    assert appointment.vehicle_id not in text


def give(write, world, owner_id: str | None, now) -> None:
    """Gives the car of the first shop to somebody, as an advisor would."""
    write(garage.change, world.here.advisor, world.here.vehicle_id, {"owner_id": owner_id}, now)


def test_an_owner_who_comes_later_is_told(world, folder: Path, now, write) -> None:
    """A proposal for a car that is nobody's waits, and reaches the owner once there is one; in their language."""
    give(write, world, None, now)
    world.suggest()
    proposer.work(world.engine, now=now)
    assert send(world, folder, now) == 0
    give(write, world, world.there.owner.user_id, now)
    assert [send(world, folder, now) for _ in range(2)] == [1, 0]
    found = kept(world)[Kind.PROPOSED]
    assert (found.state, found.user_id) == (outbox.SENT, world.there.owner.user_id)
    assert str(found.subject).startswith("沪A·here：更换节温器")


def test_a_message_goes_to_whose_the_car_is_by_then(world, appointment, folder: Path, now, write) -> None:
    """After a change of owner, what waits is the new one's; what was told before stays the other's to read."""
    send(world, folder, now)
    give(write, world, world.there.owner.user_id, now)
    assert mine(world, world.there.owner) == {Kind.DAY_BEFORE: outbox.WAITING}
    assert mine(world, world.here.owner) == {}  # not their car any more
    send(world, folder, appointment.start - timedelta(hours=24))
    to = {one.kind: one.user_id for one in kept(world).values()}
    assert to == {Kind.PROPOSED: world.here.owner.user_id, Kind.DAY_BEFORE: world.there.owner.user_id}
    assert mine(world, world.there.owner) == {Kind.DAY_BEFORE: outbox.SENT}


def test_the_owner_is_looked_up_when_a_message_is_sent(world, appointment, folder: Path, now, write) -> None:
    """Also where the owner was changed past the desk, nobody reads what is not theirs."""
    assert appointment
    car = tables.vehicles.c.id == world.here.vehicle_id
    values = {"owner_id": world.there.owner.user_id}
    write(lambda connection: connection.execute(tables.vehicles.update().where(car).values(values)))
    assert send(world, folder, now) == 1
    assert kept(world)[Kind.PROPOSED].user_id == world.there.owner.user_id


def test_what_was_given_up_is_tried_with_the_next_owner(world, appointment, folder: Path, now, write) -> None:
    """A message that reached nobody is told to the one whose car it is now; one that has ended is not."""
    given_up = {"state": outbox.GIVEN_UP, "tries": TRIES, "problem": "refused"}
    write(lambda connection: connection.execute(tables.reminders.update().values(given_up)))
    give(write, world, world.there.owner.user_id, now)
    assert send(world, folder, now) == 2
    write(lambda connection: connection.execute(tables.reminders.update().values(given_up)))
    write(booking.decline, world.there.owner, appointment.id, now=now)
    give(write, world, world.here.owner.user_id, now)
    assert {one.state for one in kept(world).values()} == {outbox.GIVEN_UP}


def test_a_disabled_owner_is_told_nothing(world, appointment, folder: Path, now, write) -> None:
    """Messages wait for the next owner."""
    assert appointment
    mine = tables.users.c.id == world.here.owner.user_id
    write(lambda connection: connection.execute(tables.users.update().where(mine).values(disabled_at=now)))
    assert send(world, folder, now) == 0
    assert kept(world)[Kind.PROPOSED].state == outbox.WAITING


def test_what_was_sent_can_be_looked_up(world, appointment, folder: Path, now) -> None:
    """Words and time of a message are kept; another dealer's people do not see them."""
    send(world, folder, now)
    found = kept(world)[Kind.PROPOSED]
    assert (found.appointment_id, found.sent_at, found.state) == (appointment.id, now, outbox.SENT)
    assert found.subject
    with reading(world.engine) as connection:
        assert outbox.list_reminders(connection, world.there.advisor) == []
        assert len(outbox.list_reminders(connection, world.here.owner)) == 2


def test_a_killed_worker_sends_again_under_the_same_name(world, appointment, folder: Path, now) -> None:
    """A kill between sending and noting it leaves one file, not two."""
    assert appointment
    send(world, folder, now)
    with world.engine.begin() as connection:
        sent = tables.reminders.update().where(tables.reminders.c.state == outbox.SENT)
        connection.execute(sent.values(state=outbox.WAITING))
    assert send(world, folder, now) == 1
    assert len(list(folder.glob("*.txt"))) == 1


def test_a_channel_that_fails_is_tried_again_and_given_up(world, appointment, folder: Path, now, write) -> None:
    """Failures are noted with their problem, tried at growing distances, and end."""
    assert appointment
    reach(write, world, "json://127.0.0.1:9/")
    tries = 0
    moment = now
    while (found := kept(world)[Kind.PROPOSED]).state == outbox.WAITING:
        assert send(world, folder, moment - timedelta(seconds=1)) == 0
        send(world, folder, moment)
        tries += 1
        again = kept(world)[Kind.PROPOSED]
        assert again.tries == tries
        assert again.problem
        assert again.due_at > found.due_at or again.state == outbox.GIVEN_UP
        moment = again.due_at
        with world.engine.begin() as connection:  # only this message is looked at
            late = tables.reminders.c.kind == str(Kind.DAY_BEFORE)
            connection.execute(tables.reminders.update().where(late).values(state=outbox.DROPPED))
    assert tries == TRIES


class Service(BaseHTTPRequestHandler):
    """A messaging service; `down` is a path that it does not serve."""

    def do_POST(self) -> None:
        """Takes a message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken[self.path] += 1  # type: ignore[attr-defined]  # our own server
        self.send_response(503 if self.path in self.server.down else 200)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(name="messages")
def _messages() -> Iterator[ThreadingHTTPServer]:
    """A messaging service on this machine that counts by path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.taken, server.down = Counter(), set()  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, name="messages")
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def reach(write, world, *urls: str) -> None:
    """The first shop's owner is told by these URLs."""
    mine = tables.users.c.id == world.here.owner.user_id
    write(lambda connection: connection.execute(tables.users.update().where(mine).values(channels=list(urls))))


def test_each_channel_gets_a_message_once(world, appointment, folder: Path, now, write, messages) -> None:
    """Where one of two channels fails, only that one is tried again."""
    assert appointment
    port = messages.server_port
    reach(write, world, *(f"json://127.0.0.1:{port}/{name}" for name in ("good", "bad", "good")))
    messages.down.add("/bad")
    assert send(world, folder, now) == 0
    found = kept(world)[Kind.PROPOSED]
    assert (found.state, found.tries, found.problem) == (
        outbox.WAITING,
        1,
        "the channel json://… did not take the message",
    )
    assert found.sent_at == now  # somebody has been told
    messages.down.clear()
    later = found.due_at
    assert [send(world, folder, later) for _ in range(2)] == [1, 0]
    assert messages.taken == {"/good": 1, "/bad": 2}
    found = kept(world)[Kind.PROPOSED]
    assert (found.state, found.sent_at, found.problem) == (outbox.SENT, now, None)


def test_a_message_that_one_channel_took_counts_as_sent(world, appointment, folder: Path, now, write, messages) -> None:
    """When the other channel is given up, or the appointment ends, the owner has been told nevertheless."""
    assert appointment
    port = messages.server_port
    reach(write, world, f"json://127.0.0.1:{port}/good", "json://127.0.0.1:9/")
    send(world, folder, now)
    late = {"tries": TRIES - 1, "due_at": now}
    write(lambda connection: connection.execute(tables.reminders.update().values(late)))
    send(world, folder, now)
    found = kept(world)[Kind.PROPOSED]
    assert (found.state, found.tries) == (outbox.SENT, TRIES)
    assert found.problem == "the channel json://… did not take the message"
    assert mine(world, world.here.owner)[Kind.PROPOSED] == outbox.SENT


def test_what_one_channel_took_is_not_the_next_owners(world, appointment, folder: Path, now, write, messages) -> None:
    """A message of which the last owner was told in part is theirs, and not told to another."""
    assert appointment
    reach(write, world, f"json://127.0.0.1:{messages.server_port}/good", "json://127.0.0.1:9/")
    send(world, folder, now)
    give(write, world, world.there.owner.user_id, now)
    found = kept(world)[Kind.PROPOSED]
    assert (found.state, found.user_id) == (outbox.SENT, world.here.owner.user_id)
    assert mine(world, world.there.owner) == {Kind.DAY_BEFORE: outbox.WAITING}


def test_a_channel_that_is_no_address_is_told(folder: Path) -> None:
    """A URL that apprise does not know is a failure with a sentence, without the URL's secrets."""
    with pytest.raises(ChannelError, match="nonsense://…") as caught:
        Channels(folder).send(Message("a", "b"), message_id="m", url="nonsense://user:secret@host")
    assert "secret" not in str(caught.value)


def test_each_outbox_has_its_own_folder(tmp_path: Path) -> None:
    """Two desks in one process do not write into each other's folder."""
    for name in ("one", "two"):
        Channels(tmp_path / name).send(Message(name, "body"), message_id="m", url=FILE)
    assert [(tmp_path / name / "m.txt").read_text() for name in ("one", "two")] == ["one\n\nbody\n", "two\n\nbody\n"]


def test_a_message_stands_once_for_its_occasion(world, appointment, now) -> None:
    """The database itself refuses a second message of the kind for the same time."""
    assert appointment
    with reading(world.engine) as connection:
        row = dict(connection.execute(sa.select(tables.reminders)).mappings().first() or {})
    with pytest.raises(sa.exc.IntegrityError), world.engine.begin() as connection:
        connection.execute(tables.reminders.insert().values(row | {"id": "another"}))
    assert now


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "http://127.0.0.1:8420"),
        ({"public_url": "https://workshop.example/cars/"}, "https://workshop.example/cars"),
    ],
)
def test_links_start_with_the_address_that_people_reach(tmp_path, changes: dict[str, str], expected: str) -> None:
    """Behind a proxy, the address that the program listens on would lead nobody anywhere."""
    assert ApiSettings(data_dir=tmp_path, database_url="", **changes).base_url == expected


def test_an_address_that_is_none_is_refused(tmp_path) -> None:
    """A link made of it would lead nowhere, and be noticed by owners only."""
    with pytest.raises(ValueError, match=r"public_url.*https://workshop\.example"):
        ApiSettings(data_dir=tmp_path, database_url="", public_url="workshop.example")
