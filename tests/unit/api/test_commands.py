"""Adding and listing people from the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from api.auth import service as auth
from api.commands import user
from api.errors import DuplicateNameError, InvalidRequestError
from api.settings import ApiSettings
from api.vehicles.repository import list_vehicles
from ingest.devices import enrol
from ingest.errors import UnknownDeviceError
from ingest.storage.database import open_database, reading, transaction


@pytest.fixture(name="settings")
def _settings(tmp_path) -> ApiSettings:
    """An empty data folder."""
    return ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/fresh.db")


@pytest.fixture(name="run")
def _run(settings: ApiSettings):
    """Runs `roadworthy user …`; what it printed."""

    def call(*arguments: str, typed: str = "") -> str:
        result = CliRunner().invoke(user, arguments, obj={ApiSettings: settings}, input=typed)
        if result.exception is not None:
            raise result.exception
        return result.output

    return call


def sign_in(settings: ApiSettings, name: str, password: str):
    engine = open_database(settings.database_url)
    with transaction(engine) as connection:
        made = auth.sign_in(connection, name=name, password=password, now=datetime.now(UTC), idle_s=60)
    engine.dispose()
    return made.scope


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
