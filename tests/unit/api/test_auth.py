"""Signing in, tokens, scopes and adding people."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
import sqlalchemy as sa

from api import tables
from api.auth import repository, service
from api.auth.scope import Role, Scope
from api.auth.throttle import PER_ACCOUNT, PER_ADDRESS, Throttle
from api.errors import (
    DuplicateNameError,
    InvalidRequestError,
    NotSignedInError,
    TooManyTriesError,
    WrongCredentialsError,
)
from ingest.storage.database import reading

IDLE_S = 1800


def test_the_right_password_opens_a_session(world, write, now, password) -> None:
    """Who signs in is known by the session's secret, whatever the case of the name."""
    made = service.sign_in(world.engine, name=" HERE-Advisor ", password=password, now=now, idle_s=IDLE_S)
    found = write(service.by_session, made.secret, now=now)
    assert (found.user_id, found.role, found.dealer_id) == (
        world.here.advisor.user_id, Role.ADVISOR, world.here.dealer_id,
    )  # fmt: skip
    assert found.form_token


@pytest.mark.parametrize(("name", "secret"), [("here-advisor", "wrong password"), ("nobody", "wrong password")])
def test_wrong_name_and_wrong_password_are_told_alike(world, now, name: str, secret: str) -> None:
    """The refusal does not tell whether the person exists."""
    assert world.here.advisor.name == "here-advisor"
    with pytest.raises(WrongCredentialsError) as caught:
        service.sign_in(world.engine, name=name, password=secret, now=now, idle_s=IDLE_S)
    assert str(caught.value) == "the name or the password is wrong"


def test_a_disabled_person_cannot_sign_in_nor_go_on(world, write, now, password) -> None:
    """Disabling ends sessions and tokens at once."""
    made = service.sign_in(world.engine, name="here-advisor", password=password, now=now, idle_s=IDLE_S)
    _, token, _ = write(service.make_token, world.here.advisor, label="x", now=now)
    mine = tables.users.c.id == world.here.advisor.user_id
    write(lambda connection: connection.execute(tables.users.update().where(mine).values(disabled_at=now)))
    with pytest.raises(NotSignedInError):
        write(service.by_session, made.secret, now=now)
    with pytest.raises(NotSignedInError):
        write(service.by_token, token, now=now)
    with pytest.raises(WrongCredentialsError):
        service.sign_in(world.engine, name="here-advisor", password=password, now=now, idle_s=IDLE_S)


def test_an_idle_session_ends(world, write, now, password) -> None:
    """Half an hour without a request ends it; a request in between keeps it."""
    secret = service.sign_in(world.engine, name="here-advisor", password=password, now=now, idle_s=IDLE_S).secret
    later = now + timedelta(minutes=20)
    assert write(service.needs_prolonging, secret, now=later)
    write(service.prolong, secret, now=later, idle_s=IDLE_S)
    write(service.by_session, secret, now=now + timedelta(minutes=40))
    with pytest.raises(NotSignedInError):
        write(service.by_session, secret, now=later + timedelta(seconds=IDLE_S))


def test_signing_out_ends_the_session(world, write, now, password) -> None:
    """The cookie of a session that was left is worth nothing."""
    secret = service.sign_in(world.engine, name="here-owner", password=password, now=now, idle_s=IDLE_S).secret
    write(service.sign_out, secret)
    with pytest.raises(NotSignedInError):
        write(service.by_session, secret, now=now)


def test_each_sign_in_has_a_secret_of_its_own(world, now, password) -> None:
    """A session is never taken over from before signing in."""
    secrets = {
        service.sign_in(world.engine, name="here-owner", password=password, now=now, idle_s=IDLE_S).secret
        for _ in range(2)
    }
    assert len(secrets) == 2


def test_a_token_ends_and_can_be_taken_back(world, write, now) -> None:
    """A token works for ninety days, unless its person deletes it; nobody else can."""
    token_id, token, ends_at = write(service.make_token, world.here.advisor, label="till", now=now)
    assert write(service.by_token, token, now=now).form_token is None
    with pytest.raises(NotSignedInError):
        write(service.by_token, token, now=ends_at)
    assert not write(repository.delete_token, world.there.advisor.user_id, token_id)
    assert write(repository.delete_token, world.here.advisor.user_id, token_id)
    with pytest.raises(NotSignedInError):
        write(service.by_token, token, now=now)


