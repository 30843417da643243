"""What ingest's storage promises, on every database it runs on.

SQLite always; PostgreSQL where it is installed, or where ``ROADWORTHY_TEST_POSTGRES`` names a server.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import duckdb
import msgspec
import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingest import devices
from ingest.errors import DeviceNameError, StoreError, UnknownDeviceError, UnknownLetterError
from ingest.passwords import password_matches
from ingest.quarantine import Quarantine
from ingest.replay import replay
from ingest.sequence import Held
from ingest.storage import (
    campaigns,
    commands,
    cursors,
    frames,
    history,
    inbox,
    letters,
    parquet,
    progress,
    refusals,
    tables,
)
from ingest.storage import telemetry as telemetry_store
from ingest.storage.database import UtcDateTime, migrate, open_database, reading, transaction
from ingest.storage.events import events_of_vehicle, events_since
from ingest.storage.retired import KEPT, remove_retired
from ingest.storage.telemetry import TelemetryStore
from ingest.validate import Accepted, Knowledge, judge
from vehicle import wire
from vehicle.batch import Batch, Event, TimeQuality
from vehicle.campaign import Campaign, CapturePart, Config, Refused, Rows
from vehicle.errors import Reason
from vehicle.signal_set import SignalEntry, SignalSet
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 24 * 3600 * 1000
SET = SignalSet.of([SPEED, COOLANT_TEMPERATURE])
OTHER_SET = SignalSet.of([ENGINE_SPEED, SPEED])
DEVICE, VEHICLE = "0123456789abcdef", "a-car"


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it happens."""


@pytest.fixture(name="engine", params=["sqlite", "postgresql"])
def _engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty, migrated database."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'roadworthy.db'}"
    engine = open_database(url)
    migrate(engine, "ingest")
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


@pytest.fixture(name="store")
def _store(engine: sa.Engine, tmp_path: Path) -> TelemetryStore:
    """A telemetry store on that database."""
    return TelemetryStore(engine, tmp_path / "history")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Its history folder."""
    folder = tmp_path / "history"
    folder.mkdir()
    return folder


def telemetry(
    sequence: int, *, rows: int = 3, start_ms: int | None = None, signal_set: SignalSet = SET, first: int = 0
) -> bytes:
    """Rows whose first signal tells which they are."""
    begin = NOW_MS + 10_000 * sequence if start_ms is None else start_ms
    batch = Batch(
        boot_id=1, quality=TimeQuality.RECORDED, monotonic_ms=0, signal_set_id=signal_set.id,
        times_ms=tuple(begin + 1000 * row for row in range(rows)),
        columns=(tuple((first + sequence * 3 + row) % 250 for row in range(rows)), (None,) * rows),
    )  # fmt: skip
    return wire.encode_telemetry(epoch=1, sequence=sequence, lane=wire.Lane.LIVE, batch=batch)


def happening(sequence: int, kind: str, **data: object) -> bytes:
    event = Event(kind=kind, time_ms=NOW_MS, quality=TimeQuality.RECORDED, boot_id=1, monotonic_ms=0, data=data)
    return wire.encode_event(epoch=1, sequence=sequence, event=event)


def receive(
    engine: sa.Engine, *payloads: bytes, device: str = DEVICE, vehicle: str = VEHICLE, kind: Kind = Kind.TELEMETRY,
    now: datetime = NOW, tries: dict[tuple[str, int, int], int] | None = None, quarantine: Quarantine | None = None,
    sets: Sequence[SignalSet] = (SET, OTHER_SET),
) -> inbox.Outcome:  # fmt: skip
    """Judges payloads and stores the verdicts in one transaction, as ingest does."""
    known = {one.id: one for one in sets}
    knowledge = Knowledge(vehicles={device: vehicle}, signal_sets=known if tries is None else {}, anchors={})
    now_ms = int(now.timestamp() * 1000) + 2 * DAY_MS
    verdicts = [judge(device, kind, topic(device, kind), payload, knowledge, now_ms) for payload in payloads]
    with transaction(engine) as connection:
        return inbox.store(connection, verdicts, now=now, tries=tries or {}, quarantine=quarantine or Quarantine())


def counts(engine: sa.Engine, device: str = DEVICE) -> dict[str, int]:
    with reading(engine) as connection:
        return devices.counts_of(connection, device)


def all_letters(engine: sa.Engine) -> list[letters.DeadLetter]:
    with reading(engine) as connection:
        return letters.list_letters(connection, limit=10_000)[::-1]


def speeds(store: TelemetryStore) -> list[float]:
    return store.read(device_id=DEVICE, signals=[SPEED])[SPEED].to_list()


def expected(*sequences: int) -> list[float]:
    return [(sequence * 3 + row) % 250 for sequence in sorted(sequences) for row in range(3)]


# --- the database


def test_migrations_make_the_tables_that_the_code_knows(engine: sa.Engine) -> None:
    """What the scripts build is what the queries expect; running them again changes nothing."""
    migrate(engine, "ingest")
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [one for one in compare_metadata(context, tables.metadata) if "alembic_version" not in str(one)]
    assert found == []


def test_an_older_database_goes_on_where_it_was(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Rows that were marked one by one as being in history become a number, which says the same of each."""
    receive(engine, telemetry(1), telemetry(2))
    history.write_run(engine, folder, limit=1)
    history.prune(engine, now=NOW)
    receive(engine, telemetry(3), telemetry(4))
    history.write_run(engine, folder, limit=2)
    before = reached_by(engine)
    downgrade(engine, "ingest_0003")
    marked = sa.text("SELECT count(*) FROM inbox WHERE in_history")
    with reading(engine) as connection:
        assert connection.execute(marked).scalar() == 3
    migrate(engine, "ingest")
    assert reached_by(engine) == before == {"history": 3, "spent": 1, "forgotten": 0}
    assert speeds(store) == expected(1, 2, 3, 4)
    assert history.write_run(engine, folder) == 1
    assert receive(engine, telemetry(5)).held == {(DEVICE, 1): Held(5)}
    assert speeds(store) == expected(1, 2, 3, 4, 5)


