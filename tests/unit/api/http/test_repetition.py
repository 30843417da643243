"""The REST interface: a request that is made again, with its key or page by page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from api import tables
from api.problems import BASE
from ingest.devices import enrol
from tests.unit.api.http.given import V1, propose

if TYPE_CHECKING:
    import sqlalchemy as sa


def test_pages_follow_one_another_without_gap_or_repeat(client, world, token, write) -> None:
    """A client that follows next_cursor or Link sees each vehicle once, also when some are added meanwhile."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def add(connection: sa.Connection, first: int, last: int, at: datetime) -> None:
        rows = [
            {"id": f"car{number:02}", "dealer_id": world.here.dealer_id, "created_at": at}
            for number in range(first, last)
        ]  # fmt: skip
        connection.execute(tables.vehicles.insert(), rows)

    write(add, 0, 25, moment)  # all at one instant: the id decides
    headers, seen, path = token(world.here.advisor), [], f"{V1}/vehicles?limit=7"
    while path:
        answer = client.get(path, headers=headers)
        body = answer.json()
        seen += [one["id"] for one in body["items"]]
        if len(seen) == 7:
            write(add, 25, 30, moment)
        if body["next_cursor"] is None:
            assert "Link" not in answer.headers
            break
        assert body["next_cursor"] in answer.headers["Link"]
        path = answer.headers["Link"].split(">")[0].lstrip("<")
    assert seen == [*(f"car{number:02}" for number in range(30)), "here-car"]


@pytest.mark.parametrize("path", ["vehicles", "suggestions", "appointments"])
def test_lists_show_only_ones_own(client, world, token, path: str) -> None:
    """The other dealer's people see their own cars and nothing of ours."""
    propose(world)
    ours = client.get(f"{V1}/{path}", headers=token(world.here.advisor)).json()["items"]
    theirs = client.get(f"{V1}/{path}", headers=token(world.there.advisor)).json()["items"]
    everything = client.get(f"{V1}/{path}", headers=token(world.admin)).json()["items"]
    assert {one["id"] for one in ours} & {one["id"] for one in theirs} == set()
    assert len(everything) == len(ours) + len(theirs)
    assert ours


def test_a_repeated_post_is_answered_as_the_first_time(client, world, token) -> None:
    """The same key and body: the same answer, marked as replayed, and one effect."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    first, second = (client.post(path, json={}, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert client.post(path, json={}, headers=token(world.here.owner)).status_code == 409


def test_a_key_with_another_body_is_refused(client, world, token) -> None:
    """A key belongs to one request."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    assert client.post(path, json={}, headers=headers).status_code == 200
    answer = client.post(path, json={"start": "2026-03-04T08:00:00Z"}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, f"{BASE}key-reused")


def test_a_key_is_ones_own(client, world, token) -> None:
    """The same key of another person is another request, and shows nothing of the first."""
    appointment_id = propose(world)
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    key = {"Idempotency-Key": "k1"}
    assert client.post(path, json={}, headers=token(world.here.owner, **key)).status_code == 200
    assert client.post(path, json={}, headers=token(world.there.owner, **key)).status_code == 404


def test_an_ended_token_gets_no_kept_answer(client, world, token, write) -> None:
    """What was answered before is not told to who may not ask any more."""
    appointment_id = propose(world)
    headers = token(world.here.owner, **{"Idempotency-Key": "k1"})
    path = f"{V1}/appointments/{appointment_id}/acceptance"
    assert client.post(path, json={}, headers=headers).status_code == 200
    write(lambda connection: connection.execute(tables.tokens.delete()))
    assert client.post(path, json={}, headers=headers).status_code == 401


def test_a_refused_request_may_be_tried_again_with_its_key(client, world, token, write) -> None:
    """Only what had an effect is kept: a key of a refused request is free."""
    path, headers = f"{V1}/vehicles/{world.here.vehicle_id}/commands", token(world.here.advisor)
    headers["Idempotency-Key"] = "k1"
    assert client.post(path, json={"name": "read_vin"}, headers=headers).status_code == 409
    write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    assert client.post(path, json={"name": "read_vin"}, headers=headers).status_code == 202


def test_fifty_at_once_with_one_key_have_one_effect(client, world, token, write) -> None:
    """Of parallel repetitions one works, and all that are answered get its answer."""
    write(enrol, name="dongle", now=datetime.now(UTC), vehicle_id=world.here.vehicle_id)
    headers = token(world.here.advisor, **{"Idempotency-Key": "storm"})
    path = f"{V1}/vehicles/{world.here.vehicle_id}/commands"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(path, json={"name": "read_dtcs"}, headers=headers), range(50)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers if answer.status_code == 202) == 1