def test_no_secret_is_stored(world, write, engine, now, password) -> None:
    """Neither passwords nor session secrets nor tokens can be read from the database."""
    made = service.sign_in(world.engine, name="here-advisor", password=password, now=now, idle_s=IDLE_S)
    _, token, _ = write(service.make_token, world.here.advisor, label="till", now=now)
    with reading(engine) as connection:
        rows = [
            str(row) for table in (tables.users, tables.sessions, tables.tokens)
            for row in connection.execute(sa.select(table))
        ]  # fmt: skip
    assert rows
    assert not [row for row in rows if password in row or made.secret in row or token in row]
    assert any("$argon2id$" in row for row in rows)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "too short"},
        {"language": "fr"},
        {"name": "  "},
        {"role": Role.ADVISOR, "dealer_id": None},
    ],
)
def test_people_who_do_not_fit_are_refused(world, write, now, password, wrong) -> None:
    """A short password, an unknown language, no name, or staff without a dealer."""
    asked = {"name": "new", "role": Role.OWNER, "password": password, "now": now, "dealer_id": world.here.dealer_id}
    with pytest.raises(InvalidRequestError):
        write(service.create_user, **asked | wrong)


def test_a_name_is_taken_once(world, write, now, password) -> None:
    """Names are compared without case."""
    del world
    with pytest.raises(DuplicateNameError):
        write(service.create_user, name="HERE-owner", role=Role.OWNER, password=password, now=now)


def test_a_person_without_dealer_sees_nothing(world, write) -> None:
    """Staff whose dealer is missing see no vehicle at all, instead of all."""
    lost = Scope(user_id="x", name="x", role=Role.MANAGER, dealer_id=None)
    query = sa.select(sa.func.count()).select_from(tables.vehicles)
    assert write(lambda connection: connection.execute(query.where(lost.visible())).scalar()) == 0
    assert write(lambda connection: connection.execute(query.where(world.admin.visible())).scalar()) == 2


def test_tries_are_limited_by_account() -> None:
    """The eleventh try within a minute is refused with the time to wait, another account is not."""
    throttle = Throttle()
    for _ in range(PER_ACCOUNT):
        throttle.check(account="ann", address="a", now_s=100.0)
    with pytest.raises(TooManyTriesError) as caught:
        throttle.check(account=" ANN ", address="b", now_s=130.0)
    assert caught.value.retry_after_s == 30
    throttle.check(account="bob", address="a", now_s=130.0)
    throttle.check(account="ann", address="a", now_s=160.5)


def test_who_knows_the_password_is_not_counted() -> None:
    """Signing in often is no guessing; failures count in between all the same."""
    throttle = Throttle()
    for count in range(PER_ADDRESS + 1):
        with throttle.trying(account="ann", address="a", now_s=float(count) / PER_ADDRESS):
            pass
    for _ in range(PER_ACCOUNT):
        with pytest.raises(WrongCredentialsError), throttle.trying(account="ann", address="a", now_s=2.0):
            raise WrongCredentialsError
    with pytest.raises(TooManyTriesError), throttle.trying(account="ann", address="a", now_s=3.0):
        pytest.fail("the eleventh try was let through")


def test_tries_are_limited_by_address() -> None:
    """Guessing many accounts from one address is slowed down too."""
    throttle = Throttle()
    for count in range(PER_ADDRESS):
        throttle.check(account=f"user{count}", address="a", now_s=1.0)
    with pytest.raises(TooManyTriesError):
        throttle.check(account="another", address="a", now_s=2.0)


def test_parallel_tries_are_all_counted() -> None:
    """Of many tries at once no more than the share gets through."""
    throttle, passed = Throttle(), []

    def guess() -> None:
        for _ in range(50):
            try:
                throttle.check(account="ann", address="a", now_s=1.0)
            except TooManyTriesError:
                continue
            passed.append(1)

    threads = [Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == PER_ACCOUNT
