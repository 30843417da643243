"""What ingest's storage promises of messages: once each, in order, and what cannot be read set apart."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from ingest import devices
from ingest.errors import UnknownLetterError
from ingest.quarantine import Quarantine
from ingest.replay import replay
from ingest.sequence import Held
from ingest.storage import (
    history,
    inbox,
    refusals,
)
from ingest.storage.database import reading, transaction
from ingest.storage.events import events_of_vehicle, events_since
from ingest.validate import Accepted, Knowledge, judge
from vehicle.signals import SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.storage.telemetry import TelemetryStore

from tests.contracts.storage.given import (
    DEVICE,
    NOW,
    NOW_MS,
    SET,
    VEHICLE,
    all_letters,
    counts,
    expected,
    happening,
    receive,
    speeds,
    telemetry,
)


def test_the_same_message_is_stored_once(engine: sa.Engine, store: TelemetryStore) -> None:
    """In one transaction or in several, a duplicate is counted and held, and changes nothing."""
    outcome = receive(engine, telemetry(1), telemetry(1), telemetry(3))
    assert outcome.held == {(DEVICE, 1): Held(1, ((3, 3),))}
    assert receive(engine, telemetry(1)).held == {(DEVICE, 1): Held(1, ((3, 3),))}
    assert counts(engine) == {"duplicate": 2}
    assert speeds(store) == expected(1, 3)


def test_another_message_under_the_same_identity_is_a_conflict(engine: sa.Engine, store: TelemetryStore) -> None:
    """In one transaction or in several, the first one stays, the other is a letter and is told as refused."""
    for other in (telemetry(1, first=9), telemetry(1, first=10)):
        outcome = receive(engine, telemetry(1), other)
        assert [(one.sequence, one.reason) for one in outcome.rejected[DEVICE, 1]] == [(1, "conflict")]
    assert [letter.reason for letter in all_letters(engine)] == ["conflict", "conflict"]
    assert speeds(store) == expected(1)


def test_the_database_itself_keeps_an_identity_once(engine: sa.Engine, store: TelemetryStore, monkeypatch) -> None:
    """Were what is held ever read wrongly, the transaction fails as a whole, with the error of any statement."""
    receive(engine, telemetry(1))
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "held_of_many", lambda _, keys: dict.fromkeys(keys, Held()))
        with pytest.raises(sa.exc.IntegrityError):
            receive(engine, telemetry(2), telemetry(1))
    assert speeds(store) == expected(1)
    assert receive(engine, telemetry(2)).held == {(DEVICE, 1): Held(2)}
    assert speeds(store) == expected(1, 2)


def test_a_connection_that_is_cut_is_an_operational_error(engine: sa.Engine, store: TelemetryStore) -> None:
    """So that ingest waits and acknowledges nothing, whichever statement it was at; afterwards it goes on."""
    if engine.dialect.name != "postgresql":
        pytest.skip("a file is not connected to")
    knowledge = Knowledge(vehicles={DEVICE: VEHICLE}, signal_sets={SET.id: SET}, anchors={})
    verdict = judge(DEVICE, Kind.TELEMETRY, topic(DEVICE, Kind.TELEMETRY), telemetry(1), knowledge, NOW_MS)
    assert isinstance(verdict, Accepted)
    with pytest.raises(sa.exc.OperationalError), transaction(engine) as connection:
        mine = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        with transaction(engine) as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:mine, 10000)"), {"mine": mine})
        inbox.store_rows(connection, [verdict], NOW)
    receive(engine, telemetry(1))
    assert speeds(store) == expected(1)


def test_a_letter_is_kept_once_and_told_each_time(engine: sa.Engine) -> None:
    """When the acknowledgement of a refusal was lost, the same bad message comes again: told again, kept once."""
    bad = bytearray(telemetry(2))
    bad[2] = 9
    for _ in range(2):
        outcome = receive(engine, bytes(bad))
        assert outcome.held == {(DEVICE, 1): Held(0, ((2, 2),))}
        assert [one.reason for one in outcome.rejected[DEVICE, 1]] == ["unknown_version"]
    (letter,) = all_letters(engine)
    assert (letter.payload, letter.size, letter.device_id) == (bytes(bad), len(bad), DEVICE)


def test_quarantine_keeps_a_hundred_a_minute(engine: sa.Engine, store: TelemetryStore) -> None:
    """A broken device fills neither the disk nor the list; all is counted, and its good messages are stored."""
    quarantine = Quarantine()
    receive(engine, *[bytes([number]) * 30 for number in range(100)] * 2, telemetry(1), quarantine=quarantine)
    assert Counter(letter.reason for letter in all_letters(engine)) == {"envelope": 100, "rate": 1}
    assert counts(engine) == {"dead:envelope": 200, "dead_not_kept": 100}
    assert speeds(store) == expected(1)
    receive(engine, b"again", quarantine=quarantine, now=NOW + timedelta(minutes=1))
    assert len(all_letters(engine)) == 102


def test_a_set_that_stays_unknown_is_given_up_at_the_fifth_time(engine: sa.Engine) -> None:
    """Until then the batch is asked for and not held."""
    identity = (DEVICE, 1, 1)
    for tries in range(1, 5):
        outcome = receive(engine, telemetry(1), tries={identity: tries})
        assert outcome.need_sets == {(DEVICE, 1): {SET.id}}
        assert outcome.held == {(DEVICE, 1): Held()}
    outcome = receive(engine, telemetry(1), tries={identity: 5})
    assert outcome.held == {(DEVICE, 1): Held(1)}
    assert [letter.reason for letter in all_letters(engine)] == ["unknown_schema"]


def test_unreadable_text_is_kept_on_every_database(engine: sa.Engine) -> None:
    """NUL bytes, half characters and endless texts in what a device reports do not stop the transaction."""
    data = {"source": "csv:\x00", "place": "x" * 5000, "reason": "\N{PILE OF POO}", "text": "\x00" * 10}
    receive(engine, happening(1, "unreadable", **data), kind=Kind.EVENT)
    (letter,) = all_letters(engine)
    assert "\x00" not in letter.sentence
    assert len(letter.sentence) <= refusals.MAX_SENTENCE
    with reading(engine) as connection:
        assert events_since(connection, 0)[0].event.data == data


def test_events_keep_their_order_and_their_vehicle(engine: sa.Engine) -> None:
    """Events come by inbox id, each once, whatever telemetry lies between."""
    for sequence in range(1, 6):
        receive(engine, happening(2 * sequence, "mil", on=True, count=sequence), kind=Kind.EVENT)
        receive(engine, telemetry(2 * sequence + 1))
    with reading(engine) as connection:
        found = events_since(connection, 0, limit=3)
        found += events_since(connection, found[-1].inbox_id)
        assert [one.event.data["count"] for one in found] == [1, 2, 3, 4, 5]
        assert events_of_vehicle(connection, VEHICLE) == found
        assert events_of_vehicle(connection, "another") == []


def test_replay_stores_what_can_be_read_now(engine: sa.Engine, store: TelemetryStore) -> None:
    """A letter of a device that was enrolled too late is stored once; one that is still bad stays, with the reason."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        inbox.keep_sets(connection, [SET])
    receive(engine, telemetry(1), b"still bad", device=golf.device_id, vehicle=golf.vehicle_id)
    late = judge(
        golf.device_id,
        Kind.TELEMETRY,
        topic(golf.device_id, Kind.TELEMETRY),
        telemetry(2),
        Knowledge(vehicles={}, signal_sets={}, anchors={}),
        NOW_MS,
    )
    with transaction(engine) as connection:
        inbox.store(connection, [late, late], now=NOW, tries={}, quarantine=Quarantine())
    said = dict(replay(engine, store, None, now=NOW))
    assert next(iter(said.values())).startswith("stays: 9 bytes")
    assert list(said.values())[1:] == ["stored", "is held already"]
    assert store.read(device_id=golf.device_id)[SPEED].to_list() == expected(1, 2)
    assert [letter.reason for letter in all_letters(engine)] == ["envelope"]
    with pytest.raises(UnknownLetterError, match="99"):
        list(replay(engine, store, [99], now=NOW))


