"""What ingest's storage promises of captures, of what devices are told, and of requests to them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from ingest import devices
from ingest.storage import (
    campaigns,
    commands,
    inbox,
    letters,
    tables,
)
from ingest.storage.database import reading, transaction
from ingest.storage.events import events_since
from tests.contracts.storage.given import DEVICE, NOW, VEHICLE, all_letters, counts, happening, receive
from vehicle.campaign import Campaign, CapturePart, Config, Refused, Rows
from vehicle.errors import Reason
from vehicle.signals import SPEED
from vehicle.topics import Kind

if TYPE_CHECKING:
    import sqlalchemy as sa

OLD = NOW - timedelta(days=1)
PART_OF_OLD = CapturePart(campaign="oldest", version=1, capture="0" * 16, part=1, parts=1, begin_ms=0, end_ms=1)


def capture_part(sequence: int, number: int, **changes: object) -> bytes:
    """A part of a capture of two."""
    made = CapturePart(
        campaign="fast", version=2, capture="0123456789abcdef", part=number, parts=2, begin_ms=-10, end_ms=10,
        fired={SPEED: 81.5}, rows=Rows(at_ms=[number], columns={SPEED: [number]}),
    )  # fmt: skip
    return happening(sequence, "campaign", **msgspec.to_builtins(made) | changes)


def test_a_capture_is_put_together_once(engine: sa.Engine) -> None:
    """Parts come in any order and more than once; the capture holds each once, in order, and no event its rows."""
    for payload in (capture_part(2, 2), capture_part(1, 1), capture_part(2, 2), capture_part(7, 1)):
        receive(engine, payload, kind=Kind.EVENT)
    with reading(engine) as connection:
        (found,) = campaigns.captures_where(connection)
        held = campaigns.contents(connection, found.id)
        events = events_since(connection, 0)
        assert campaigns.trigger_counts(connection, "fast") == {DEVICE: 1}
    assert (found.campaign_id, found.version, found.vehicle_id, found.fired) == ("fast", 2, VEHICLE, {SPEED: 81.5})
    assert found.triggered_at == NOW
    assert [rows.at_ms for rows, _ in held] == [[1], [2]]
    assert [event.event.data.get("rows") for event in events] == [None] * 3
    assert counts(engine)["duplicate"] == 1


def test_two_workers_have_parts_of_one_capture(engine: sa.Engine) -> None:
    """Both parts are kept, whoever comes first; nobody stumbles over the other."""
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for sequence in range(1, 11):
                capture = f"{sequence:016x}"
                receive(engine, capture_part(2 * sequence + number, number + 1, capture=capture), kind=Kind.EVENT)
        except Exception as error:  # noqa: BLE001  told by the test itself
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    with reading(engine) as connection:
        found = campaigns.captures_where(connection)
        assert [len(campaigns.contents(connection, one.id)) for one in found] == [2] * 10


def test_captures_are_forgotten_with_history(engine: sa.Engine) -> None:
    """What is older than the days that are kept goes, with its parts; what is not stays."""
    receive(engine, capture_part(1, 1), capture_part(2, 1, capture="f" * 16), kind=Kind.EVENT)
    receive(engine, happening(3, "campaign", **msgspec.to_builtins(PART_OF_OLD)), kind=Kind.EVENT)
    with transaction(engine) as connection:
        connection.execute(
            tables.captures.update().where(tables.captures.c.campaign_id == "oldest").values(triggered_at=OLD)
        )
        assert campaigns.forget_before(connection, NOW) == 1
        left = campaigns.captures_where(connection)
        assert [len(campaigns.contents(connection, one.id)) for one in left] == [1, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"part": 3}, Reason.DECODE),
        ({"rows": {"at_ms": [1, 2], "columns": {SPEED: [1]}}}, Reason.DECODE),
        ({"begin_ms": -(1 << 40)}, Reason.RANGE),
        ({"fired": {"no path": 1.0}}, Reason.UNKNOWN_SCHEMA),
    ],
)
def test_a_capture_that_does_not_hold_together_is_set_apart(engine: sa.Engine, change, reason: Reason) -> None:
    """It becomes a dead letter with its reason, and is acknowledged as rejected."""
    outcome = receive(engine, capture_part(1, 1, **change), kind=Kind.EVENT)
    assert [one.reason for one in outcome.rejected[DEVICE, 1]] == [reason]
    assert [letter.reason for letter in all_letters(engine)] == [reason]
    with reading(engine) as connection:
        assert campaigns.captures_where(connection) == []


CHASE = Campaign(id="fast", version=1, name="fast", condition="always", until_ms=1, signals={SPEED: 1000}, after_s=1)


def told(engine: sa.Engine) -> campaigns.DeviceConfig:
    with reading(engine) as connection:
        found = campaigns.config_of(connection, DEVICE)
    assert found is not None
    return found


def test_what_a_device_is_told_and_says_it_has(engine: sa.Engine) -> None:
    """Told once, sent once, acknowledged; told again what changed; sent again to a device that forgot."""
    with transaction(engine) as connection:
        assert campaigns.tell(connection, DEVICE, [CHASE])
        assert not campaigns.tell(connection, DEVICE, [CHASE])
        assert not campaigns.tell(connection, "another", [])
        (waiting,) = campaigns.unsent(connection)
        assert waiting.message == Config(version=1, campaigns=[CHASE])
        campaigns.mark_sent(connection, waiting, NOW)
        assert campaigns.unsent(connection) == []
        campaigns.note_taken(connection, DEVICE, 1, [Refused(campaign="fast", version=1, reason="no\x00pe")], NOW)
        assert campaigns.busy_devices(connection) == {DEVICE}
    assert (told(engine).taken, told(engine).reason("fast"), told(engine).reason("x")) == (True, "nope", None)
    with transaction(engine) as connection:
        campaigns.note_taken(connection, DEVICE, 0, [], NOW)
        assert [one.version for one in campaigns.unsent(connection)] == [1]
        assert campaigns.tell(connection, DEVICE, [])
        campaigns.mark_sent(connection, waiting, NOW)
        assert [one.version for one in campaigns.unsent(connection)] == [2]
        assert campaigns.busy_devices(connection) == set()
    assert not told(engine).taken


def test_a_device_that_knows_more_than_the_database_is_told_anew(engine: sa.Engine) -> None:
    """After a restored backup the server goes above the version that the device has."""
    with transaction(engine) as connection:
        campaigns.note_taken(connection, DEVICE, 0, [], NOW)
        assert campaigns.config_of(connection, DEVICE) is None
        campaigns.note_taken(connection, DEVICE, 9, [], NOW)
        assert [one.message for one in campaigns.unsent(connection)] == [Config(version=10)]
        campaigns.tell(connection, DEVICE, [CHASE])
        campaigns.note_taken(connection, DEVICE, 20, [], NOW)
        assert [one.message for one in campaigns.unsent(connection)] == [Config(version=21, campaigns=[CHASE])]


def test_what_a_device_let_go_of_stays_so(engine: sa.Engine) -> None:
    """Whatever it is told or says later; only a campaign that it is told anew is not let go of any more."""
    other = msgspec.structs.replace(CHASE, id="other")
    with transaction(engine) as connection:
        campaigns.tell(connection, DEVICE, [CHASE, other])
        assert campaigns.drops_of(connection, CHASE.id) == {}
        campaigns.tell(connection, DEVICE, [other])
        campaigns.note_taken(connection, DEVICE, 1, [], NOW)
        assert campaigns.drops_of(connection, CHASE.id) == {DEVICE: False}
        campaigns.note_taken(connection, DEVICE, 2, [], NOW)
        campaigns.tell(connection, DEVICE, [])
        campaigns.note_taken(connection, DEVICE, 0, [], NOW)
        assert campaigns.drops_of(connection, CHASE.id) == {DEVICE: True}
        assert campaigns.drops_of(connection, "other") == {DEVICE: False}
        campaigns.tell(connection, DEVICE, [CHASE])
        assert campaigns.drops_of(connection, CHASE.id) == {}


def test_a_version_that_was_never_told_lets_nothing_go(engine: sa.Engine) -> None:
    """What a device has from before a backup was restored is not known; what it takes after that counts."""
    with transaction(engine) as connection:
        campaigns.tell(connection, DEVICE, [CHASE])
        campaigns.tell(connection, DEVICE, [])
        for _ in range(2):
            campaigns.note_taken(connection, DEVICE, 20, [], NOW)
            assert campaigns.drops_of(connection, CHASE.id) == {DEVICE: False}
        campaigns.note_taken(connection, DEVICE, 21, [], NOW)
        assert campaigns.drops_of(connection, CHASE.id) == {DEVICE: True}


def test_old_letters_go_first(engine: sa.Engine) -> None:
    """A bound on letters is per device, and the nameless have their own."""
    receive(engine, *[bytes([number]) * 30 for number in range(10)])
    receive(engine, b"other" * 9, device="fedcba9876543210")
    with transaction(engine) as connection:
        assert letters.forget_beyond(connection, DEVICE, keep=3) == 7
        assert letters.forget_beyond(connection, DEVICE, keep=3) == 0
        assert letters.forget_beyond(connection, None, keep=1) == 0
    assert [letter.payload[:1] for letter in all_letters(engine)] == [b"\x07", b"\x08", b"\x09", b"o"]


def test_presence_is_forgotten_and_told_anew(engine: sa.Engine) -> None:
    """Nobody is there until they say so again; when a device was last seen stays, and rises with what it stores."""
    with transaction(engine) as connection:
        golf, polo = (devices.enrol(connection, name=name, now=NOW) for name in ("golf", "polo"))
        for made in (golf, polo):
            inbox.set_presence(connection, made.device_id, online=True, now=NOW)
        inbox.forget_presence(connection)
        inbox.set_presence(connection, polo.device_id, online=True, now=NOW)
        later = NOW + timedelta(minutes=1)
        inbox.note_seen(connection, {golf.device_id}, later)
        inbox.note_seen(connection, {golf.device_id, polo.device_id}, NOW)
    with reading(engine) as connection:
        found = {one.name: (one.online, one.seen_at) for one in devices.list_devices(connection)}
    assert found == {"golf": (False, later), "polo": (True, NOW)}


def test_listen_only_stays_until_the_device_says_otherwise(engine: sa.Engine) -> None:
    """It is one device's, outlives presence, is told by vehicle without revoked devices, and goes when it is said."""
    with transaction(engine) as connection:
        golf, polo = (devices.enrol(connection, name=name, now=NOW) for name in ("golf", "polo"))
        assert not devices.find(connection, "golf").listen_only
        inbox.note_listen_only(connection, golf.device_id, listen_only=True)
        inbox.set_presence(connection, golf.device_id, online=False, now=NOW)
        inbox.forget_presence(connection)
    with transaction(engine) as connection:
        assert {one.name: one.listen_only for one in devices.list_devices(connection)} == {"golf": True, "polo": False}
        assert devices.listening_only(connection) == {golf.vehicle_id}
        inbox.note_listen_only(connection, golf.device_id, listen_only=False)
        inbox.note_listen_only(connection, polo.device_id, listen_only=True)
        assert not devices.find(connection, "golf").listen_only
        assert devices.listening_only(connection) == {polo.vehicle_id}
        devices.revoke(connection, name="polo", now=NOW)
        assert devices.listening_only(connection) == set()