def reached_by(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return dict(progress.reached(connection))


def downgrade(engine: sa.Engine, to: str) -> None:
    """Brings the tables of ingest back to an older version."""
    with resources.as_file(resources.files("ingest") / "migrations") as path, transaction(engine) as connection:
        script = ScriptDirectory(str(path))
        with EnvironmentContext(
            AlembicConfig(), script, fn=lambda now, _: script._downgrade_revs(to, now)
        ) as environment:
            environment.configure(connection=connection, version_table="alembic_version_ingest", transactional_ddl=True)
            environment.run_migrations()


def test_times_come_back_aware_and_in_utc(engine: sa.Engine) -> None:
    """Whatever zone a time was given in, it comes back as the same moment in UTC; one without zone is refused."""
    shanghai = datetime.fromisoformat("2026-11-23T16:00:00.123456+08:00")
    with transaction(engine) as connection:
        credentials = devices.enrol(connection, name="golf", now=shanghai)
        found = devices.find(connection, credentials.device_id).created_at
    assert found == shanghai
    assert found.utcoffset() == timedelta(0)
    with pytest.raises(StoreError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), engine.dialect)  # noqa: DTZ001  that is the point


def test_an_exception_rolls_everything_back(engine: sa.Engine) -> None:
    """Half a transaction never becomes visible."""
    with contextlib.suppress(KilledError), transaction(engine) as connection:
        cursors.write_cursor(connection, "diagnostics", 5)
        raise KilledError
    with reading(engine) as connection:
        assert cursors.read_cursor(connection, "diagnostics") == 0


