"""People and dealers from the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from api import tables
from api.auth import service as auth
from api.commands import dealer, user
from api.dealers.repository import find, list_dealers
from api.errors import (
    DeskError,
    DuplicateNameError,
    InvalidRequestError,
    NameOfDisabledError,
    NotFoundError,
    NotSignedInError,
    WrongCredentialsError,
)
from api.settings import ApiSettings
from api.vehicles.repository import list_vehicles
from ingest.devices import enrol
from ingest.errors import UnknownDeviceError
from ingest.storage.database import open_database, reading, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer import Typer


@pytest.fixture(name="settings")
def _settings(tmp_path) -> ApiSettings:
    """An empty data folder."""
    return ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/fresh.db")


@pytest.fixture(name="run")
def _run(settings: ApiSettings):
    """Runs `roadworthy user …`, or another group of commands; what it printed."""

    def call(*arguments: str, typed: str = "", group: Typer = user) -> str:
        result = CliRunner().invoke(group, arguments, obj={ApiSettings: settings}, input=typed)
        if result.exception is not None:
            raise result.exception
        return result.output

    return call


def open_session(settings: ApiSettings, name: str, password: str) -> auth.SignedIn:
    engine = open_database(settings.database_url)
    made = auth.sign_in(engine, name=name, password=password, now=datetime.now(UTC), idle_s=60)
    engine.dispose()
    return made


def sign_in(settings: ApiSettings, name: str, password: str):
    return open_session(settings, name, password).scope


@pytest.fixture(name="ann")
def _ann(run, settings) -> Callable[[], None]:
    """Ann, an advisor with a session and a token; calling it tells whether the two have ended."""
    run("add", "ann", "--role", "advisor", "--password-stdin", typed="the first password\n")
    session = open_session(settings, "ann", "the first password")
    engine = open_database(settings.database_url)
    with transaction(engine) as connection:
        _, token, _ = auth.make_token(connection, session.scope, label="x", now=datetime.now(UTC))

    def has_ended() -> None:
        for who, secret in ((auth.by_session, session.secret), (auth.by_token, token)):
            with reading(engine) as connection, pytest.raises(NotSignedInError):
                who(connection, secret, now=datetime.now(UTC))
        with reading(engine) as connection:
            assert connection.execute(sa.select(tables.sessions)).all() == []
            assert connection.execute(sa.select(tables.tokens)).all() == []
        engine.dispose()

    return has_ended


def test_a_random_password_is_printed_once_and_works(run, settings) -> None:
    """The first person can be added to an empty folder, and signs in with what was printed."""
    printed = run("add", "ann", "--role", "advisor")
    password = printed.split("password: ")[1].strip()
    assert len(password) >= 16
    scope = sign_in(settings, "ann", password)
    assert (scope.role, scope.dealer_id is not None) == ("advisor", True)
    assert password not in run("list")
    assert "ann" in run("list")


def test_a_password_can_be_handed_in(run, settings) -> None:
    """With --password-stdin nothing is printed of it."""
    printed = run("add", "bob", "--role", "admin", "--password-stdin", typed="a long enough secret\n")
    assert "a long enough secret" not in printed
    assert sign_in(settings, "bob", "a long enough secret").role == "admin"


def test_an_owner_gets_the_vehicles_of_named_devices(run, settings) -> None:
    """The owner sees the car of the device at once, in the language that was chosen."""
    run("list")  # makes the tables
    engine = open_database(settings.database_url)
    with transaction(engine) as connection:
        vehicle_id = enrol(connection, name="dongle", now=datetime.now(UTC)).vehicle_id
    printed = run("add", "cem", "--role", "owner", "--language", "zh", "--vehicle", "dongle")
    scope = sign_in(settings, "cem", printed.split("password: ")[1].strip())
    with reading(engine) as connection:
        assert [one.id for one in list_vehicles(connection, scope)] == [vehicle_id]
    engine.dispose()
    assert scope.language == "zh"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("add", "x", "--role", "king"), InvalidRequestError),
        (("add", "x", "--role", "advisor", "--dealer", "nowhere"), InvalidRequestError),
        (("add", "x", "--role", "owner", "--language", "fr"), InvalidRequestError),
        (("add", "x", "--role", "owner", "--vehicle", "nothing"), UnknownDeviceError),
    ],
)
def test_a_mistake_is_a_sentence_and_adds_nobody(run, arguments: tuple[str, ...], error: type[Exception]) -> None:
    """Unknown role, dealer, language or device: told, and nothing is half done."""
    with pytest.raises(error):
        run(*arguments)
    run("add", "x", "--role", "owner")


@pytest.mark.parametrize("url", ["mailto://", "nonsense://ann:hidden@host", "hidden", "json://a, json://b"])
def test_a_channel_that_cannot_be_used_is_told_at_once(run, url: str) -> None:
    """Not when the first message is due; and without what may be secret in the URL."""
    with pytest.raises(InvalidRequestError, match="channel") as caught:
        run("add", "x", "--role", "owner", "--channel", "json://127.0.0.1/", "--channel", url)
    assert "hidden" not in str(caught.value)
    run("add", "x", "--role", "owner", "--channel", "json://127.0.0.1/")


def test_a_name_can_be_given_once(run) -> None:
    """The second person of a name is refused."""
    run("add", "ann", "--role", "owner")
    with pytest.raises(DuplicateNameError):
        run("add", "Ann", "--role", "owner")


def test_a_disabled_person_is_out_at_once(run, settings, ann) -> None:
    """Nobody signs in with that name any more, sessions and tokens have ended, and the list says since when."""
    assert "ann" in run("disable", "Ann")
    ann()
    with pytest.raises(WrongCredentialsError):
        sign_in(settings, "ann", "the first password")
    assert str(datetime.now(UTC).year) in run("list")
    run("disable", "ann")


def test_the_name_of_a_disabled_person_stays_theirs(run, ann) -> None:
    """Adding another person of that name ends in a sentence, and so does a password for them."""
    run("disable", "ann")
    with pytest.raises(NameOfDisabledError, match=r"'ann'.*disabled"):
        run("add", "ANN", "--role", "owner")
    with pytest.raises(InvalidRequestError, match="disabled"):
        run("password", "ann")
    ann()


def test_a_forgotten_password_is_replaced(run, settings, ann) -> None:
    """The new one is printed once, the old one opens nothing, and who was signed in is so no more."""
    password = run("password", "Ann").split("password: ")[1].strip()
    ann()
    with pytest.raises(WrongCredentialsError):
        sign_in(settings, "ann", "the first password")
    assert sign_in(settings, "ann", password).name == "ann"


@pytest.mark.usefixtures("ann")
def test_a_new_password_can_be_handed_in(run, settings) -> None:
    """With --password-stdin nothing is printed of it; a short one changes nothing."""
    with pytest.raises(InvalidRequestError, match="at least 10"):
        run("password", "ann", "--password-stdin", typed="short\n")
    assert sign_in(settings, "ann", "the first password").name == "ann"
    assert "second" not in run("password", "ann", "--password-stdin", typed="the second password\n")
    assert sign_in(settings, "ann", "the second password").name == "ann"


@pytest.mark.parametrize("command", ["disable", "password"])
def test_nobody_of_that_name_is_told(run, command: str) -> None:
    """A mistyped name is a sentence."""
    with pytest.raises(NotFoundError, match="person 'nobody'"):
        run(command, "nobody")


def test_a_second_dealer_can_be_added_and_staffed(run, settings) -> None:
    """It stands in the list after the first, with its own time zone, and people can belong to it."""
    printed = run("add", "West shop", "--name-zh", "西店", "--time-zone", "Asia/Urumqi", "--bays", "5", group=dealer)
    assert "--dealer 'West shop'" in printed
    listed = run("list", group=dealer)
    assert listed.index("Main dealer") < listed.index("西店")
    assert "Asia/Urumqi" in listed
    run("add", "mei", "--role", "manager", "--dealer", "西店", "--password-stdin", typed="a long enough secret\n")
    with reading(open_database(settings.database_url)) as connection:
        made = find(connection, "West shop")
        assert (made.opening.bays, made.opening.hours) == (5, list_dealers(connection)[0].opening.hours)
    assert sign_in(settings, "mei", "a long enough secret").dealer_id == made.id
    assert "West shop" in run("list")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("West", "--time-zone", "Mars/Olympus"), InvalidRequestError),
        (("West", "--bays", "0"), InvalidRequestError),
        ((" ",), InvalidRequestError),
        (("x" * 129,), InvalidRequestError),
        (("Main  dealer",), DuplicateNameError),
        (("West", "--name-zh", "主店"), DuplicateNameError),
    ],
)
def test_a_dealer_that_does_not_fit_is_not_added(run, arguments: tuple[str, ...], error: type[DeskError]) -> None:
    """Unknown time zone, no bay, no name or one that is taken: told, and nothing is added."""
    before = run("list", group=dealer)
    with pytest.raises(error):
        run("add", *arguments, group=dealer)
    assert run("list", group=dealer) == before