def test_replay_never_doubles_what_came_again_by_itself(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """The device sent it again after it was enrolled; replaying the letter weeks later finds it in history."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        inbox.keep_sets(connection, [SET])
    nobody = Knowledge(vehicles={}, signal_sets={}, anchors={})
    late = judge(golf.device_id, Kind.TELEMETRY, topic(golf.device_id, Kind.TELEMETRY), telemetry(1), nobody, NOW_MS)
    with transaction(engine) as connection:
        inbox.store(connection, [late], now=NOW, tries={}, quarantine=Quarantine())
    receive(engine, telemetry(1), device=golf.device_id, vehicle=golf.vehicle_id)
    history.write_run(engine, folder)
    history.prune(engine, now=NOW)
    history.prune(engine, now=NOW + timedelta(days=30))
    assert [said for _, said in replay(engine, store, None, now=NOW)] == ["is held already"]
    assert store.read(device_id=golf.device_id)[SPEED].to_list() == expected(1)


def test_replay_of_a_conflict_keeps_the_first(engine: sa.Engine, store: TelemetryStore) -> None:
    """A conflict stays a conflict, and so does a line that a source could not read."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        inbox.keep_sets(connection, [SET])
    mine = {"device": golf.device_id, "vehicle": golf.vehicle_id}
    receive(engine, telemetry(1), telemetry(1, first=7), **mine)
    receive(engine, happening(2, "unreadable", text="1;2"), kind=Kind.EVENT, **mine)
    said = [text for _, text in replay(engine, store, None, now=NOW)]
    assert said == [
        "stays: another message with its identity is held",
        "stays: it is a line that the device could not read, not a message",
    ]
    assert store.read(device_id=golf.device_id)[SPEED].to_list() == expected(1)