def test_several_writers_wait_for_each_other(engine: sa.Engine) -> None:
    """Read, add one, write, from four threads: nobody is refused, and no addition is lost."""
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "shared", 0)

    def add() -> None:
        for _ in range(25):
            with transaction(engine) as connection:
                if engine.dialect.name != "sqlite":
                    connection.execute(sa.text("LOCK TABLE cursors"))
                cursors.write_cursor(connection, "shared", cursors.read_cursor(connection, "shared") + 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert cursors.read_cursor(connection, "shared") == 100


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    """The sentence names the file; there is no traceback of the driver's."""
    path = tmp_path / "notes.txt"
    path.write_text("this is no database, and longer than a header of one hundred bytes would be " * 3)
    with pytest.raises(StoreError, match=r"notes.txt.*not a database"):
        migrate(open_database(f"sqlite:///{path}"), "ingest")


# --- devices


def test_enrolling_and_revoking(engine: sa.Engine) -> None:
    """A device has a name of its own, a vehicle, and a password that only it knows; revoking keeps it in the list."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        polo = devices.enrol(connection, name="polo", now=NOW, vehicle_id=golf.vehicle_id)
        assert golf.password != polo.password
        assert devices.vehicles_of(connection) == dict.fromkeys((golf.device_id, polo.device_id), golf.vehicle_id)
        gone = devices.revoke(connection, name="golf", now=NOW)
        assert devices.revoke(connection, name="golf", now=NOW + timedelta(days=1)).revoked_at == gone.revoked_at == NOW
        assert devices.vehicles_of(connection) == {polo.device_id: golf.vehicle_id}
        assert [one.name for one in devices.list_devices(connection)] == ["golf", "polo"]
        stored = connection.execute(sa.select(tables.devices.c.password_hash)).scalars().all()
    assert password_matches(stored[0], golf.password) is not password_matches(stored[0], polo.password)
    assert golf.password not in "".join(stored)
    assert all(one.startswith("$7$") for one in stored)


def test_names_are_checked(engine: sa.Engine) -> None:
    """A name that is taken or is none is a clear error, and so is an unknown one, with the nearest."""
    with transaction(engine) as connection:
        devices.enrol(connection, name="golf", now=NOW)
        with pytest.raises(DeviceNameError, match="taken"):
            devices.enrol(connection, name="golf", now=NOW)
        for name in ("", "-x", "a b", "x" * 65, "../etc", "é"):
            with pytest.raises(DeviceNameError, match="1 to 64"):
                devices.enrol(connection, name=name, now=NOW)
        with pytest.raises(UnknownDeviceError, match="did you mean golf"):
            devices.find(connection, "gofl")


# --- inbox


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


def test_old_letters_go_first(engine: sa.Engine) -> None:
    """A bound on letters is per device, and the nameless have their own."""
    receive(engine, *[bytes([number]) * 30 for number in range(10)])
    receive(engine, b"other" * 9, device="fedcba9876543210")
    with transaction(engine) as connection:
        assert letters.forget_beyond(connection, DEVICE, keep=3) == 7
        assert letters.forget_beyond(connection, DEVICE, keep=3) == 0
        assert letters.forget_beyond(connection, None, keep=1) == 0
    assert [letter.payload[:1] for letter in all_letters(engine)] == [b"\x07", b"\x08", b"\x09", b"o"]


# --- commands


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


# --- history


def test_history_and_hot_tail_are_one(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Before, between and after the moves to Parquet, readers see the same rows, sorted by time."""
    receive(engine, *(telemetry(sequence) for sequence in (3, 1, 2)))
    before = store.read(device_id=DEVICE)
    assert before["time"].is_sorted()
    assert history.write_run(engine, folder, limit=2) == 2
    assert store.read(device_id=DEVICE).equals(before)
    assert history.write_run(engine, folder) == 1
    assert history.write_run(engine, folder) == 0
    history.prune(engine, now=NOW)
    assert store.read(device_id=DEVICE).equals(before)
    assert store.read(vehicle_id=VEHICLE).equals(before)
    assert store.read(vehicle_id="another").is_empty()


def test_a_run_in_the_middle_of_reading_doubles_nothing(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A reader sees the database as of one moment, though rows go from the inbox to history between two looks."""
    receive(engine, telemetry(1), telemetry(2))
    looked = telemetry_store._file_paths
    moved: list[int] = []

    def move_first(*arguments: object) -> list[str]:
        moved.append(history.write_run(engine, folder))
        return looked(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(telemetry_store, "_file_paths", move_first)
        assert speeds(store) == expected(1, 2)
    assert moved == [2]
    assert speeds(store) == expected(1, 2)


def test_reading_a_part(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """From is included and to is not, to the millisecond; columns come in the order asked for."""
    receive(engine, telemetry(1, start_ms=NOW_MS + 123), telemetry(2, signal_set=OTHER_SET))
    history.write_run(engine, folder, limit=1)
    start = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(milliseconds=1123)
    part = store.read(
        device_id=DEVICE, signals=[COOLANT_TEMPERATURE, SPEED], start=start, end=start + timedelta(seconds=1)
    )
    assert part.columns == ["time", COOLANT_TEMPERATURE, SPEED]
    assert part["time"].to_list() == [start]
    assert part[SPEED].to_list() == [4.0]
    everything = store.read(device_id=DEVICE)
    assert everything.columns == ["time", ENGINE_SPEED, SPEED]
    assert everything[ENGINE_SPEED].to_list() == [None, None, None, 1.5, 1.75, 2.0]
    assert store.read(device_id=DEVICE, signals=[COOLANT_TEMPERATURE]).is_empty()


def test_consumers_hold_the_inbox(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """What a consumer has not dealt with stays readable by cursor, although it is in history."""
    receive(engine, *(telemetry(sequence) for sequence in range(1, 5)))
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "fast", 4)
        cursors.write_cursor(connection, "slow", 2)
    history.write_run(engine, folder)
    assert history.prune(engine, now=NOW) == 2
    found = store.arrivals(2)
    assert (found.last_id, found.frame[SPEED].to_list()) == (4, expected(3, 4))
    assert store.arrivals(4).frame.is_empty()
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "slow", 4)
    assert history.prune(engine, now=NOW) == 2
    assert store.arrivals(0).frame.is_empty()


def test_a_conflict_is_seen_for_a_week(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """The inbox forgets samples at once and digests a week later; a duplicate is a duplicate for ever."""
    receive(engine, telemetry(1))
    history.write_run(engine, folder)
    history.prune(engine, now=NOW)
    assert (DEVICE, 1) in receive(engine, telemetry(1, first=5)).rejected
    receive(engine, telemetry(1))
    history.prune(engine, now=NOW + timedelta(days=8))
    with reading(engine) as connection:
        assert connection.execute(sa.select(tables.inbox)).all() == []
    receive(engine, telemetry(1))
    assert counts(engine)["duplicate"] == 2
    assert speeds(store) == expected(1)


def test_compaction_keeps_every_row(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Many small files become one a day and bucket, again and again; rows and their order stay."""
    for round_number in range(2):
        for sequence in range(1, history.MANY_FILES + 2):
            number = round_number * 100 + sequence
            receive(engine, telemetry(number, signal_set=OTHER_SET if sequence % 2 else SET))
            history.write_run(engine, folder)
        before = store.read(device_id=DEVICE)
        assert history.compact(engine, folder, now=NOW) >= history.MANY_FILES
        assert store.read(device_id=DEVICE).equals(before)
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 1
    assert history.compact(engine, folder, now=NOW) == 0


def test_retention_forgets_whole_days(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Days before the given one go, files included; the day itself stays."""
    receive(engine, telemetry(1, start_ms=NOW_MS - DAY_MS), telemetry(2, start_ms=NOW_MS))
    history.write_run(engine, folder)
    assert history.forget_before(engine, folder, NOW) == 1
    assert speeds(store) == expected(2)
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 1


def test_any_engine_can_read_the_files(engine: sa.Engine, store: TelemetryStore, folder: Path, root: Path) -> None:
    """DuckDB, with the statement that docs/history.md gives, finds the values that our own reader gives."""
    receive(engine, telemetry(1), telemetry(2, signal_set=OTHER_SET))
    history.write_run(engine, folder)
    text = (root / "docs" / "history.md").read_text(encoding="utf-8")
    statement = text.partition("```sql\n")[2].partition("```")[0].replace("'day=", f"'{folder}/day=")
    with duckdb.connect() as duck:
        found = duck.sql(statement).select("epoch_ms(time), path, value").fetchall()
    ours = store.read(device_id=DEVICE).unpivot(index="time").drop_nulls()
    assert sorted(found) == sorted(ours.with_columns(ours["time"].dt.timestamp("ms")).rows())
    assert len(found) == ours.height > 0


def test_values_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Whatever a column holds: of the catalogue at its resolution, finer than that, or of no catalogue at all."""
    wild = random.Random(7)
    row = CATALOGUE[ENGINE_SPEED]
    exact = [row.value(wild.randint(row.raw_minimum, row.raw_maximum)) for _ in range(500)]
    frame = pl.DataFrame(
        {
            **dict.fromkeys(("vehicle_id", "device_id"), "v"),
            "time": pl.Series([datetime.fromtimestamp(at, UTC) for at in range(501)], dtype=frames.TIME),
            **{name: pl.Series(range(501), dtype=pl.Int64) for name in ("epoch", "sequence", "inbox_id")},
            ENGINE_SPEED: [None, *exact],
            SPEED: [None, *(wild.uniform(0, 250) for _ in range(500))],
            "Vehicle.Acme.Thing": [1e300, *exact],
        }
    )
    for thorough in (False, True):
        path = tmp_path / f"{thorough}.parquet"
        parquet.write(frame, path, thorough=thorough)
        assert parquet.read(path).select(frame.columns).equals(frame)
        assert parquet.read(path, signals=[SPEED]).columns == [*frames.IDENTITY, SPEED]
        names = pl.read_parquet_schema(path).keys()
        assert {f"{ENGINE_SPEED}#1/4+0", SPEED, "Vehicle.Acme.Thing"} <= names


def test_files_of_another_form_are_joined_bit_for_bit(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A signal that some files hold as integers and others, which came at a finer resolution, as values."""
    monkeypatch.setattr(history, "MANY_FILES", 2)
    row = CATALOGUE[ENGINE_SPEED]
    finer = SignalSet((SignalEntry(ENGINE_SPEED, row.numerator, row.denominator * 3, 1), *SET.entries[:1]))
    for sequence, signal_set in enumerate((finer, OTHER_SET, finer, SET), start=1):
        with transaction(engine) as connection:
            inbox.keep_sets(connection, [signal_set])
        receive(engine, telemetry(sequence, signal_set=signal_set), sets=[signal_set])
        history.write_run(engine, folder)
    forms = {name for path in folder.glob("day=*/bucket=*/*.parquet") for name in pl.read_parquet_schema(path)}
    assert {ENGINE_SPEED, f"{ENGINE_SPEED}#1/4+0"} <= forms
    before = store.read(device_id=DEVICE)
    assert history.compact(engine, folder, now=NOW) == 4
    assert store.read(device_id=DEVICE).equals(before)


def test_what_is_joined_stays_of_bounded_size(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A file that is large enough is left alone, also on a day that is over; a turn joins no more than it is told."""
    monkeypatch.setattr(history, "MANY_FILES", 3)
    monkeypatch.setattr(history, "JOINED_ROWS", 12)
    for sequence in range(1, 10):
        receive(engine, telemetry(sequence))
        history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW, most=1) == 4
    assert history.compact(engine, folder, now=NOW) == 4
    assert history.compact(engine, folder, now=NOW + timedelta(days=3)) == 0
    heights = [pl.read_parquet(path).height for path in folder.glob("day=*/bucket=*/*.parquet")]
    assert sorted(heights) == [3, 12, 12]
    assert speeds(store) == expected(*range(1, 10))


def test_a_sample_is_written_again_a_few_times_only(monkeypatch) -> None:
    """Thousands of files that come one after the other: what is joined is seldom joined again."""
    monkeypatch.setattr(history, "JOINED_ROWS", 10**9)
    files: dict[str, int] = {}
    written = 0
    for number in range(5000):
        files[f"{number:06d}"] = 1
        paths = history._worth_joining(sorted(files.items(), key=lambda one: (one[1], one[0])), is_over=False)
        if paths:
            samples = sum(files.pop(path) for path in paths)
            files[f"joined {number:06d}"] = samples
            written += samples
    assert sum(files.values()) == 5000
    assert written < 6 * 5000
    assert len(files) <= history.MANY_FILES


def test_days_that_are_over_become_one_file(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Files of a day that is over are joined though they are few; what comes late joins them at the next turn."""
    for sequence, start_ms in enumerate((NOW_MS - 2 * DAY_MS, NOW_MS - 2 * DAY_MS + 60_000, NOW_MS), start=1):
        receive(engine, telemetry(sequence, start_ms=start_ms))
        history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW) == 2
    receive(engine, telemetry(4, start_ms=NOW_MS - 2 * DAY_MS + 120_000))
    history.write_run(engine, folder)
    assert history.compact(engine, folder, now=NOW) == 2
    assert history.compact(engine, folder, now=NOW) == 0
    assert len(list(folder.glob("day=*/bucket=*/*.parquet"))) == 2
    assert store.read(device_id=DEVICE).height == 4 * len(expected(1))


def test_readers_survive_compaction(engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch) -> None:
    """Files that are replaced between listing and opening are still there; they go a while later."""
    for sequence in range(1, history.MANY_FILES + 2):
        receive(engine, telemetry(sequence))
        history.write_run(engine, folder)
    before, listed = store.read(device_id=DEVICE), TelemetryStore._read_file
    compacted: list[int] = []

    def compact_first(self: TelemetryStore, *arguments: object) -> pl.DataFrame:
        if not compacted:
            compacted.append(history.compact(engine, folder, now=NOW))
        return listed(self, *arguments)

    monkeypatch.setattr(TelemetryStore, "_read_file", compact_first)
    assert store.read(device_id=DEVICE).equals(before)
    assert compacted[0] > 0
    assert remove_retired(folder, now=datetime.now(UTC)) == 0
    assert remove_retired(folder, now=datetime.now(UTC) + KEPT) == compacted[0]
    assert store.read(device_id=DEVICE).equals(before)


def test_readers_survive_compaction_all_the_time(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch
) -> None:
    """A slow reader of many files gets through though compaction comes again before each of them."""
    monkeypatch.setattr(history, "MANY_FILES", 1)
    receive(engine, *(telemetry(number, start_ms=NOW_MS + DAY_MS * number) for number in range(1, 9)))
    history.write_run(engine, folder)
    listed = TelemetryStore._read_file
    came: list[int] = []

    def compact_first(self: TelemetryStore, *arguments: object) -> pl.DataFrame:
        number = 100 + len(came)
        receive(engine, telemetry(number, start_ms=NOW_MS + DAY_MS * (len(came) % 8 + 1) + 100_000 * number))
        history.write_run(engine, folder)
        came.append(history.compact(engine, folder, now=NOW))
        return listed(self, *arguments)

    monkeypatch.setattr(TelemetryStore, "_read_file", compact_first)
    assert speeds(store) == expected(*range(1, 9))
    assert came == [2] * 8


def test_two_writers_do_not_double(engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch) -> None:
    """Two ingests that move the same rows at the same time: one of them wins, and nothing is there twice."""
    receive(engine, telemetry(1), telemetry(2))
    write_parts = history.write_parts

    def write_and_be_overtaken(*arguments: object) -> list[history.HistoryFile]:
        monkeypatch.setattr(history, "write_parts", write_parts)
        assert history.write_run(engine, folder, limit=1) == 1
        return write_parts(*arguments)

    monkeypatch.setattr(history, "write_parts", write_and_be_overtaken)
    assert history.write_run(engine, folder) == 0
    assert history.write_run(engine, folder) == 1
    assert speeds(store) == expected(1, 2)
    assert history.remove_orphans(engine, folder, now=datetime.now(UTC)) == 0
    assert history.remove_orphans(engine, folder, now=datetime.now(UTC) + timedelta(hours=1)) == 1
    assert speeds(store) == expected(1, 2)


@pytest.mark.parametrize("seed", range(6))
def test_killed_anywhere_history_is_exact(
    engine: sa.Engine, store: TelemetryStore, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random receiving, moving, pruning, compacting and reading, killed at random points: each sample once, always."""
    rng = random.Random(seed)
    steps = ("_write_file", "_register", "_mark", "_make_durable", "retire")
    stored: list[int] = []

    def killable(name: str) -> None:
        real = getattr(history, name)

        def step(*arguments: object, **named: object) -> object:
            when = rng.random()
            if when < 0.05:
                raise KilledError
            done = real(*arguments, **named)
            if when > 0.95:
                raise KilledError
            return done

        monkeypatch.setattr(history, name, step)

    for name in steps:
        killable(name)
    monkeypatch.setattr(history, "MANY_FILES", 3)
    for _ in range(60):
        number = len(stored) + 1
        receive(engine, telemetry(number, start_ms=NOW_MS + 8_000_000 * number))
        stored.append(number)
        try:
            history.write_run(engine, folder, limit=rng.randint(1, 5))
            history.prune(engine, now=NOW)
            if rng.random() < 0.3:
                history.compact(engine, folder, now=NOW)
            if rng.random() < 0.1:
                history.remove_orphans(engine, folder, now=datetime.now(UTC), age=timedelta(0))
                remove_retired(folder, now=datetime.now(UTC), age=timedelta(0))
        except KilledError:
            continue
        assert speeds(store) == expected(*stored)
    assert speeds(store) == expected(*stored)


# --- replay


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