def test_the_life_of_a_request(engine: sa.Engine) -> None:
    """Requested, sent, progress, done; an answer by another device or after the end changes nothing."""
    later = NOW + timedelta(minutes=1)
    with transaction(engine) as connection:
        number = commands.request_command(
            connection, device_id=DEVICE, name="read_vin", arguments={"a": [1]}, requested_by="ann", now=NOW,
            expires_at=later,
        )  # fmt: skip
        (waiting,) = commands.requested(connection, NOW)
        assert (waiting.id, waiting.arguments, waiting.ended) == (number, {"a": [1]}, False)
        assert commands.requested(connection, later) == []
        commands.mark_sent(connection, number, NOW)
        assert commands.requested(connection, NOW) == []

        def answer(device: str, status: str) -> bool:
            return commands.record_reply(
                connection,
                command_id=number,
                device_id=device,
                status=status,
                result={"vin": "x"},
                reason="\x00no",
                now=NOW,
            )

        assert not answer("somebody-else", "done")
        assert answer(DEVICE, "progress")
        assert answer(DEVICE, "a status of the future")
        assert commands.read_command(connection, number).status == "progress"
        assert answer(DEVICE, "done")
        assert not answer(DEVICE, "failed")
        assert commands.expire(connection, later + timedelta(days=1)) == 0
        found = commands.read_command(connection, number)
        assert (found.status, found.result, found.ended, found.answered_at) == ("done", {"vin": "x"}, True, NOW)
        assert commands.read_command(connection, "unknown") is None


def test_a_request_without_an_answer_expires(engine: sa.Engine) -> None:
    """The desk is told after the time it gave, not before."""
    with transaction(engine) as connection:
        number = commands.request_command(
            connection, device_id=DEVICE, name="read_vin", arguments={}, requested_by="ann", now=NOW, expires_at=NOW
        )
        assert not commands.any_overdue(connection, NOW)
        assert commands.any_overdue(connection, NOW + timedelta(seconds=1))
        assert commands.expire(connection, NOW + timedelta(seconds=1)) == 1
        assert commands.read_command(connection, number).status == "expired"
